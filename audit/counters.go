package audit

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// maxSeries bounds the label combinations of each counter, whatever the events hold; further ones are counted under
// "other".
const maxSeries = 2000

// Counters are metrics that are folded from events. No label tells a token, a user or a path.
type Counters struct {
	decisions   *series[decisionKey]
	requests    *series[requestKey]
	credentials *series[Credential]
	failures    *series[string]
	duration    prometheus.Histogram
	upstream    prometheus.Histogram
	received    prometheus.Counter
	sent        prometheus.Counter
	undeclared  prometheus.Counter
}

type decisionKey struct{ verdict, reason, category string }

type requestKey struct {
	method string
	code   int
}

// NewCounters makes the counters and registers them. A name that is taken is an error.
func NewCounters(registry prometheus.Registerer) (*Counters, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	vector := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	buckets := []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}
	c := &Counters{
		decisions: newSeries(vector("patgate_decisions_total", "Decisions by verdict, reason and category of the route.", "verdict", "reason", "category"),
			func(k decisionKey) []string { return []string{k.verdict, k.reason, k.category} }),
		requests: newSeries(vector("patgate_requests_total", "Requests answered, by method and status code.", "method", "code"),
			func(k requestKey) []string { return []string{k.method, strconv.Itoa(k.code)} }),
		credentials: newSeries(vector("patgate_credentials_total", "Requests by the kind of credential they came with.", "credential"),
			func(k Credential) []string { return []string{k.String()} }),
		failures: newSeries(vector("patgate_failures_total", "Requests that broke after they were decided, by what broke.", "failure"),
			func(k string) []string { return []string{k} }),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "patgate_request_duration_seconds",
			Help: "Time from the first byte of a request to the last byte of its answer.", Buckets: buckets}),
		upstream: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "patgate_upstream_duration_seconds",
			Help: "Time until the forge's answer began, of forwarded requests.", Buckets: buckets}),
		received:   counter("patgate_request_bytes_total", "Bytes of request bodies that clients sent."),
		sent:       counter("patgate_response_bytes_total", "Bytes of response bodies that clients were sent."),
		undeclared: counter("patgate_undeclared_parameters_total", "Parameters passed on that the route table does not declare."),
	}
	for _, collector := range []prometheus.Collector{c.decisions.vector, c.requests.vector, c.credentials.vector, c.failures.vector,
		c.duration, c.upstream, c.received, c.sent, c.undeclared} {
		if err := registry.Register(collector); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// decided counts a decision. It is called by one goroutine at a time.
func (c *Counters) decided(x *entry) {
	c.decisions.of(decisionKey{x.Verdict.String(), x.Reason, x.category()}).Inc()
	c.credentials.of(x.Credential).Inc()
	if x.Undeclared > 0 {
		c.undeclared.Add(float64(x.Undeclared))
	}
}

// completed counts the end of a request. It is called by one goroutine at a time.
func (c *Counters) completed(e *Event) {
	c.requests.of(requestKey{e.Method, e.Status}).Inc()
	c.duration.Observe(e.Duration.Seconds())
	if e.RequestBytes > 0 {
		c.received.Add(float64(e.RequestBytes))
	}
	c.sent.Add(float64(e.ResponseBytes))
	if e.Upstream > 0 {
		c.upstream.Observe(e.Upstream.Seconds())
	}
	if e.Failure != "" {
		c.failures.of(e.Failure).Inc()
	}
}

// series keeps the counters of a vector by a comparable key, so that counting makes no strings.
type series[K comparable] struct {
	vector *prometheus.CounterVec
	labels func(K) []string
	known  map[K]prometheus.Counter

	last        K // the one that was asked for last: most are like the one before
	lastCounter prometheus.Counter
}

func newSeries[K comparable](vector *prometheus.CounterVec, labels func(K) []string) *series[K] {
	return &series[K]{vector: vector, labels: labels, known: make(map[K]prometheus.Counter)}
}

// of gives the counter of a key.
func (s *series[K]) of(key K) prometheus.Counter {
	if s.lastCounter != nil && key == s.last {
		return s.lastCounter
	}
	if c, ok := s.known[key]; ok {
		s.last, s.lastCounter = key, c
		return c
	}
	labels := s.labels(key)
	if len(s.known) >= maxSeries {
		for i := range labels {
			labels[i] = "other"
		}
		return s.vector.WithLabelValues(labels...)
	}
	c := s.vector.WithLabelValues(labels...)
	s.known[key] = c
	return c
}
