package gateway

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"patgate/admin"
	"patgate/cache"
	"patgate/proxy/observe"
)

// registerMetrics registers what is read from the parts when metrics are asked for. o may be nil.
func registerMetrics(p *parts, o *observe.Observer) {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	counter := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value)
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "patgate_build_info", Help: "1, with the version as a label.",
		ConstLabels: prometheus.Labels{"version": Version()}})
	info.Set(1)
	p.metrics.MustRegister(
		info,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("patgate_routes", "Rows of the route table in use.",
			func() float64 { return float64(len(p.rules.Table().Routes())) }),
		counter("patgate_uses_lost_total", "Requests of tokens that are missing from the record of what a token did, "+
			"because there were too many or the store did not take them.",
			func() float64 { return float64(p.records.use.Lost()) }),
		counter("patgate_learn_damaged_total", "Stored records of observed requests that could not be read.",
			func() float64 { return float64(p.records.use.Damaged() + p.services.learning.Damaged()) }),
		admin.ObserverCollector(o.Lost),
		gauge("patgate_audit_healthy", "1 while decisions can be recorded.", func() float64 {
			if p.records.audit.Err() != nil {
				return 0
			}
			return 1
		}),
		admin.CacheCollector{func() []cache.Stats { return p.facts.resolver.Stats() },
			func() []cache.Stats { return p.storage.Sessions.Stats() }, p.services.trading.Exchange().Stats},
		&p.services.findings,
	)
	p.metrics.MustRegister(p.storage.Collectors()...)
}
