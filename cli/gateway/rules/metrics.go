package rules

import "github.com/prometheus/client_golang/prometheus"

// reloads tell, as metrics, how the last reload of something went.
type reloads struct {
	total     *prometheus.CounterVec
	succeeded prometheus.Gauge
	at        prometheus.Gauge
}

// newReloads makes them for the route table or the policies; what is the beginning of their names.
func newReloads(registry prometheus.Registerer, what, of, one string) *reloads {
	m := &reloads{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "patgate_" + what + "_reloads_total",
			Help: "Reloads of " + of + ", by result.",
		},
			[]string{"result"}),
		succeeded: prometheus.NewGauge(prometheus.GaugeOpts{Name: "patgate_" + what + "_last_reload_successful",
			Help: "1 when the last reload put " + one + " into use, 0 when what was in use before stayed."}),
		at: prometheus.NewGauge(prometheus.GaugeOpts{Name: "patgate_" + what + "_last_reload_success_timestamp_seconds",
			Help: "When " + one + " was last put into use."}),
	}
	m.total.WithLabelValues("success").Add(0)
	m.total.WithLabelValues("failure").Add(0)
	m.succeeded.Set(1)
	m.at.SetToCurrentTime()
	registry.MustRegister(m.total, m.succeeded, m.at)
	return m
}

// count counts a reload.
func (m *reloads) count(succeeded bool) {
	if !succeeded {
		m.total.WithLabelValues("failure").Inc()
		m.succeeded.Set(0)
		return
	}
	m.total.WithLabelValues("success").Inc()
	m.succeeded.Set(1)
	m.at.SetToCurrentTime()
}
