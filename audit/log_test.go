package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap/zapcore"

	"patgate/policy"
	"patgate/routes"
)

// output is a log's destination that can be broken and blocked.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	err  error
	gate chan struct{} // when not nil, every write waits for it
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	gate, err := o.gate, o.err
	o.mu.Unlock()
	if gate != nil {
		<-gate
	}
	if err != nil {
		return 0, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) set(err error, gate chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err, o.gate = err, gate
}

// lines gives what was written, each line as JSON.
func (o *output) lines(t *testing.T) []map[string]any {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	var lines []map[string]any
	for line := range strings.Lines(o.text.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("reading line %q: %v", line, err)
		}
		lines = append(lines, fields)
	}
	return lines
}

func newLog(o *output, queue int, counters *Counters) *Log {
	return NewLog(Options{Out: o, Queue: queue, Counters: counters})
}

// withEncoders runs a test with lines that are made straight away and with an encoder's.
func withEncoders(t *testing.T, test func(t *testing.T, encoder zapcore.Encoder)) {
	t.Run("direct", func(t *testing.T) { synctest.Test(t, func(t *testing.T) { test(t, nil) }) })
	t.Run("encoder", func(t *testing.T) { synctest.Test(t, func(t *testing.T) { test(t, NewEncoder(false)) }) })
}

// allowed is a decision as the gateway makes it.
func allowed() *Event {
	return &Event{
		ID: NewRequestID(), Start: time.Now(), Client: netip.MustParseAddr("192.0.2.7"), Credential: CredentialToken,
		TokenID: 1_000_000_000_001, TokenName: "nightly", OwnerID: 42, OwnerName: "alice", Method: "GET",
		Route:    &routes.Route{Category: "CI/CD", Action: "read", Resource: "job", Path: "/projects/{project}/jobs"},
		Boundary: routes.BoundaryProject, BoundaryID: 7, Verdict: policy.Allow, Reason: "granted",
	}
}

func complete(e *Event) *Event {
	e.Status, e.ResponseBytes, e.RequestBytes, e.Duration, e.Upstream = 200, 1024, 10, 1500*time.Microsecond, time.Millisecond
	return e
}

func TestOneRequestIsOneLine(t *testing.T) {
	withEncoders(t, func(t *testing.T, encoder zapcore.Encoder) {
		o := &output{}
		log := NewLog(Options{Out: o, Encoder: encoder, Queue: 10})
		defer log.Close()
		e := allowed()
		if err := log.Decision(e); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
		log.Completion(complete(e))
		time.Sleep(100 * time.Millisecond)
		lines := o.lines(t)
		if len(lines) != 1 {
			t.Fatalf("got %d lines: %v", len(lines), lines)
		}
		delete(lines[0], "time")
		want := map[string]any{
			"level": "info", "msg": "decision", "request_id": e.ID.String(), "client": "192.0.2.7", "credential": "token",
			"token_id": 1_000_000_000_001.0, "token_name": "nightly", "owner_id": 42.0, "owner_name": "alice", "method": "GET", "route": "/projects/{project}/jobs", "permission": "read_job",
			"boundary": "project", "boundary_id": 7.0, "verdict": "allow", "reason": "granted", "status": 200.0, "bytes": 1024.0,
			"request_bytes": 10.0, "duration_us": 1500.0, "upstream_us": 1000.0,
		}
		got, _ := json.Marshal(lines[0])
		wanted, _ := json.Marshal(want)
		if string(got) != string(wanted) {
			t.Errorf("got  %s\nwant %s", got, wanted)
		}
	})
}

func TestADecisionIsWrittenWithinASecondAlthoughTheRequestRunsOn(t *testing.T) {
	withEncoders(t, func(t *testing.T, encoder zapcore.Encoder) {
		o := &output{}
		log := NewLog(Options{Out: o, Encoder: encoder, Queue: 1})
		defer log.Close()
		e := allowed()
		if err := log.Decision(e); err != nil {
			t.Fatal(err)
		}
		time.Sleep(mergeWindow + mergeWindow/2)
		if lines := o.lines(t); len(lines) != 1 || lines[0]["msg"] != "decision" || lines[0]["status"] != nil {
			t.Fatalf("after the window: %v", lines)
		}
		// The running request no longer fills the queue of one.
		second := allowed()
		if err := log.Decision(second); err != nil {
			t.Fatal(err)
		}
		log.Completion(complete(second))
		log.Completion(complete(e))
		time.Sleep(100 * time.Millisecond)
		lines := o.lines(t)
		if len(lines) != 3 || lines[2]["msg"] != "completion" || lines[2]["request_id"] != e.ID.String() || lines[2]["status"] != 200.0 {
			t.Fatalf("at the end: %v", lines)
		}
	})
}

func TestAFullQueueRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &output{}
		gate := make(chan struct{})
		o.set(nil, gate)
		log := newLog(o, 3, nil)
		var events []*Event
		for range 3 {
			events = append(events, allowed())
			if err := log.Decision(events[len(events)-1]); err != nil {
				t.Fatal(err)
			}
		}
		if err := log.Decision(allowed()); !errors.Is(err, ErrFull) {
			t.Fatalf("a fourth decision: %v", err)
		}
		if err := log.Err(); !errors.Is(err, ErrFull) {
			t.Fatalf("Err: %v", err)
		}
		for _, e := range events {
			log.Completion(complete(e))
		}
		o.set(nil, nil)
		close(gate)
		time.Sleep(time.Second)
		if err := log.Decision(allowed()); err != nil {
			t.Fatalf("after the queue was written: %v", err)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		if lines := o.lines(t); len(lines) != 4 {
			t.Fatalf("got %d lines", len(lines))
		}
	})
}

func TestABrokenLogRefusesAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &output{}
		o.set(errors.New("no space left"), nil)
		log := newLog(o, 10, nil)
		first := allowed()
		if err := log.Decision(first); err != nil {
			t.Fatal(err)
		}
		log.Completion(complete(first))
		time.Sleep(100 * time.Millisecond)
		if err := log.Decision(allowed()); !errors.Is(err, ErrSink) {
			t.Fatalf("while the log is broken: %v", err)
		}
		if err := log.Err(); err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Fatalf("Err: %v", err)
		}
		o.set(nil, nil)
		time.Sleep(time.Second)
		if err := log.Decision(allowed()); err != nil {
			t.Fatalf("after it was mended: %v", err)
		}
		log.Close()
		if lines := o.lines(t); len(lines) != 2 || lines[0]["request_id"] != first.ID.String() {
			t.Fatalf("got %v", lines)
		}
	})
}

func TestAClosedLogRefusesAndHasWrittenEverything(t *testing.T) {
	o := &output{}
	log := newLog(o, 10, nil)
	if err := log.Decision(allowed()); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := log.Decision(allowed()); !errors.Is(err, ErrClosed) {
		t.Fatalf("after Close: %v", err)
	}
	if lines := o.lines(t); len(lines) != 1 {
		t.Fatalf("got %v", lines)
	}
	log.Flush() // does not hang
}

