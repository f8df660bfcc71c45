package proxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"patgate/audit"
	"patgate/proxy/reply"
)

// hanging is an upstream that answers what asks for the last page, and lets everything else wait.
func hanging(t testing.TB) (url string, waiting *atomic.Int64) {
	t.Helper()
	waiting = new(atomic.Int64)
	end := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if strings.Contains(r.URL.RawQuery, "last=yes") {
			_, _ = io.WriteString(w, `{"ok":true}`)
			return
		}
		waiting.Add(1)
		defer waiting.Add(-1)
		select {
		case <-end:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() {
		close(end)
		s.Close()
	})
	return s.URL, waiting
}

// leave sends a request on a connection of its own, which stays open until the test ends.
func (g *gateway) leave(t testing.TB, request string) net.Conn {
	t.Helper()
	c, err := g.dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_, _ = io.WriteString(c, request)
	return c
}

// twentyGo has 21 clients send a request that waits, of which twenty go and one stays, until that goes too. It gives the newest event
// when all are recorded.
func twentyGo(t testing.TB, g *gateway, text string, waiting *atomic.Int64) audit.Event {
	t.Helper()
	before := g.sink.count()
	stays := g.leave(t, text)
	var gone []net.Conn
	for range 20 {
		gone = append(gone, g.leave(t, text))
	}
	until(t, "all wait", func() bool { return waiting.Load() == 21 })
	for _, c := range gone {
		_ = c.Close()
	}
	until(t, "those of clients that are gone have ended", func() bool { return waiting.Load() == 1 })
	time.Sleep(600 * time.Millisecond) // twice what one that is gone has
	if n := waiting.Load(); n != 1 {
		t.Errorf("%d wait for the client that stays", n)
	}
	_ = stays.Close()
	until(t, "nobody waits", func() bool { return waiting.Load() == 0 })
	return g.sink.after(t, before+20)
}

// until waits for a state.
func until(t testing.TB, what string, reached func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !reached(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not reached: %s", what)
		}
	}
}

// A client that ends its side of the connection takes its request away from the forge soon after, however the request is
// served; one that waits keeps it. Where there are no event loops nobody notices.
func TestClientsThatGo(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs event loops, which there are on Linux")
	}
	server, trust, _ := certified(t)
	token := func(g *gateway) string { return "PRIVATE-TOKEN: " + g.token }
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("TLS %v", secure), func(t *testing.T) {
			url, waiting := hanging(t)
			configure := func(o *Options) {
				o.Timeouts.ClientGone, o.Attempts = 300*time.Millisecond, attempts(1<<20)
			}
			var g *gateway
			if secure {
				g = newGatewayOver(t, server, url, configure)
				g.trust = trust
			} else {
				g = newGateway(t, url, configure)
			}
			g.leave(t, get(jobs+"?last=yes", token(g))) // so that there is an idle connection
			for name, text := range map[string]string{
				"GET":    get(jobs, token(g)),
				"HEAD":   request("HEAD", jobs, "", token(g)),
				"POST":   request("POST", "/api/v4/projects/7/issues", `{"title":"x"}`, token(g), "Content-Type: application/json"),
				"legacy": get(jobs, "PRIVATE-TOKEN: glpat-x"),
			} {
				t.Run(name, func(t *testing.T) {
					if e := twentyGo(t, g, text, waiting); e.Failure != reply.FailureClientGone {
						t.Errorf("recorded as %q", e.Failure)
					}
				})
			}
		})
	}
}
