package admin

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"patgate/cache"
)

// CacheCollector reads the caches' own counts when metrics are asked for. Each function gives those of some caches.
type CacheCollector []func() []cache.Stats

var _ prometheus.Collector = CacheCollector(nil)

// cacheMetric is one of the counts of a cache.
type cacheMetric struct {
	description *prometheus.Desc
	value       func(cache.Stats) uint64
}

func cacheMetrics() []cacheMetric {
	metric := func(name, help string, value func(cache.Stats) uint64) cacheMetric {
		return cacheMetric{prometheus.NewDesc("patgate_cache_"+name+"_total", help, []string{"cache"}, nil), value}
	}
	return []cacheMetric{
		metric("hits", "Look-ups that a cache answered.", func(s cache.Stats) uint64 { return s.Hits }),
		metric("negative_hits", "Look-ups that a cache answered with not found.",
			func(s cache.Stats) uint64 { return s.NegativeHits }),
		metric("misses", "Look-ups that found nothing fresh.", func(s cache.Stats) uint64 { return s.Misses }),
		metric("joins", "Look-ups that waited for another's load.", func(s cache.Stats) uint64 { return s.Joins }),
		metric("loads", "Reads from the source behind a cache.", func(s cache.Stats) uint64 { return s.Loads }),
		metric("load_errors", "Reads that failed.", func(s cache.Stats) uint64 { return s.Errors }),
		metric("invalidations", "Entries or generations that were dropped on a change.",
			func(s cache.Stats) uint64 { return s.Invalidations }),
	}
}

// Describe sends the descriptions.
func (CacheCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range cacheMetrics() {
		ch <- m.description
	}
}

// Collect sends the counts.
func (c CacheCollector) Collect(ch chan<- prometheus.Metric) {
	metrics := cacheMetrics()
	for _, read := range c {
		for _, stats := range read() {
			for _, m := range metrics {
				ch <- prometheus.MustNewConstMetric(m.description, prometheus.CounterValue, float64(m.value(stats)), stats.Name)
			}
		}
	}
}

// tokenCountTimeout bounds how long a metrics request waits for the store.
const tokenCountTimeout = time.Second

// TokenCollector counts the tokens of each state when metrics are asked for. A store that does not answer leaves the
// metric out.
type TokenCollector func(ctx context.Context) (map[string]int, error)

var _ prometheus.Collector = TokenCollector(nil)

func tokenDescription() *prometheus.Desc {
	return prometheus.NewDesc("patgate_tokens", "Tokens in the store, by state.", []string{"state"}, nil)
}

// Describe sends the description.
func (TokenCollector) Describe(ch chan<- *prometheus.Desc) { ch <- tokenDescription() }

// Collect sends the counts.
func (c TokenCollector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), tokenCountTimeout)
	defer cancel()
	counts, err := c(ctx)
	if err != nil {
		return
	}
	for state, n := range counts {
		ch <- prometheus.MustNewConstMetric(tokenDescription(), prometheus.GaugeValue, float64(n), state)
	}
}

// ObserverCollector counts the requests with credentials of the forge's own that were not observed, by why, when metrics are
// asked for.
type ObserverCollector func() map[string]int64

var _ prometheus.Collector = ObserverCollector(nil)

func unobserved() *prometheus.Desc {
	return prometheus.NewDesc("patgate_learn_lost_total",
		"Answered requests with a credential of the forge's own whose actions were not "+
			"recorded, by reason.", []string{"reason"}, nil)
}

// Describe sends the description.
func (ObserverCollector) Describe(ch chan<- *prometheus.Desc) { ch <- unobserved() }

// Collect sends the counts.
func (c ObserverCollector) Collect(ch chan<- prometheus.Metric) {
	for reason, n := range c() {
		ch <- prometheus.MustNewConstMetric(unobserved(), prometheus.CounterValue, float64(n), reason)
	}
}
