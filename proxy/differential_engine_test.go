package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"patgate/policy"
	"patgate/routes"
)

// trial sends specs through a gateway and compares what the forge saw with what was decided.
type trial struct {
	corpus  *corpus
	gateway *worldGateway
	forge   *grape

	mu            sync.Mutex
	requests      int
	forwarded     int // the gateway sent it on
	refused       int
	unread        map[string]int    // answers of the forge that no endpoint gave, by status
	reasons       map[string]int    // of refusals
	reached       map[string]int    // by the forge's route
	why           map[string]string // the last refusal, by the pair's name
	disagreements []string
}

func newTrial(c *corpus, g *worldGateway, f *grape) *trial {
	return &trial{corpus: c, gateway: g, forge: f, unread: map[string]int{}, reasons: map[string]int{}, reached: map[string]int{}, why: map[string]string{}}
}

// connection is one keep-alive connection to the gateway.
type connection struct {
	trial *trial
	conn  net.Conn
	in    *bufio.Reader
}

const trialWait = 20 * time.Second

// run has several connections send specs until next gives none.
func (t *trial) run(connections int, next func(worker int) func() *spec) {
	var all sync.WaitGroup
	for worker := range connections {
		all.Go(func() {
			c := &connection{trial: t}
			defer c.close()
			for one := next(worker); ; {
				s := one()
				if s == nil {
					return
				}
				c.try(s)
			}
		})
	}
	all.Wait()
}

func (c *connection) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// send writes a request and reads its answer, on a new connection when the old one is over.
func (c *connection) send(raw []byte, method string) (*http.Response, []byte, error) {
	if c.conn == nil {
		conn, err := net.Dial("tcp", c.trial.gateway.address)
		if err != nil {
			return nil, nil, err
		}
		c.conn, c.in = conn, bufio.NewReader(conn)
	}
	conn := c.conn
	_ = conn.SetDeadline(time.Now().Add(trialWait))
	written := make(chan error, 1)
	go func() { _, err := conn.Write(raw); written <- err }() // an early answer may close the way
	response, err := http.ReadResponse(c.in, &http.Request{Method: method})
	for err == nil && response.StatusCode == http.StatusContinue {
		response, err = http.ReadResponse(c.in, &http.Request{Method: method})
	}
	if err != nil {
		c.close()
		<-written
		return nil, nil, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || response.Close {
		c.close()
	}
	if writeErr := <-written; writeErr != nil {
		c.close()
	}
	return response, body, err
}

// try sends one spec and judges what happened to it.
func (c *connection) try(s *spec) {
	t := c.trial
	raw := s.raw(t.gateway.token)
	response, body, err := c.send(raw, s.method)
	t.mu.Lock()
	t.requests++
	t.mu.Unlock()
	if err != nil {
		t.disagree(s, raw, "no answer: "+err.Error())
		return
	}
	if bytes.Contains(body, []byte(t.gateway.token)) {
		t.disagree(s, raw, "the answer repeats the token")
	}
	event, known := t.gateway.decisions.take(response.Header.Get("X-Request-Id"))
	if !known {
		t.disagree(s, raw, "no decision was recorded for the answer "+response.Status)
		return
	}
	here := response.Header.Get("X-Stand-In") != ""
	if response.StatusCode >= http.StatusInternalServerError && !here {
		t.disagree(s, raw, fmt.Sprintf("patgate failed: %s %.300s", response.Status, body))
	}
	if event.Verdict != policy.Allow {
		t.mu.Lock()
		t.refused++
		t.reasons[event.Reason]++
		t.why[s.pair.name] = fmt.Sprintf("%s: %.300s", response.Status, body)
		t.mu.Unlock()
		if here {
			t.disagree(s, raw, "it was refused, and the forge answered")
		}
		return
	}
	if !here { // broken off on the way: the forge has no whole request
		t.note(t.reasons, "broken off: "+event.Reason)
		return
	}
	t.mu.Lock()
	t.forwarded++
	t.mu.Unlock()
	seen, err := t.seen(s, event.Route, response, body)
	if err != nil {
		t.note(t.unread, response.Status)
		asked := response.StatusCode == http.StatusNotAcceptable && event.Route.Params["format"] == routes.ParamPass
		elsewhere := event.Route.Surface != "" && response.StatusCode == http.StatusNotFound // the stand-in has the REST API alone
		if response.StatusCode != http.StatusUnsupportedMediaType && !asked && !elsewhere {
			t.disagree(s, raw, fmt.Sprintf("the forge refuses it: %s %.200s", response.Status, body))
		}
		return
	}
	t.note(t.reached, seen.Route)
	if differences := t.corpus.compare(s, &event, seen); len(differences) > 0 {
		t.disagree(s, raw, differences...)
	}
}

// seen gives what the forge saw. An answer that patgate changes on its way does not tell: a parameter may be called as what is removed.
func (t *trial) seen(s *spec, row *routes.Route, response *http.Response, body []byte) (*sighting, error) {
	if s.method == http.MethodHead || row != nil && changed(&row.Response) {
		return t.forge.kept(response.Header.Get("X-Request-Id"))
	}
	return readSighting(body)
}

// changed tells whether something in an answer is removed or written anew.
func changed(r *routes.Response) bool {
	return r.Rendered || r.Links || len(r.Remove)+len(r.RenderedFor)+len(r.Addresses) > 0
}

func (t *trial) note(counts map[string]int, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	counts[name]++
}

func (t *trial) disagree(s *spec, raw []byte, differences ...string) {
	request := strings.ReplaceAll(fmt.Sprintf("%.700q", raw), t.gateway.token, "TOKEN")
	t.mu.Lock()
	defer t.mu.Unlock()
	t.disagreements = append(t.disagreements, fmt.Sprintf("%s\n  %s\n  changes: %s", request, strings.Join(differences, "\n  "), strings.Join(s.changes, ", ")))
}

const maxShownDisagreements = 25

// report fails the test for each disagreement.
func (t *trial) report(tb testing.TB) {
	tb.Helper()
	tb.Logf("%d requests: %d forwarded to %d routes, %d refused (%v); unread %v", t.requests, t.forwarded, len(t.reached), t.refused, t.reasons, t.unread)
	for i, d := range t.disagreements {
		if i == maxShownDisagreements {
			tb.Errorf("... and %d more disagreements", len(t.disagreements)-i)
			break
		}
		tb.Errorf("disagreement: %s", d)
	}
}

// baseRequests sends every path of every pair once.
func (t *trial) baseRequests(connections int, seed uint64) {
	t.run(connections, func(worker int) func() *spec {
		rng := rand.New(rand.NewPCG(seed, uint64(worker)))
		at := worker
		path := 0
		return func() *spec {
			for at < len(t.corpus.pairs) {
				p := t.corpus.pairs[at]
				if path < len(p.paths) {
					path++
					return p.base(rng, path-1)
				}
				at, path = at+connections, 0
			}
			return nil
		}
	})
}
