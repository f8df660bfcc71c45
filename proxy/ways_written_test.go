package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"patgate/policy"
	"patgate/proxy/asking"
	"patgate/routes"
	"patgate/token"
)

const asJSON = "Content-Type: application/json"

// Loops serve HEAD and short bodies themselves, also when there was no connection to the forge, and the log has the bytes of both ways.
func TestLoopsTakeHeadsAndBodies(t *testing.T) {
	upstream := newEcho(t, nil)
	sessions := &pathSessions{}
	g := newGateway(t, upstream.URL, func(o *Options) { sessions.Sessions, o.Sessions = o.Sessions, sessions })
	c := g.connect(t)
	auth := "PRIVATE-TOKEN: " + g.token
	for _, s := range []struct {
		request, body, sent string
		answered            int64
	}{
		{request("POST", issues, `{ "title" : "a" }`, auth, asJSON), `{ "title" : "a" }`, `{"title":"a"}` + "\n", 11},
		{request("POST", issues, `{"title":"b"}`, auth, asJSON), `{"title":"b"}`, `{"title":"b"}` + "\n", 11},
		{request("HEAD", jobs, "", auth), "", "", 0},
		{get(jobs, auth), "", "", 11},
		{request("PUT", issues+"/1", "title=c%41", auth, "Content-Type: application/x-www-form-urlencoded"), "title=c%41", "title=cA", 11},
		{request("POST", issues+"/1/move", `{"to_project_id":"group/granted"}`, auth, asJSON), `{"to_project_id":"group/granted"}`,
			`{"to_project_id":"7"}` + "\n", 11},
		{get(jobs, auth), "", "", 11},
		{request("POST", issues, `{"title":"`+strings.Repeat("x", 7000)+`"}`, auth, asJSON), strings.Repeat("x", 7012),
			`{"title":"` + strings.Repeat("x", 7000) + `"}` + "\n", 11},
	} {
		before := g.sink.count()
		a := c.ask(s.request)
		a.wants(t, 200)
		if got := a.header.Get("Content-Length"); got != "11" {
			t.Errorf("%.40q: the length is %q", s.request, got)
		}
		if got := upstream.last(t); string(got.body) != s.sent {
			t.Errorf("%.40q: the forge got %.100q", s.request, got.body)
		}
		e := g.sink.after(t, before)
		if e.RequestBytes != int64(len(s.body)) || e.ResponseBytes != s.answered || e.Status != 200 {
			t.Errorf("%.40q: %d bytes came and %d went", s.request, e.RequestBytes, e.ResponseBytes)
		}
		time.Sleep(5 * time.Millisecond) // the connection rests
	}
	if n := sessions.goroutine.Load(); n > 0 {
		t.Errorf("%d requests were decided by goroutines", n)
	}
}

// agedResolver knows containers as they were an age ago.
type agedResolver struct {
	asking.Resolver
	age   time.Duration
	known atomic.Int64
}

func (r *agedResolver) Known(s *token.Session, ref routes.Reference, maxAge time.Duration, now time.Time) *policy.Container {
	if maxAge < r.age {
		return nil
	}
	r.known.Add(1)
	return r.Resolver.Known(s, ref, maxAge, now)
}

// What is fresh enough for a read decides on no write, in a loop neither.
func TestLoopsWriteByFreshContainersAlone(t *testing.T) {
	resolver := &agedResolver{age: 10 * time.Second}
	sessions := &pathSessions{}
	g := newGateway(t, newEcho(t, nil).URL, func(o *Options) {
		resolver.Resolver, o.Resolver = o.Resolver, resolver
		sessions.Sessions, o.Sessions = o.Sessions, sessions
	})
	c := g.connect(t)
	auth := "PRIVATE-TOKEN: " + g.token
	for range 3 {
		c.ask(request("POST", issues, `{"title":"a"}`, auth, asJSON)).wants(t, 200)
		time.Sleep(5 * time.Millisecond)
	}
	if known, asked := resolver.known.Load(), sessions.goroutine.Load(); known > 0 || asked != 3 {
		t.Errorf("%d writes were decided by what was known, and %d by goroutines", known, asked)
	}
	for range 3 {
		c.ask(get(jobs, auth)).wants(t, 200)
		time.Sleep(5 * time.Millisecond)
	}
	if known := resolver.known.Load(); known != 3 {
		t.Errorf("%d reads were decided by what was known", known)
	}
}

// A request with a body is sent once, whatever becomes of the connection; a HEAD is sent again.
func TestLoopsSendBodiesOnce(t *testing.T) {
	var writes atomic.Int64
	g := newGateway(t, bareUpstream(t, func(_ int, c net.Conn) {
		defer c.Close()
		r := bufio.NewReader(c)
		for served := 0; ; served++ {
			q, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, q.Body)
			if q.Method == "POST" {
				writes.Add(1)
			}
			if q.Method != "GET" && served > 0 {
				return
			}
			answer := ordinary(`{"ok":true}`)
			if q.Method == "HEAD" {
				answer = strings.TrimSuffix(answer, `{"ok":true}`)
			}
			_, _ = io.WriteString(c, answer)
		}
	}), nil)
	c := g.connect(t)
	auth := "PRIVATE-TOKEN: " + g.token
	for range 3 {
		writes.Store(0)
		c.ask(get(jobs, auth)).wants(t, 200)
		time.Sleep(5 * time.Millisecond)
		c.ask(request("POST", issues, `{"title":"a"}`, auth, asJSON)).wants(t, 502)
		if n := writes.Load(); n != 1 {
			t.Errorf("it was sent %d times", n)
		}
		time.Sleep(5 * time.Millisecond)
		c.ask(get(jobs, auth)).wants(t, 200)
		time.Sleep(5 * time.Millisecond)
		c.ask(request("HEAD", jobs, "", auth)).wants(t, 200)
	}
}
