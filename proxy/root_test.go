package proxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"patgate/dial"
	"patgate/proxy/legacy"
)

// TestAForgeUnderAPath: what is sent lies below the forge's path, whether the client came with it or without; what leads back
// leads to the address that the client knows; what is beside the forge is another's.
func TestAForgeUnderAPath(t *testing.T) {
	const root = "/gitlab"
	var origin string
	upstream := newEcho(t, func(w http.ResponseWriter, r *http.Request) {
		if to := r.Header.Get("If-Match"); to != "" { // it is passed on, and says where this leads
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
			return
		}
		w.Header().Set("Link", "<"+origin+root+"/api/v4/x?page=2>; rel=\"next\"")
		_, _ = io.WriteString(w, "ok")
	})
	origin = upstream.URL
	for _, way := range []struct {
		name   string
		public string
		loops  bool
		link   [2]string // what a client is told that came without the path, and with it
	}{
		{"loops", "", true, [2]string{"http://patgate.test", "http://patgate.test/gitlab"}},
		{"goroutines", "", false, [2]string{"http://patgate.test", "http://patgate.test/gitlab"}},
		{"a public address", "https://git.example.com", true, [2]string{"https://git.example.com", "https://git.example.com"}},
		{"a public address with the path", "https://git.example.com/gitlab", true,
			[2]string{"https://git.example.com/gitlab", "https://git.example.com/gitlab"}},
	} {
		t.Run(way.name, func(t *testing.T) {
			g := newGateway(t, origin+root, func(o *Options) {
				o.PublicURL, o.withoutLoops, o.Anonymous = way.public, !way.loops, legacy.Allow
			})
			for i, prefix := range []string{"", root} {
				for _, credential := range []string{g.token, "glpat-legacy", ""} {
					a := g.raw(t, get(prefix+jobs+"?page=1", "PRIVATE-TOKEN: "+credential))
					a.wants(t, 200, "ok")
					if got := upstream.last(t).target; got != root+jobs+"?page=1" {
						t.Errorf("%q was sent for %q", got, prefix+jobs)
					}
					if got, want := a.header.Get("Link"), "<"+way.link[i]+"/api/v4/x?page=2>; rel=\"next\""; got != want {
						t.Errorf("Link %s, want %s", got, want)
					}
				}
				leads := func(to string) received {
					return g.raw(t, get(prefix+jobs, "PRIVATE-TOKEN: "+g.token, "If-Match: "+to))
				}
				if a := leads(origin + root + "/x"); a.status != 302 || a.header.Get("Location") != way.link[i]+"/x" {
					t.Errorf("a redirect leads to %d %q", a.status, a.header.Get("Location"))
				}
				leads(origin+"/jira").wants(t, 502, "foreign_redirect")
				leads("/jira").wants(t, 502, "foreign_redirect")
			}
			for name, path := range map[string]string{
				"an internal path below it":        root + "/api/v4/internal/x",
				"an internal path":                 "/-/metrics",
				"what is beside the forge":         "/../jira",
				"what is beside it, encoded":       root + "/%2e%2E/jira",
				"what is beside it, encoded twice": "/x/%252e%252e/%252e%252e/jira",
			} {
				t.Run(name, func(t *testing.T) {
					before := len(upstream.requests())
					g.raw(t, get(path, "PRIVATE-TOKEN: glpat-legacy")).wants(t, 404)
					if len(upstream.requests()) != before {
						t.Error("it was sent")
					}
				})
			}
			if g.raw(t, get(root+"?x=1", "PRIVATE-TOKEN: glpat-legacy")); upstream.last(t).target != root+"/?x=1" {
				t.Errorf("%q was sent for the path alone", upstream.last(t).target)
			}
			g.raw(t, get(root+"2"+jobs, "PRIVATE-TOKEN: "+g.token)).wants(t, 403)
		})
	}
}

// TestARedirectInCirclesEnds: a forge that sends to its own other address whatever is asked is not handed on, for a client would
// come back for ever.
func TestARedirectInCirclesEnds(t *testing.T) {
	upstream := newEcho(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "https://"+r.Host+r.RequestURI)
		w.Header().Set("A-Field", "x") // in front of it
		w.WriteHeader(http.StatusMovedPermanently)
	})
	for _, loops := range []bool{true, false} {
		g := newGateway(t, upstream.URL, func(o *Options) { o.withoutLoops, o.Anonymous = !loops, legacy.Allow })
		for range 2 {
			for _, credential := range []string{g.token, "glpat-legacy", ""} {
				g.raw(t, get(jobs+"?a=b", "PRIVATE-TOKEN: "+credential)).wants(t, 502, "upstream.url")
			}
			for _, credential := range []string{"glpat-legacy", ""} {
				a := g.raw(t, get("/-/cable", "PRIVATE-TOKEN: "+credential, "Connection: Upgrade", "Upgrade: websocket"))
				if a.wants(t, 502, "upstream.url"); a.header.Get("A-Field") != "" {
					t.Errorf("part of the forge's answer is passed on: %v", a.header)
				}
			}
		}
	}
}

// TestAForgeAtAUnixSocket: it is called by its own name, in loops and in goroutines, on connections that are used again.
func TestAForgeAtAUnixSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "forge.socket")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	opened := make(chan struct{}, 64)
	forge := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%s %s", r.Host, r.RequestURI) }),
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				opened <- struct{}{}
			}
		},
	}
	go func() { _ = forge.Serve(ln) }()
	defer forge.Close()
	const url = "http://gitlab.invalid"
	dialer, err := dial.New(dial.Options{URL: url, Connect: "unix:" + socket})
	if err != nil {
		t.Fatal(err)
	}
	for _, loops := range []bool{true, false} {
		t.Run(fmt.Sprintf("loops %t", loops), func(t *testing.T) {
			g := newGateway(t, url, func(o *Options) { o.Upstream.Dialer, o.withoutLoops = dialer, !loops })
			before := len(opened)
			c, err := net.Dial("tcp", g.address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			r := newReader(c)
			for range 8 {
				if _, err := io.WriteString(c, get(jobs, "PRIVATE-TOKEN: "+g.token)); err != nil {
					t.Fatal(err)
				}
				a, _ := readAnswer(t, r, "GET")
				a.wants(t, 200, "gitlab.invalid "+jobs)
			}
			if n := len(opened) - before; n > 2 {
				t.Errorf("%d connections for 8 requests", n)
			}
		})
	}
}
