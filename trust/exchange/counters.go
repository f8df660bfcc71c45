package exchange

import "github.com/prometheus/client_golang/prometheus"

// Counters count what became of ID tokens that came to be traded, or as credentials for the first time.
type Counters struct{ exchanges *prometheus.CounterVec }

// NewCounters registers counters.
func NewCounters(registry prometheus.Registerer) Counters {
	c := Counters{prometheus.NewCounterVec(prometheus.CounterOpts{Name: "patgate_exchanges_total",
		Help: "ID tokens that came to be traded, or for the first time as credentials, by trust (empty where there is no such " +
			"policy) and outcome: given, or why not."},
		[]string{"trust", "outcome"})}
	registry.MustRegister(c.exchanges)
	return c
}

// Count counts an event, whose trust is one that there is, or empty.
func (c Counters) Count(e Event) {
	if e.Reason == "" {
		e.Reason = "given"
	}
	c.exchanges.WithLabelValues(e.Trust, e.Reason).Inc()
}
