package admin

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"patgate/admin/learning"
	"patgate/learn/propose"
)

// Findings tell how many rights of tokens are unused, as a metric. They are made once a day, because that reads what all tokens
// did; before the first time the metric is missing.
type Findings struct {
	tally atomic.Pointer[learning.Tally]
}

var _ prometheus.Collector = (*Findings)(nil)

// findingsEvery is how often findings are made.
const findingsEvery = 24 * time.Hour

// Run makes findings until the context is done. report is called with each failure.
func (f *Findings) Run(ctx context.Context, survey func(context.Context) (*learning.Tally, error), report func(error)) {
	tick := time.NewTicker(findingsEvery)
	defer tick.Stop()
	for {
		t, err := survey(ctx)
		switch {
		case err == nil:
			f.tally.Store(t)
		case ctx.Err() == nil:
			report(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func findingsMetrics() (tokens, rights, at *prometheus.Desc) {
	tokens = prometheus.NewDesc("patgate_findings_tokens", "Active tokens by what was found of their rights, once a day: "+
		"some_unused, all_used, nothing_used, too_young, not_kept.", []string{"standing"}, nil)
	rights = prometheus.NewDesc("patgate_findings_rights", "Permissions and places in the scopes of active tokens that could be "+
		"judged, by whether they were used for 60 days.", []string{"right", "used"}, nil)
	at = prometheus.NewDesc("patgate_findings_timestamp_seconds", "When the findings were made.", nil, nil)
	return tokens, rights, at
}

// Describe sends the descriptions.
func (f *Findings) Describe(ch chan<- *prometheus.Desc) {
	tokens, rights, at := findingsMetrics()
	ch <- tokens
	ch <- rights
	ch <- at
}

// Collect sends the counts.
func (f *Findings) Collect(ch chan<- prometheus.Metric) {
	t := f.tally.Load()
	if t == nil {
		return
	}
	tokens, rights, at := findingsMetrics()
	gauge := func(d *prometheus.Desc, n float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n, labels...)
	}
	for standing, n := range t.Tokens {
		if standing != learning.NotActive {
			gauge(tokens, float64(n), string(standing))
		}
	}
	for right, share := range map[string]propose.Share{"permission": t.Rights.Permissions, "project": t.Rights.Projects,
		"group": t.Rights.Groups} {
		gauge(rights, float64(share.Unused), right, "false")
		gauge(rights, float64(share.Of-share.Unused), right, "true")
	}
	gauge(at, float64(t.At.Unix()))
}
