package audit

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// tally is what was counted in a part of the log. mu is held to read or change it.
type tally struct {
	mu          *sync.Mutex
	decisions   *counts[decisionKey]
	requests    *counts[requestKey]
	credentials *counts[Credential]
	failures    *counts[string]
	duration    histogram
	upstream    histogram
	received    int64
	sent        int64
	undeclared  int64
}

// decided counts a decision.
func (t *tally) decided(e *Event) {
	t.decisions.add(decisionKey{e.Verdict.String(), e.Reason, e.category()}, 1)
	t.credentials.add(e.Credential, 1)
	t.undeclared += int64(e.Undeclared)
}

// completed counts the end of a request.
func (t *tally) completed(e *Event) {
	t.requests.add(requestKey{e.Method, e.Status}, 1)
	t.duration.observe(e.Duration.Seconds())
	t.received += e.RequestBytes
	t.sent += e.ResponseBytes
	if e.Upstream > 0 {
		t.upstream.observe(e.Upstream.Seconds())
	}
	if e.Failure != "" {
		t.failures.add(e.Failure, 1)
	}
}

// add adds another one.
func (t *tally) add(o *tally) {
	t.decisions.addAll(o.decisions)
	t.requests.addAll(o.requests)
	t.credentials.addAll(o.credentials)
	t.failures.addAll(o.failures)
	t.duration.add(&o.duration)
	t.upstream.add(&o.upstream)
	t.received += o.received
	t.sent += o.sent
	t.undeclared += o.undeclared
}

// histogram counts how many values fell into each bucket; the last one has no bound.
type histogram struct {
	in  [len(bounds) + 1]uint64
	sum float64
}

func (h *histogram) observe(seconds float64) {
	i := 0
	for i < len(bounds) && seconds > bounds[i] { // most are in one of the first
		i++
	}
	h.in[i]++
	h.sum += seconds
}

func (h *histogram) add(o *histogram) {
	for i, n := range o.in {
		h.in[i] += n
	}
	h.sum += o.sum
}

func (h *histogram) collect(to chan<- prometheus.Metric, d *prometheus.Desc) {
	upTo, count := make(map[float64]uint64, len(bounds)), uint64(0)
	for i, n := range h.in {
		count += n
		if i < len(bounds) {
			upTo[bounds[i]] = count
		}
	}
	to <- prometheus.MustNewConstHistogram(d, count, h.sum, upTo)
}

// series are a metric's label combinations.
type series[K comparable] struct {
	desc   *prometheus.Desc
	labels func(K) []string

	mu    sync.Mutex
	known map[K]struct{} // which are counted for themselves
}

func newSeries[K comparable](desc *prometheus.Desc, labels func(K) []string) *series[K] {
	return &series[K]{desc: desc, labels: labels, known: make(map[K]struct{})}
}

// admit tells whether a combination is counted for itself. It is so for ever when it was once.
func (s *series[K]) admit(key K) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.known[key]; ok {
		return true
	}
	if len(s.known) >= maxSeries {
		return false
	}
	s.known[key] = struct{}{}
	return true
}

// counts are the counters of a metric in one tally.
type counts[K comparable] struct {
	series *series[K]
	of     map[K]*uint64
	other  uint64

	last  K       // the one that was counted last: most are like the one before
	lastN *uint64 // nil before the first
}

func newCounts[K comparable](s *series[K]) *counts[K] {
	return &counts[K]{series: s, of: make(map[K]*uint64)}
}

func (c *counts[K]) add(key K, n uint64) {
	if c.lastN != nil && key == c.last {
		*c.lastN += n
		return
	}
	at, ok := c.of[key]
	if !ok {
		if !c.series.admit(key) {
			c.other += n
			return
		}
		at = new(uint64)
		c.of[key] = at
	}
	c.last, c.lastN = key, at
	*at += n
}

func (c *counts[K]) addAll(o *counts[K]) {
	for key, n := range o.of {
		c.add(key, *n)
	}
	c.other += o.other
}

func (c *counts[K]) collect(to chan<- prometheus.Metric) {
	for key, n := range c.of {
		to <- prometheus.MustNewConstMetric(c.series.desc, prometheus.CounterValue, float64(*n), c.series.labels(key)...)
	}
	if c.other == 0 {
		return
	}
	var none K
	labels := c.series.labels(none)
	for i := range labels {
		labels[i] = "other"
	}
	to <- prometheus.MustNewConstMetric(c.series.desc, prometheus.CounterValue, float64(c.other), labels...)
}
