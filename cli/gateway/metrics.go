package gateway

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"patgate/admin"
	"patgate/cache"
	"patgate/store"
)

// reloadMetrics tell how the last reload of something went.
type reloadMetrics struct {
	total     *prometheus.CounterVec
	succeeded prometheus.Gauge
	at        prometheus.Gauge
}

// newReloadMetrics makes them for the route table or the policies; what is the beginning of their names.
func newReloadMetrics(registry prometheus.Registerer, what, of, one string) *reloadMetrics {
	m := &reloadMetrics{
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
func (m *reloadMetrics) count(succeeded bool) {
	if !succeeded {
		m.total.WithLabelValues("failure").Inc()
		m.succeeded.Set(0)
		return
	}
	m.total.WithLabelValues("success").Inc()
	m.succeeded.Set(1)
	m.at.SetToCurrentTime()
}

// registerMetrics registers what is read from the gateway's parts when metrics are asked for.
func registerMetrics(registry prometheus.Registerer, g *gateway) {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "patgate_build_info", Help: "1, with the version as a label.",
		ConstLabels: prometheus.Labels{"version": Version()}})
	info.Set(1)
	registry.MustRegister(
		info,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("patgate_nodes", "Nodes on the store that were there lately, this one included: each has its share of the limits "+
			"towards the forge.", func() float64 { return float64(g.size.Nodes()) }),
		gauge("patgate_routes", "Rows of the route table in use.", func() float64 { return float64(len(g.routes.Table().Routes())) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "patgate_uses_lost_total", Help: "Requests of tokens that are counted " +
			"in no unit of what a token was seen to do, because there were too many or the store did not take them."},
			func() float64 { return float64(g.use.Lost()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "patgate_learn_damaged_total",
			Help: "Kept units of what was seen that " +
				"could not be read."}, func() float64 { return float64(g.use.Damaged() + g.learning.Damaged()) }),
		admin.ObserverCollector(g.observer.Lost),
		gauge("patgate_tokens_in_report_mode", "Active tokens with which all passes that their owner may do.", g.countReportMode),
		gauge("patgate_audit_healthy", "1 while decisions can be recorded.", func() float64 {
			if g.audit.Err() != nil {
				return 0
			}
			return 1
		}),
		admin.CacheCollector{func() []cache.Stats { return g.resolver.Stats() }, func() []cache.Stats { return g.sessions.Stats() },
			g.trading.Exchange().Stats},
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "patgate_store_went_back_total",
			Help: "How often the store's newest change had a lower number than before, as after the failover to a database that lacks " +
				"the last changes: revocations may be lost."}, func() float64 { return float64(g.sessions.WentBack()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "patgate_store_graced_total",
			Help: "Times that a token was taken as it was when the store could last be reached (store.grace)."},
			func() float64 { return float64(g.sessions.Graced()) }),
		admin.TokenCollector(g.countTokens),
		&g.findings,
	)
	registry.MustRegister(storeFaultMetrics(g)...)
	registry.MustRegister(reserveMetrics(g)...)
}

// countReportMode counts the active tokens in report mode; NaN while the store does not answer.
func (g *gateway) countReportMode() float64 {
	if !g.tokens.AllowsReportMode() {
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, total, err := g.store.Tokens(ctx, store.Filter{State: store.StateActive, Reporting: true, Now: time.Now(), Limit: 1})
	if err != nil {
		return math.NaN()
	}
	return float64(total)
}

// countTokens counts the tokens of each state.
func (g *gateway) countTokens(ctx context.Context) (map[string]int, error) {
	counts := make(map[string]int)
	now := time.Now()
	for _, state := range []store.State{store.StateActive, store.StateExpired, store.StateRevoked, store.StatePaused} {
		_, total, err := g.store.Tokens(ctx, store.Filter{State: state, Now: now, Limit: 1})
		if err != nil {
			return nil, err
		}
		counts[state.String()] = total
	}
	return counts, nil
}
