package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"patgate/proxy/legacy"
	"patgate/proxy/reply"
	"strings"
	"testing"
	"time"
)

const trace = "/api/v4/projects/7/jobs/1/trace"

func TestAnswers(t *testing.T) {
	long := strings.Repeat("line of a trace\n", 10<<10)
	upstream := newEcho(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Etag", `"e"`)
		switch r.URL.Query().Get("as") {
		case "long":
			w.Header().Set("Content-Length", fmt.Sprint(len(long)))
			io.WriteString(w, long)
		case "chunked":
			for i := 0; i < len(long); i += 10000 {
				io.WriteString(w, long[i:min(i+10000, len(long))])
				w.(http.Flusher).Flush()
			}
		case "range":
			http.ServeContent(w, r, "trace", time.Unix(1, 0), strings.NewReader(long))
		case "not modified":
			w.WriteHeader(304)
		case "no content":
			w.WriteHeader(204)
		case "empty":
		case "early hints":
			w.Header().Set("Link", "</x>; rel=preload")
			w.WriteHeader(103)
			io.WriteString(w, "after the hints")
		case "trailers":
			w.Header().Set("Trailer", "X-Sum")
			io.WriteString(w, "body")
			w.(http.Flusher).Flush()
			w.Header().Set("X-Sum", "1")
		default:
			io.WriteString(w, "short")
		}
	})
	g := newGateway(t, upstream.URL, nil)
	cases := []struct {
		name, method, as, header string
		status                   int
		body                     string
		length                   string
	}{
		{"short", "GET", "", "", 200, "short", "5"},
		{"long", "GET", "long", "", 200, long, fmt.Sprint(len(long))},
		{"chunked", "GET", "chunked", "", 200, long, ""},
		{"empty", "GET", "empty", "", 200, "", "0"},
		{"HEAD of a short one", "HEAD", "", "", 200, "", "5"},
		{"HEAD of a long one", "HEAD", "long", "", 200, "", fmt.Sprint(len(long))},
		{"a range", "GET", "range", "Range: bytes=5-8", 206, long[5:9], "4"},
		{"a range that cannot be", "GET", "range", "Range: bytes=9999999-", 416, "invalid range: failed to overlap\n", "33"},
		{"304", "GET", "not modified", `If-None-Match: "e"`, 304, "", ""},
		{"204", "GET", "no content", "", 204, "", ""},
		{"early hints", "GET", "early hints", "", 200, "after the hints", "15"},
		{"trailers", "GET", "trailers", "", 200, "body", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := g.sink.count()
			target := trace + "?as=" + strings.ReplaceAll(c.as, " ", "%20")
			header := c.header
			if header == "" {
				header = "X: y"
			}
			a := g.raw(t, request(c.method, target, "", "PRIVATE-TOKEN: "+g.token, header))
			if a.status != c.status || a.body != c.body || a.header.Get("Content-Length") != c.length {
				t.Errorf("status %d, %d bytes, Content-Length %q", a.status, len(a.body), a.header.Get("Content-Length"))
			}
			if e := g.sink.after(t, before); e.Status != c.status || e.ResponseBytes != int64(len(c.body)) || e.Failure != "" {
				t.Errorf("recorded status %d, %d bytes, failure %q", e.Status, e.ResponseBytes, e.Failure)
			}
		})
	}
	t.Run("one connection serves all kinds in turn", func(t *testing.T) {
		c, err := net.Dial("tcp", g.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		r := bufio.NewReader(c)
		for round := range 3 {
			for _, k := range cases {
				_, _ = io.WriteString(c, request(k.method, trace+"?as="+strings.ReplaceAll(k.as, " ", "%20"), "", "PRIVATE-TOKEN: "+g.token, "X-H: "+k.header))
				want := k.body
				if k.as == "range" {
					want = long
				}
				if a, _ := readAnswer(t, r, k.method); a.body != want {
					t.Fatalf("round %d, %s: %d bytes", round, k.name, len(a.body))
				}
			}
		}
	})
	t.Run("pipelined requests are answered in order", func(t *testing.T) {
		c, err := net.Dial("tcp", g.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(c, get(trace+"?as=long", "PRIVATE-TOKEN: "+g.token)+get(trace, "PRIVATE-TOKEN: "+g.token)+get("/api/v4/projects/8/jobs", "PRIVATE-TOKEN: "+g.token))
		r := bufio.NewReader(c)
		if a, _ := readAnswer(t, r, "GET"); a.body != long {
			t.Errorf("first: %d bytes", len(a.body))
		}
		if a, _ := readAnswer(t, r, "GET"); a.body != "short" {
			t.Errorf("second: %q", a.body)
		}
		if a, _ := readAnswer(t, r, "GET"); a.status != 403 {
			t.Errorf("third: %d", a.status)
		}
	})
	t.Run("HTTP/1.0 gets a body of unknown length up to the end of the connection", func(t *testing.T) {
		c, err := net.Dial("tcp", g.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(c, "GET "+trace+"?as=chunked HTTP/1.0\r\nHost: h\r\nPRIVATE-TOKEN: "+g.token+"\r\n\r\n")
		all, err := io.ReadAll(c)
		head, body, _ := strings.Cut(string(all), "\r\n\r\n")
		if err != nil || body != long || strings.Contains(head, "chunked") {
			t.Errorf("%v, %d bytes, head %s", err, len(body), head)
		}
	})
}

func TestAnswerHeaders(t *testing.T) {
	var origin string
	upstream := newEcho(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Set-Cookie", "_gitlab_session=x")
		h.Set("Gitlab-Workhorse-Send-Data", "x")
		h.Set("X-Sendfile", "/etc/passwd")
		h.Set("X-Gitlab-Custom-Error", "1")
		h.Set("X-Gitlab-Meta", "{}")
		h.Set("Connection", "X-Hop")
		h.Set("X-Hop", "1")
		h.Set("X-Next-Page", "2")
		h.Set("X-Request-Id", "theirs")
		h.Set("Link", "<"+origin+"/api/v4/projects/7/jobs?page=2>; rel=\"next\", <http://elsewhere/x>; rel=\"first\"")
		switch r.URL.Query().Get("to") {
		case "self":
			h.Set("Location", origin+"/api/v4/projects/7")
			w.WriteHeader(302)
		case "storage":
			h.Set("Location", "https://storage.example/x?sig=1")
			w.WriteHeader(302)
		}
	})
	origin = upstream.URL
	check := func(t *testing.T, g *gateway, credential, public string, ours bool) {
		a := g.raw(t, get(jobs+"?to=self", credential))
		if got := a.header.Get("Location"); got != public+"/api/v4/projects/7" {
			t.Errorf("Location: %s", got)
		}
		if got := a.header.Get("Link"); got != "<"+public+"/api/v4/projects/7/jobs?page=2>; rel=\"next\", <http://elsewhere/x>; rel=\"first\"" {
			t.Errorf("Link: %s", got)
		}
		for _, name := range []string{"Set-Cookie", "Gitlab-Workhorse-Send-Data", "X-Sendfile", "X-Gitlab-Custom-Error", "X-Gitlab-Meta"} {
			if got := a.header.Get(name) != ""; got == ours {
				t.Errorf("%s: %q", name, a.header.Get(name))
			}
		}
		if a.header.Get("X-Hop") != "" || a.header.Get("X-Next-Page") != "2" || (a.header.Get("X-Request-Id") == "theirs") == ours {
			t.Errorf("headers: %v", a.header)
		}
		if got := g.raw(t, get("/api/v4/projects/7/packages/generic/a/1/f?to=storage", credential)).header.Get("Location"); got != "https://storage.example/x?sig=1" {
			t.Errorf("Location: %s", got)
		}
	}
	t.Run("by the client's own address", func(t *testing.T) {
		g := newGateway(t, upstream.URL, nil)
		check(t, g, "PRIVATE-TOKEN: "+g.token, "http://patgate.test", true)
		check(t, g, "PRIVATE-TOKEN: glpat-x", "http://patgate.test", false)
	})
	t.Run("by the public URL", func(t *testing.T) {
		g := newGateway(t, upstream.URL, func(o *Options) { o.PublicURL = "https://git.example" })
		check(t, g, "PRIVATE-TOKEN: "+g.token, "https://git.example", true)
		if h := upstream.last(t).header; h.Get("X-Forwarded-Host") != "git.example" || h.Get("X-Forwarded-Proto") != "https" {
			t.Errorf("forwarded: %v", h)
		}
	})
}

// What the forge may send in answer to one request must never become the answer to another one.
func TestBrokenUpstreams(t *testing.T) {
	cases := []struct {
		name, answer string
		status       int // 0: the connection breaks off
		failure      string
	}{
		{"closes at once", "", 502, reply.FailureUpstream},
		{"garbage", "hello\r\n\r\n", 502, reply.FailureUpstream},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 502, reply.FailureUpstream},
		{"a switch of protocols", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", 502, reply.FailureUpstream},
		{"endless 1xx", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 100), 502, reply.FailureUpstream},
		{"a short body that ends early", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", 502, reply.FailureUpstream},
		{"a long body that ends early", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 50000), 0, reply.FailureUpstream},
		{"a chunked body that ends early", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n", 0, reply.FailureUpstream},
		{"a huge header", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", 502, reply.FailureUpstream},
		{"more than its length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", 200, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := newGateway(t, bareUpstream(t, func(_ int, conn net.Conn) {
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = io.WriteString(conn, c.answer)
				_ = conn.(*net.TCPConn).CloseWrite()
				time.AfterFunc(100*time.Millisecond, func() { conn.Close() })
			}), nil)
			for range 2 {
				before := g.sink.count()
				conn, err := net.Dial("tcp", g.address)
				if err != nil {
					t.Fatal(err)
				}
				_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
				_, _ = io.WriteString(conn, get(trace, "PRIVATE-TOKEN: "+g.token))
				response, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(response.Body)
				switch {
				case c.status == 0 && err == nil:
					t.Errorf("half an answer passed for a whole one")
				case c.status != 0 && response.StatusCode != c.status:
					t.Errorf("status %d", response.StatusCode)
				case strings.Contains(string(body), "evil"):
					t.Errorf("the answer to nothing was passed on")
				}
				if e := g.sink.after(t, before); e.Failure != c.failure {
					t.Errorf("recorded %q, want %q", e.Failure, c.failure)
				}
				conn.Close()
			}
		})
	}
}

func TestStaleConnectionIsReplaced(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGateway(t, upstream.URL, nil)
	file := "/api/v4/projects/7/packages/generic/p/1/f"
	for _, send := range []string{get(jobs, "PRIVATE-TOKEN: "+g.token), request("PUT", file, "body", "PRIVATE-TOKEN: "+g.token)} {
		for range 3 {
			g.raw(t, send).wants(t, 200)
			upstream.CloseClientConnections()
			time.Sleep(20 * time.Millisecond)
		}
	}
}

func TestKeysAreRemovedFromAnswers(t *testing.T) {
	long := strings.Repeat("x", 64<<10)
	upstream := newEcho(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Etag", "W/1")
		switch r.Method + r.URL.RawQuery {
		case "GETas=long":
			fmt.Fprintf(w, `{"id":7,"runners_token":"GR-secret","description":"%s"}`, long)
		case "GETas=cut":
			fmt.Fprintf(w, `{"id":7,"description":"%s","runners_token":"GR-secret"`, long)
		case "GETas=html":
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "GR-secret")
		case "GETas=gzip":
			w.Header().Set("Content-Encoding", "gzip")
			io.WriteString(w, "GR-secret")
		case "GETas=error":
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(502)
			io.WriteString(w, "<h1>GitLab is not responding</h1>")
		default:
			io.WriteString(w, `{"id":7,"nested":[{"runners_token":"GR-secret","a":1.0}]}`)
		}
	})
	g := newGateway(t, upstream.URL, nil)
	ask := func(query string) received {
		return g.raw(t, get("/api/v4/projects/7"+query, "PRIVATE-TOKEN: "+g.token, "Accept-Encoding: gzip"))
	}
	t.Run("short", func(t *testing.T) {
		a := ask("")
		a.wants(t, 200, `{"id":7,"nested":[{"a":1.0}]}`)
		if a.header.Get("Etag") != "" || a.header.Get("Content-Length") != fmt.Sprint(len(a.body)) {
			t.Errorf("headers %v", a.header)
		}
		if upstream.last(t).header.Get("Accept-Encoding") != "" {
			t.Error("a compressed answer was asked for")
		}
	})
	t.Run("long", func(t *testing.T) { ask("?as=long").wants(t, 200, `{"id":7,"description":"`+long+`"}`) })
	t.Run("not JSON", func(t *testing.T) { ask("?as=html").wants(t, 502, "unfiltered_answer") })
	t.Run("compressed", func(t *testing.T) { ask("?as=gzip").wants(t, 502, "unfiltered_answer") })
	t.Run("an error page passes", func(t *testing.T) { ask("?as=error").wants(t, 502, "GitLab is not responding") })
	t.Run("cut short breaks off", func(t *testing.T) {
		c, err := net.Dial("tcp", g.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		_, _ = io.WriteString(c, get("/api/v4/projects/7?as=cut", "PRIVATE-TOKEN: "+g.token))
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(response.Body); err == nil || strings.Contains(string(body), "GR-secret") {
			t.Errorf("%d bytes, %v", len(body), err)
		}
	})
}

func TestIdleUpstreamConnectionsAreClosed(t *testing.T) {
	upstream := newEcho(t, nil)
	g := newGateway(t, upstream.URL, func(o *Options) { o.Timeouts.UpstreamIdle = 100 * time.Millisecond })
	for range 3 {
		g.raw(t, get(jobs, "PRIVATE-TOKEN: "+g.token)).wants(t, 200)
		time.Sleep(250 * time.Millisecond)
		if open, idle := g.handler.forge.Patgate.Counts(); open != 0 || idle != 0 {
			t.Errorf("%d connections are open, %d idle", open, idle)
		}
	}
}

// A challenge to a request without a credential is no failed credential: git and docker begin with one.
func TestChallengesAreNotCounted(t *testing.T) {
	upstream := newEcho(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) })
	g := newGateway(t, upstream.URL, func(o *Options) { o.Attempts, o.Anonymous = attempts(2), legacy.Allow })
	for range 5 {
		g.raw(t, get("/g/p.git/info/refs?service=git-upload-pack")).wants(t, 401)
	}
}
