package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"patgate/audit"
	"patgate/cache"
	"patgate/routes/memo"
	"patgate/token"
)

// pathSessions counts where sessions were asked for: in a loop, or by a goroutine that may wait.
type pathSessions struct {
	Sessions
	loop, goroutine atomic.Int64
	cold            atomic.Bool // nothing is in the cache
}

func (s *pathSessions) GetAt(ctx context.Context, hash token.Hash, now time.Time) (*token.Session, error) {
	switch {
	case !cache.MayNotLoad(ctx):
		s.goroutine.Add(1)
	case s.cold.Load():
		return nil, cache.ErrNotKept
	default:
		s.loop.Add(1)
	}
	return s.Sessions.GetAt(ctx, hash, now)
}

// client is a connection to a gateway that goes on.
type client struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func (g *gateway) connect(t testing.TB) *client {
	t.Helper()
	c, err := g.dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return &client{t, c, bufio.NewReader(c)}
}

func (c *client) ask(request string) received {
	c.t.Helper()
	if _, err := io.WriteString(c, request); err != nil {
		c.t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	a, _ := readAnswer(c.t, c.r, method)
	return a
}

// scripted is an upstream that answers with the bytes that the request's parameter "as" names, in pieces with a pause
// between them. An answer whose last piece is empty is followed by the end of the connection.
func scripted(t testing.TB, answers map[string][]string) string {
	return bareUpstream(t, func(_ int, c net.Conn) {
		defer c.Close()
		r := bufio.NewReader(c)
		for {
			q, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			pieces := answers[q.URL.Query().Get("as")]
			if pieces == nil {
				pieces = answers[""]
			}
			for i, p := range pieces {
				if i > 0 {
					time.Sleep(20 * time.Millisecond)
				}
				if p == "" {
					return
				}
				_, _ = io.WriteString(c, p)
			}
		}
	})
}

func ordinary(body string, fields ...string) string {
	return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + strings.Join(append(fields, ""), "\r\n") + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
}

// What a loop hands on is what a goroutine hands on, whatever the forge answers.
func TestLoopsAnswerAsGoroutinesDo(t *testing.T) {
	long, huge := strings.Repeat("x", 20<<10), strings.Repeat("y", 300<<10)
	answers := map[string][]string{
		"":                     {ordinary(`{"ok":true}`)},
		"empty":                {ordinary("")},
		"fields":               {ordinary(`[]`, "X-Total: 3", "Set-Cookie: a=b", "Gitlab-Lb: x", "X-Gitlab-Meta: {}", "X-Request-Id: theirs", "Vary: Origin", "Vary: Accept", "ETag: W/\"1\"")},
		"link":                 {ordinary(`[]`, `Link: <http://UPSTREAM/api/v4/projects/7/jobs?page=2>; rel="next"`)},
		"in pieces":            {"HTTP/1.1 200 OK\r\nContent-", "Length: 10\r\n\r\n01234", "56789"},
		"long":                 {ordinary(long)},
		"long in pieces":       {ordinary(long)[:5000], ordinary(long)[5000:]},
		"huge":                 {ordinary(huge)},
		"chunked":              {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"},
		"chunked in pieces":    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "lo\r\n0\r\n\r\n"},
		"until the end":        {"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end", ""},
		"last":                 {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlast", ""},
		"interim":              {"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ordinary(`{"after":103}`)},
		"none":                 {"HTTP/1.1 204 No Content\r\n\r\n"},
		"unchanged":            {"HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nContent-Length: 10\r\n\r\n"},
		"error":                {"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"},
		"unavailable":          {"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n{}"},
		"redirect":             {"HTTP/1.1 302 Found\r\nLocation: http://UPSTREAM/api/v4/projects/7/jobs\r\nContent-Length: 0\r\n\r\n"},
		"foreign redirect":     {"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n"},
		"two lengths":          {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} "},
		"length and chunked":   {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", ""},
		"more than its length": {ordinary(`{"ok":true}`) + "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n\"poison\""},
		"upgrade":              {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", ""},
		"no HTTP":              {"SSH-2.0-OpenSSH\r\n\r\n", ""},
		"cut head":             {"HTTP/1.1 200 OK\r\nContent-", ""},
		"nominated":            {ordinary(`[]`, "Connection: X-Total", "X-Total: 3")},
	}
	upstream := scripted(t, answers)
	for _, pieces := range answers {
		for i := range pieces {
			pieces[i] = strings.ReplaceAll(pieces[i], "http://UPSTREAM", upstream)
		}
	}
	sessions := &pathSessions{}
	quick := newGateway(t, upstream, func(o *Options) { sessions.Sessions, o.Sessions = o.Sessions, sessions })
	slow := newGateway(t, upstream, func(o *Options) { o.withoutLoops = true })
	var quickAsked atomic.Int64
	for as := range answers {
		t.Run(as, func(t *testing.T) {
			ask := func(g *gateway) received {
				c := g.connect(t)
				asked := func(query string) received {
					if g == quick {
						quickAsked.Add(1)
					}
					return c.ask(get(jobs+query, "PRIVATE-TOKEN: "+g.token))
				}
				asked("").wants(t, 200) // that there is a connection to the upstream
				asked("").wants(t, 200)
				time.Sleep(5 * time.Millisecond) // and the client's rests
				a := asked("?as=" + strings.ReplaceAll(as, " ", "+"))
				if a.header.Get("Connection") != "close" {
					asked("").wants(t, 200, `{"ok":true}`)
				}
				a.header.Del("X-Request-Id")
				a.header.Del("Date")
				a.body = strings.NewReplacer(quick.address, "GATEWAY", slow.address, "GATEWAY").Replace(a.body)
				return a
			}
			before := sessions.loop.Load()
			got, want := ask(quick), ask(slow)
			if idLess(got.body) != idLess(want.body) || got.status != want.status {
				t.Errorf("loop: %d %.200q, goroutine: %d %.200q", got.status, got.body, want.status, want.body)
			}
			if fmt.Sprint(got.header) != fmt.Sprint(want.header) {
				t.Errorf("loop:      %v\ngoroutine: %v", got.header, want.header)
			}
			if sessions.loop.Load() == before {
				t.Error("no loop served anything")
			}
		})
	}
	if n := sessions.goroutine.Load() + sessions.loop.Load(); n != quickAsked.Load() {
		t.Errorf("%d look-ups for %d requests", n, quickAsked.Load())
	}
}

// idLess takes the request id out of patgate's own answers.
func idLess(body string) string {
	const key = `"request_id":"`
	if i := strings.Index(body, key); i >= 0 && len(body) >= i+len(key)+32 {
		return body[:i+len(key)] + body[i+len(key)+32:]
	}
	return body
}

// What the loop cannot decide on at once is decided by a goroutine, once.
func TestLoopsDecideNothingAlone(t *testing.T) {
	upstream := newEcho(t, nil)
	sessions := &pathSessions{}
	g := newGateway(t, upstream.URL, func(o *Options) { sessions.Sessions, o.Sessions = o.Sessions, sessions })
	c := g.connect(t)
	auth := "PRIVATE-TOKEN: " + g.token
	for i, s := range []struct {
		name, request string
		status        int
		text          string
	}{
		{"allowed", get(jobs, auth), 200, "ok"},
		{"denied", get("/api/v4/projects/8/jobs", auth), 403, "out_of_bounds"},
		{"no row", get("/api/v4/nothing", auth), 403, ""},
		{"allowed after a denial", get(jobs, auth), 200, "ok"},
		{"a parameter twice", get(jobs+"?page=1&page=2", auth), 400, ""},
		{"an unknown token", get(jobs, "PRIVATE-TOKEN: "+mintUnknown(t)), 401, ""},
		{"a body", request("POST", "/api/v4/projects/7/issues", `{"title":"x"}`, auth, "Content-Type: application/json"), 200, "ok"},
		{"kept alive", get(jobs, auth, "Connection: keep-alive"), 200, "ok"},
		{"a method override", get(jobs, auth, "X-HTTP-Method-Override: DELETE"), 400, ""},
		{"a GET with a length", get(jobs, auth, "Content-Length: 0"), 200, "ok"},
		{"a removed key", get("/api/v4/projects/7", auth), 200, "ok"},
		{"a lookup", get("/api/v4/vulnerabilities/70", auth), 200, "ok"},
	} {
		t.Run(s.name, func(t *testing.T) {
			before := g.sink.count()
			a := c.ask(s.request)
			a.wants(t, s.status, s.text)
			if a.header.Get("Connection") == "close" {
				c = g.connect(t)
			}
			if e := g.sink.after(t, before); g.sink.count() != before+1 || a.header.Get("X-Request-Id") != e.ID.String() || e.Status != s.status {
				t.Errorf("request %d: %d decisions, %q is recorded as %q with %d", i, g.sink.count()-before, a.header.Get("X-Request-Id"), e.ID.String(), e.Status)
			}
		})
	}
}

// Requests that come together are answered in turn, each with its own answer.
func TestLoopsKeepTheOrderOfRequests(t *testing.T) {
	upstream := newEcho(t, func(w http.ResponseWriter, r *http.Request) {
		body := `{"page":"` + r.URL.Query().Get("page") + `"}`
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = io.WriteString(w, body)
	})
	g := newGateway(t, upstream.URL, nil)
	c := g.connect(t)
	auth := "PRIVATE-TOKEN: " + g.token
	for round := range 20 {
		var all strings.Builder
		for i := range 5 {
			all.WriteString(get(fmt.Sprintf("%s?page=%d", jobs, 10*round+i), auth))
		}
		text := all.String()
		for _, part := range []string{text[:round*7], text[round*7:]} { // cut in the middle of a head
			_, _ = io.WriteString(c, part)
			time.Sleep(time.Millisecond)
		}
		for i := range 5 {
			a, _ := readAnswer(t, c.r, "GET")
			a.wants(t, 200, fmt.Sprintf(`{"page":"%d"}`, 10*round+i))
		}
	}
}

// Every client gets its own answer while connections to the forge go from one to the other, and the forge closes some.
func TestLoopsUnderLoad(t *testing.T) {
	var n atomic.Int64
	upstream := newEcho(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%50 == 0 {
			w.Header().Set("Connection", "close")
		}
		body := `{"page":"` + r.URL.Query().Get("page") + `"}`
		if n.Load()%7 == 0 {
			body += strings.Repeat(" ", 40<<10)
		}
		_, _ = io.WriteString(w, body)
	})
	g := newGateway(t, upstream.URL, func(o *Options) { o.Upstream.Connections = 8 })
	var all sync.WaitGroup
	for k := range 24 {
		all.Go(func() {
			c := g.connect(t)
			for i := range 100 {
				target := fmt.Sprintf("%s?page=%d", jobs, 1000*k+i)
				if _, err := io.WriteString(c, get(target, "PRIVATE-TOKEN: "+g.token)); err != nil {
					t.Error(err)
					return
				}
				response, err := http.ReadResponse(c.r, nil)
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(response.Body)
				if want := fmt.Sprintf(`{"page":"%d"}`, 1000*k+i); err != nil || response.StatusCode != 200 || !strings.HasPrefix(string(body), want) {
					t.Errorf("%v, status %d: %.80q, want %s", err, response.StatusCode, body, want)
					return
				}
			}
		})
	}
	all.Wait()
	if open, _ := g.handler.forge.Patgate.Counts(); open > 8 {
		t.Errorf("%d connections to the upstream, of 8", open)
	}
}

// Waits that the loop watches over end like those of a goroutine.
func TestLoopsEndWaits(t *testing.T) {
	upstream := scripted(t, map[string][]string{"": {ordinary("{}")}, "never": {" ", " "}, "half": {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n1", " "}, "stray": {ordinary("{}"), ordinary(`"stray"`)}})
	g := newGateway(t, upstream, func(o *Options) {
		o.Timeouts.UpstreamResponse, o.Timeouts.UpstreamStall, o.Timeouts.Idle = 200*time.Millisecond, 200*time.Millisecond, 300*time.Millisecond
	})
	auth := "PRIVATE-TOKEN: " + g.token
	warm := func(t *testing.T) *client {
		c := g.connect(t)
		c.ask(get(jobs, auth)).wants(t, 200)
		c.ask(get(jobs, auth)).wants(t, 200)
		return c
	}
	t.Run("no answer", func(t *testing.T) { warm(t).ask(get(jobs+"?as=never", auth)).wants(t, 504) })
	t.Run("half an answer", func(t *testing.T) {
		c := warm(t)
		_, _ = io.WriteString(c, get(jobs+"?as=half", auth))
		response, err := http.ReadResponse(c.r, nil)
		if err == nil && response.StatusCode == 200 {
			_, err = io.ReadAll(response.Body)
		}
		if err == nil && response.StatusCode != 504 {
			t.Errorf("status %d", response.StatusCode)
		}
	})
	t.Run("no further request", func(t *testing.T) {
		c := warm(t)
		if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
	t.Run("an answer to nothing", func(t *testing.T) {
		c := warm(t)
		c.ask(get(jobs+"?as=stray", auth)).wants(t, 200, "{}")
		time.Sleep(60 * time.Millisecond)
		c.ask(get(jobs, auth)).wants(t, 200, "{}")
	})
	t.Run("the client goes", func(t *testing.T) {
		c := warm(t)
		before := g.sink.count()
		_, _ = io.WriteString(c, get(jobs+"?as=never", auth))
		_ = c.Close()
		if e := g.sink.after(t, before); e.Status != 504 {
			t.Errorf("status %d", e.Status)
		}
	})
}

// A client that does not read gets the rest of an answer when it does, and requests behind it are answered.
func TestLoopsWaitForSlowReaders(t *testing.T) {
	body := strings.Repeat("z", 30<<10)
	g := newGateway(t, scripted(t, map[string][]string{"": {ordinary(body)}}), nil)
	c := g.connect(t)
	const n = 400
	go func() {
		for range n {
			if _, err := io.WriteString(c, get(jobs, "PRIVATE-TOKEN: "+g.token)); err != nil {
				return
			}
			time.Sleep(200 * time.Microsecond)
		}
	}()
	time.Sleep(300 * time.Millisecond)
	for range n {
		a, _ := readAnswer(t, c.r, "GET")
		a.wants(t, 200)
		if a.body != body {
			t.Fatalf("%d bytes", len(a.body))
		}
	}
}

// What the server has no room for is refused, and recorded to its end.
func TestLoopsWithoutRoomForAGoroutine(t *testing.T) {
	release := make(chan struct{})
	g := newGateway(t, newEcho(t, func(http.ResponseWriter, *http.Request) { <-release }).URL, func(o *Options) { o.goroutines = 1 })
	auth := "PRIVATE-TOKEN: " + g.token
	busy, other := g.connect(t), g.connect(t)
	_, _ = io.WriteString(busy, get(jobs, auth))
	time.Sleep(100 * time.Millisecond)
	other.ask(get(jobs, auth)).wants(t, 503)
	close(release)
	a, _ := readAnswer(t, busy.r, "GET")
	a.wants(t, 200)
	g.sink.after(t, 1) // both are complete
}

// A shutdown ends connections that wait for a request, and lets those that wait for an answer have it.
func TestLoopsShutDown(t *testing.T) {
	upstream := newEcho(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("page") {
			time.Sleep(300 * time.Millisecond)
		}
		_, _ = io.WriteString(w, `{"ok":true}`)
	})
	g := newGateway(t, upstream.URL, nil)
	idle, busy := g.connect(t), g.connect(t)
	auth := "PRIVATE-TOKEN: " + g.token
	for _, c := range []*client{idle, busy, idle, busy} {
		c.ask(get(jobs, auth)).wants(t, 200)
	}
	_, _ = io.WriteString(busy, get(jobs+"?page=1", auth))
	time.Sleep(100 * time.Millisecond)
	ended := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		ended <- g.server.Shutdown(ctx)
	}()
	if n, err := idle.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("idle: %d bytes, %v", n, err)
	}
	a, _ := readAnswer(t, busy.r, "GET")
	a.wants(t, 200, "ok")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Lines of answers that a loop knows from earlier answers are passed on as they were, and others are not taken for them.
func TestKnownLines(t *testing.T) {
	answers := map[string][]string{
		"": {ordinary("{}")},
		"a": {ordinary("{}", "Vary: Origin", "X-Total: 1", "x-total: 1", "X-Page:  2", "Etag: \"1\"", "Set-Cookie: a=b", "X-Accel-Buffering: no",
			"X-Long: "+strings.Repeat("x", memo.MaxText))},
		"b": {ordinary("{}", "Vary: Accept", "X-Total: 2", "x-total: 3", "X-Page: 2", "Etag: \"2\"", "Link: </x>; rel=\"next\"", "X-Odd: \t")},
	}
	upstream := scripted(t, answers)
	sessions := &pathSessions{}
	quick := newGateway(t, upstream, func(o *Options) { sessions.Sessions, o.Sessions = o.Sessions, sessions })
	slow := newGateway(t, upstream, func(o *Options) { o.withoutLoops = true })
	q, s := quick.connect(t), slow.connect(t)
	for i := range 40 {
		as := []string{"a", "b", "a", "a", "b"}[i%5]
		got, want := q.ask(get(jobs+"?as="+as, "PRIVATE-TOKEN: "+quick.token)), s.ask(get(jobs+"?as="+as, "PRIVATE-TOKEN: "+slow.token))
		for _, a := range []received{got, want} {
			a.header.Del("X-Request-Id")
			for name, values := range a.header {
				for i := range values {
					values[i] = strings.NewReplacer(quick.address, "GATEWAY", slow.address, "GATEWAY").Replace(values[i])
				}
				a.header[name] = values
			}
		}
		if fmt.Sprint(got.header) != fmt.Sprint(want.header) || got.body != want.body {
			t.Fatalf("answer %d, %s:\nloop:      %v\ngoroutine: %v", i, as, got.header, want.header)
		}
		time.Sleep(2 * time.Millisecond) // that the connection rests
	}
	if sessions.loop.Load() < 20 {
		t.Errorf("a loop served %d", sessions.loop.Load())
	}
}

// panickingSink panics at the first completion.
type panickingSink struct {
	audit.Sink
	panicked atomic.Bool
}

func (s *panickingSink) Completion(e *audit.Event) {
	if s.panicked.CompareAndSwap(false, true) {
		panic("at the completion")
	}
	s.Sink.Completion(e)
}

// A panic when an answer is complete is told, and the connection to the forge, which is idle by then, is nobody else's to close.
func TestPanicBehindTheAnswer(t *testing.T) {
	upstream := newEcho(t, nil)
	var told atomic.Int64
	sink := &panickingSink{}
	sink.panicked.Store(true) // not yet
	g := newGateway(t, upstream.URL, func(o *Options) {
		sink.Sink, o.Audit = o.Audit, sink
		o.Panicked = func(any, []byte) { told.Add(1) }
	})
	c := g.connect(t)
	ask := func(status int) {
		t.Helper()
		c.ask(get(jobs, "PRIVATE-TOKEN: "+g.token)).wants(t, status)
		time.Sleep(5 * time.Millisecond) // that the connection rests
	}
	ask(200)
	ask(200)
	sink.panicked.Store(false)
	_, _ = io.WriteString(c, get(jobs, "PRIVATE-TOKEN: "+g.token))
	if a, err := http.ReadResponse(c.r, nil); err != nil || a.StatusCode != 500 {
		t.Fatalf("got %v, %v", a, err)
	}
	if told.Load() != 1 {
		t.Errorf("%d panics were told of", told.Load())
	}
	c = g.connect(t)
	ask(200)
	if open, idle := g.handler.forge.Patgate.Counts(); open != idle || idle == 0 {
		t.Errorf("%d connections are open, %d idle", open, idle)
	}
}
