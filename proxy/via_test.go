package proxy

import (
	"io"
	"net"
	"patgate/proxy/legacy"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// hop is an upstream that passes connections on to where it is told later, and counts the requests.
type hop struct {
	url      string
	to       atomic.Pointer[string]
	requests atomic.Int64
}

func newHop(t testing.TB, edit func(string) string) *hop {
	h := &hop{}
	h.url = bareUpstream(t, func(_ int, c net.Conn) {
		defer c.Close()
		onward, err := net.Dial("tcp", *h.to.Load())
		if err != nil {
			return
		}
		defer onward.Close()
		go func() { _, _ = io.Copy(c, onward) }()
		buf := make([]byte, 64<<10)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			text := string(buf[:n])
			h.requests.Add(int64(strings.Count(text, " HTTP/1.1\r\n")))
			_, _ = io.WriteString(onward, edit(text))
		}
	})
	return h
}

func same(text string) string { return text }

// Threat: an upstream address that leads back to patgate has one request take all connections.
// Attack: every kind of request, in front of patgate itself, of a hop that leads back, of one that writes Via anew, and of another
// patgate. Control: a request that another patgate sent passes, and so does one whose Via looks alike.
func TestThreatLoop(t *testing.T) {
	plain := get(jobs, "PRIVATE-TOKEN: %T")
	requests := map[string]string{
		"a GET that a loop serves":   plain,
		"a HEAD":                     strings.Replace(plain, "GET", "HEAD", 1),
		"a body":                     request("POST", "/api/v4/projects/7/issues", `{"title":"x"}`, "PRIVATE-TOKEN: %T", "Content-Type: application/json"),
		"an answer that is filtered": get("/api/v4/projects/7", "PRIVATE-TOKEN: %T"),
		"a legacy credential":        get("/api/v4/user", "PRIVATE-TOKEN: glpat-x"),
		"nobody":                     get("/api/v4/version"),
		"git":                        get("/group/p.git/info/refs?service=git-upload-pack", "Authorization: Basic dTpnbHBhdC14"),
		"a websocket":                get("/-/cable", "Authorization: Bearer x", "Connection: Upgrade", "Upgrade: websocket"),
	}
	open := func(o *Options) { o.Anonymous, o.Web = legacy.Allow, legacy.Allow }
	hops := map[string]func(string) string{
		"itself":                    same,
		"a hop that adds itself":    func(s string) string { return strings.Replace(s, "\r\nVia: ", "\r\nVia: 1.0 first, ", 1) },
		"a hop that folds its case": func(s string) string { return strings.Replace(s, "\r\nVia: ", "\r\nvia:", 1) },
	}
	check := func(t *testing.T, g *gateway, back *hop, most int64) {
		for name, q := range requests {
			t.Run(name, func(t *testing.T) {
				for range 3 { // the first over a goroutine, the next ones in a loop
					before := back.requests.Load()
					a := g.raw(t, strings.ReplaceAll(q, "%T", g.token))
					if name != "a HEAD" {
						a.wants(t, 508, "leads back")
					}
					if a.status != 508 || back.requests.Load()-before > most {
						t.Errorf("status %d; one request came back %d times", a.status, back.requests.Load()-before)
					}
				}
			})
		}
	}
	for name, edit := range hops {
		t.Run(name, func(t *testing.T) {
			back := newHop(t, edit)
			g := newGateway(t, back.url, open)
			back.to.Store(&g.address)
			check(t, g, back, 1)
		})
	}
	t.Run("another patgate", func(t *testing.T) {
		back := newHop(t, same)
		b := newGateway(t, back.url, open)
		a := newGateway(t, "http://"+b.address, open)
		back.to.Store(&a.address)
		check(t, a, back, 1)
	})
	t.Run("control", func(t *testing.T) {
		upstream := newEcho(t, nil)
		b := newGateway(t, upstream.URL, open)
		a := newGateway(t, "http://"+b.address, open)
		own := b.handler.options.Via
		for _, sent := range []string{"1.1 x", "1.1 patgate-" + strings.Repeat("A", 26), own[:len(own)-1]} {
			for _, credential := range []string{b.token, "glpat-x"} {
				b.raw(t, get(jobs, "PRIVATE-TOKEN: "+credential, "Via: "+sent)).wants(t, 200)
				if got := upstream.last(t).header["Via"]; len(got) != 2 || got[0] != sent || got[1] != own {
					t.Errorf("Via: %q", got)
				}
			}
		}
		a.raw(t, get("/api/v4/user", "PRIVATE-TOKEN: glpat-x")).wants(t, 200)
		if got := upstream.last(t).header["Via"]; len(got) != 2 || got[0] != a.handler.options.Via || got[1] != own {
			t.Errorf("Via: %q", got)
		}
		if a.handler.options.Via == own {
			t.Error("two processes have one name")
		}
	})
}

// Who sends patgate's own name is refused, and nobody else: it takes no connection, and counts against nobody.
func TestViaOfItsOwnHurtsItsSenderOnly(t *testing.T) {
	g := newGateway(t, newEcho(t, nil).URL, nil)
	c, own := g.connect(t), "Via: "+g.handler.options.Via
	for range 20 {
		c.ask(get(jobs, "PRIVATE-TOKEN: "+g.token, own)).wants(t, 508)
		c.ask(get(jobs, "PRIVATE-TOKEN: "+g.token)).wants(t, 200)
		time.Sleep(time.Millisecond)
	}
}
