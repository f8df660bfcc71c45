package audit

import (
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// maxSeries bounds the label combinations of each counter, whatever the events hold; further ones are counted under
// "other".
const maxSeries = 2000

// bounds are the upper bounds of the histograms' buckets, in seconds.
var bounds = [...]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}

// Counters are metrics that are folded from events. No label tells a token, a user or a path. They are kept as a tally for
// each part of the log, and added up when they are asked for: what is counted on one processor costs the others nothing.
type Counters struct {
	decisions   *series[decisionKey]
	requests    *series[requestKey]
	credentials *series[Credential]
	failures    *series[string]
	duration    *prometheus.Desc
	upstream    *prometheus.Desc
	received    *prometheus.Desc
	sent        *prometheus.Desc
	undeclared  *prometheus.Desc

	mu      sync.Mutex
	tallies []*tally
}

var _ prometheus.Collector = (*Counters)(nil)

type decisionKey struct{ verdict, reason, category string }

type requestKey struct {
	method string
	code   int
}

// NewCounters makes the counters and registers them. A name that is taken is an error.
func NewCounters(registry prometheus.Registerer) (*Counters, error) {
	plain := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	c := &Counters{
		decisions: newSeries(prometheus.NewDesc("patgate_decisions_total", "Decisions by verdict, reason and category of "+
			"the route.",
			[]string{"verdict", "reason", "category"}, nil), func(k decisionKey) []string {
			return []string{k.verdict, k.reason, k.category}
		}),
		requests: newSeries(prometheus.NewDesc("patgate_requests_total", "Requests answered, by method and status code.",
			[]string{"method", "code"}, nil), func(k requestKey) []string { return []string{k.method, strconv.Itoa(k.code)} }),
		credentials: newSeries(prometheus.NewDesc("patgate_credentials_total", "Requests by the kind of credential they "+
			"came with.",
			[]string{"credential"}, nil), func(k Credential) []string { return []string{k.String()} }),
		failures: newSeries(prometheus.NewDesc("patgate_failures_total", "Requests that broke after they were decided, by "+
			"what broke.",
			[]string{"failure"}, nil), func(k string) []string { return []string{k} }),
		duration: plain("patgate_request_duration_seconds", "Time from the first byte of a request to the last byte of "+
			"its answer."),
		upstream:   plain("patgate_upstream_duration_seconds", "Time until the forge's answer began, of forwarded requests."),
		received:   plain("patgate_request_bytes_total", "Bytes of request bodies that clients sent."),
		sent:       plain("patgate_response_bytes_total", "Bytes of response bodies that clients were sent."),
		undeclared: plain("patgate_undeclared_parameters_total", "Parameters passed on that the route table does not declare."),
	}
	if err := registry.Register(c); err != nil {
		return nil, err
	}
	return c, nil
}

// Describe implements prometheus.Collector.
func (c *Counters) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.decisions.desc, c.requests.desc, c.credentials.desc, c.failures.desc,
		c.duration, c.upstream, c.received, c.sent, c.undeclared} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Counters) Collect(to chan<- prometheus.Metric) {
	sum := c.blank(nil)
	c.mu.Lock()
	tallies := c.tallies
	c.mu.Unlock()
	for _, t := range tallies {
		t.mu.Lock()
		sum.add(t)
		t.mu.Unlock()
	}
	sum.decisions.collect(to)
	sum.requests.collect(to)
	sum.credentials.collect(to)
	sum.failures.collect(to)
	sum.duration.collect(to, c.duration)
	sum.upstream.collect(to, c.upstream)
	for d, n := range map[*prometheus.Desc]int64{c.received: sum.received, c.sent: sum.sent, c.undeclared: sum.undeclared} {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n))
	}
}

// newTally makes a tally that is counted too; mu is held to change it.
func (c *Counters) newTally(mu *sync.Mutex) *tally {
	t := c.blank(mu)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tallies = append(c.tallies, t)
	return t
}

func (c *Counters) blank(mu *sync.Mutex) *tally {
	return &tally{
		mu:          mu,
		decisions:   newCounts(c.decisions),
		requests:    newCounts(c.requests),
		credentials: newCounts(c.credentials),
		failures:    newCounts(c.failures),
	}
}