func TestCountersFollowTheEvents(t *testing.T) {
	registry := prometheus.NewRegistry()
	counters, err := NewCounters(registry)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewCounters(registry); err == nil {
		t.Error("the same names were registered twice")
	}
	log := newLog(&output{}, 100, counters)
	defer log.Close()
	for i := range 3 {
		e := allowed()
		if i == 2 {
			e.Verdict, e.Reason, e.Route, e.Credential, e.Undeclared = policy.Deny, "no_route", nil, CredentialLegacy, 2
		}
		if err := log.Decision(e); err != nil {
			t.Fatal(err)
		}
		complete(e)
		if i == 2 {
			e.Status, e.Failure = 403, "client_gone"
		}
		log.Completion(e)
	}
	log.Flush()
	want := `
# HELP patgate_decisions_total Decisions by verdict, reason and category of the route.
# TYPE patgate_decisions_total counter
patgate_decisions_total{category="CI/CD",reason="granted",verdict="allow"} 2
patgate_decisions_total{category="none",reason="no_route",verdict="deny"} 1
# HELP patgate_requests_total Requests answered, by method and status code.
# TYPE patgate_requests_total counter
patgate_requests_total{code="200",method="GET"} 2
patgate_requests_total{code="403",method="GET"} 1
# HELP patgate_credentials_total Requests by the kind of credential they came with.
# TYPE patgate_credentials_total counter
patgate_credentials_total{credential="legacy"} 1
patgate_credentials_total{credential="token"} 2
# HELP patgate_failures_total Requests that broke after they were decided, by what broke.
# TYPE patgate_failures_total counter
patgate_failures_total{failure="client_gone"} 1
# HELP patgate_undeclared_parameters_total Parameters passed on that the route table does not declare.
# TYPE patgate_undeclared_parameters_total counter
patgate_undeclared_parameters_total 2
# HELP patgate_response_bytes_total Bytes of response bodies that clients were sent.
# TYPE patgate_response_bytes_total counter
patgate_response_bytes_total 3072
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "patgate_decisions_total", "patgate_requests_total",
		"patgate_credentials_total", "patgate_failures_total", "patgate_undeclared_parameters_total", "patgate_response_bytes_total"); err != nil {
		t.Error(err)
	}
}

func TestSeriesAreBounded(t *testing.T) {
	registry := prometheus.NewRegistry()
	counters, err := NewCounters(registry)
	if err != nil {
		t.Fatal(err)
	}
	log := newLog(&output{}, 100_000, counters)
	defer log.Close()
	for i := range maxSeries + 50 {
		for part := range 3 {
			e := allowed()
			e.Reason, e.Part = strings.Repeat("a", i), part
			if err := log.Decision(e); err != nil {
				t.Fatal(err)
			}
			log.Completion(e)
		}
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "patgate_decisions_total" {
			continue
		}
		if got := len(f.Metric); got != maxSeries+1 {
			t.Errorf("got %d series, want %d", got, maxSeries+1)
		}
		for _, m := range f.Metric {
			want, is := 3.0, m.Counter.GetValue()
			if m.Label[0].GetValue() == "other" {
				want = 150
			}
			if is != want {
				t.Errorf("%v counts %v, want %v", m.Label, is, want)
			}
		}
		return
	}
	t.Error("there are no decisions")
}

// The parts of a log count together, and hold no more than the queue together.
func TestPartsOfALog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		counters, err := NewCounters(registry)
		if err != nil {
			t.Fatal(err)
		}
		o := &output{}
		const queue = 1000
		log := newLog(o, queue, counters)
		var events []*Event
		for part := 0; ; part++ {
			e := allowed()
			e.Part = part % 7
			err := log.Decision(e)
			if errors.Is(err, ErrFull) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			events = append(events, e)
		}
		if n := len(events); n != queue {
			t.Errorf("a queue of %d took %d", queue, n)
		}
		for i, e := range events {
			complete(e).Duration = []time.Duration{time.Millisecond / 2, 2 * time.Millisecond, time.Hour}[i%3]
			log.Completion(e)
		}
		log.Flush()
		for range queue {
			e := allowed()
			if err := log.Decision(e); err != nil {
				t.Fatalf("after all was written: %v", err)
			}
			log.Completion(e)
		}
		log.Close()
		if got, want := len(o.lines(t)), len(events)+queue; got != want {
			t.Errorf("got %d lines, want %d", got, want)
		}
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "patgate_request_duration_seconds" {
				h := f.Metric[0].Histogram
				third := uint64(len(events)+2) / 3
				if first := h.Bucket[0].GetCumulativeCount(); first < third || h.GetSampleCount() != uint64(len(events)+queue) || h.GetSampleSum() < 3600 {
					t.Errorf("got %v", h)
				}
				return
			}
		}
		t.Error("there is no histogram")
	})
}

// A small queue is there for every part, whatever the others have used before.
func TestASmallQueueIsForAllParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newLog(&output{}, 2, nil)
		defer log.Close()
		for i := range 50 {
			e := allowed()
			e.Part = i % 7
			if err := log.Decision(e); err != nil {
				t.Fatalf("event %d: %v", i, err)
			}
			log.Completion(e)
			log.Flush()
		}
	})
}

// What was decided while the output failed is written when it works again, although nobody comes who wakes the writer.
func TestAWriteThatFailsOnceLosesNoWakeUp(t *testing.T) {
	withEncoders(t, func(t *testing.T, encoder zapcore.Encoder) {
		o := &output{}
		o.set(errors.New("no space left"), nil)
		log := NewLog(Options{Out: o, Encoder: encoder, Queue: 100})
		defer log.Close()
		first, second := allowed(), allowed()
		for _, e := range []*Event{first, second} {
			e.Part = 1
			if err := log.Decision(e); err != nil {
				t.Fatal(err)
			}
		}
		log.Completion(complete(first))
		time.Sleep(flushInterval + flushInterval/2) // it was tried, and failed
		log.Completion(complete(second))
		o.set(nil, nil)
		time.Sleep(10 * retryInterval)
		if got := len(o.lines(t)); got != 2 {
			t.Fatalf("%d lines after the output was mended", got)
		}
		for i := range 300 {
			e := allowed()
			e.Part = 1
			if err := log.Decision(e); err != nil {
				t.Fatalf("event %d: %v", i, err)
			}
			log.Completion(complete(e))
			if i%50 == 0 {
				time.Sleep(2 * flushInterval)
			}
		}
		time.Sleep(mergeWindow)
		if got := len(o.lines(t)); got != 302 {
			t.Errorf("got %d lines", got)
		}
	})
}

// An output that takes half a line gets the other half before anything else.
func TestAHalfLineIsFinishedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &halfOutput{}
		log := NewLog(Options{Out: o, Queue: 1000})
		for round := range 20 {
			for part := range 3 {
				e := allowed()
				e.Part = part
				for log.Decision(e) != nil {
					time.Sleep(retryInterval)
				}
				log.Completion(complete(e))
			}
			o.breakAfter(100 * (round%4 + 1))
			time.Sleep(10 * retryInterval)
		}
		log.Close()
		if got := len(o.lines(t)); got != 60 {
			t.Errorf("got %d lines", got)
		}
	})
}

// halfOutput takes some bytes and then fails once.
type halfOutput struct {
	output
	left atomic.Int64 // 0: it does not fail
}

func (o *halfOutput) breakAfter(bytes int) { o.left.Store(int64(bytes)) }

func (o *halfOutput) Write(p []byte) (int, error) {
	left := o.left.Swap(0)
	if left == 0 || left >= int64(len(p)) {
		return o.output.Write(p)
	}
	n, _ := o.output.Write(p[:left])
	return n, errors.New("no space left")
}

func TestManyRequestsAtOnceAllGetTheirLine(t *testing.T) {
	o := &output{}
	log := newLog(o, 100_000, nil)
	var wg sync.WaitGroup
	for part := range 8 {
		wg.Go(func() {
			for range 500 {
				e := allowed()
				e.Part = part
				if err := log.Decision(e); err != nil {
					t.Error(err)
				}
				log.Completion(complete(e))
			}
		})
	}
	wg.Wait()
	log.Close()
	seen := make(map[any]bool)
	for _, line := range o.lines(t) {
		if line["msg"] != "decision" || line["status"] != 200.0 {
			t.Fatalf("got %v", line)
		}
		seen[line["request_id"]] = true
	}
	if len(seen) != 4000 {
		t.Fatalf("got %d requests", len(seen))
	}
}

// What was taken while the log was being closed is written.
func TestCloseWritesWhatWasTaken(t *testing.T) {
	for range 100 {
		o := &output{}
		log := newLog(o, 100_000, nil)
		var taken atomic.Int64
		var wg sync.WaitGroup
		for part := range 4 {
			wg.Go(func() {
				for range 500 {
					e := allowed()
					e.Part = part
					if err := log.Decision(e); err != nil {
						if !errors.Is(err, ErrClosed) {
							t.Error(err)
						}
						return
					}
					taken.Add(1)
				}
			})
		}
		time.Sleep(50 * time.Microsecond)
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		if got := len(o.lines(t)); got != int(taken.Load()) {
			t.Fatalf("%d decisions were taken, %d lines written", taken.Load(), got)
		}
	}
}

func BenchmarkDecisionAndCompletion(b *testing.B) {
	log := NewLog(Options{Out: io.Discard, Queue: 1 << 20})
	defer log.Close()
	e := allowed()
	b.ReportAllocs()
	for b.Loop() {
		e.Start = time.Now()
		if err := log.Decision(e); err != nil {
			b.Fatal(err)
		}
		log.Completion(e)
	}
}
