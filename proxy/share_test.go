package proxy

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"patgate/proxy/reply"
)

// Threat: requests of one caller take all connections to the forge, so that nobody else gets one. Attack: more requests that
// hang than there are connections, of one token, of several owners, and of one credential of the forge's own. Control: any other
// token, of the same owner too, and any other credential is answered.
func TestThreatAllConnectionsForOne(t *testing.T) {
	const most = 64
	next := get(jobs+"?last=yes", "PRIVATE-TOKEN: %s")
	for _, withoutLoops := range []bool{false, true} {
		t.Run(fmt.Sprintf("loops %v", !withoutLoops), func(t *testing.T) {
			start := func(t *testing.T) (*gateway, *atomic.Int64) {
				url, waiting := hanging(t)
				return newGateway(t, url, func(o *Options) {
					o.withoutLoops, o.Upstream.Connections, o.Timeouts.UpstreamDial = withoutLoops, most, 200*time.Millisecond
					o.Attempts = attempts(1 << 20)
				}), waiting
			}
			attack := func(t *testing.T, g *gateway, secret string) (refused *atomic.Int64) {
				refused = new(atomic.Int64)
				done := make(chan struct{}, most+6)
				for range most + 6 {
					c := g.leave(t, get(jobs, "PRIVATE-TOKEN: "+secret))
					go func() {
						defer func() { done <- struct{}{} }()
						in := make([]byte, 4<<10)
						_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
						n, _ := c.Read(in)
						if got := string(in[:n]); strings.HasPrefix(got, "HTTP/1.1 429") && strings.Contains(got, reply.ErrShare.Reason) {
							refused.Add(1)
						}
					}()
				}
				return refused
			}
			t.Run("one token", func(t *testing.T) {
				g, waiting := start(t)
				other, same := g.mintFor(t, 2), g.mintFor(t, 1)
				refused := attack(t, g, g.mintFor(t, 1))
				until(t, "refusals", func() bool { return refused.Load() > most/4 })
				if n := waiting.Load(); n > most/2+2 {
					t.Errorf("one token has %d of %d connections", n, most)
				}
				for _, secret := range []string{other, same} {
					held := make([]*client, 6)
					for i := range held {
						held[i] = g.connect(t)
						held[i].ask(fmt.Sprintf(next, secret)).wants(t, 200)
					}
				}
			})
			t.Run("five owners", func(t *testing.T) {
				g, _ := start(t)
				other := g.mintFor(t, 9)
				for owner := range 5 {
					refused := attack(t, g, g.mintFor(t, int64(owner+1)))
					until(t, "refusals", func() bool { return refused.Load() > most/4 })
				}
				g.raw(t, fmt.Sprintf(next, other)).wants(t, 200)
			})
			t.Run("one credential of the forge's own, and many that are made up", func(t *testing.T) {
				g, _ := start(t)
				honest := fmt.Sprintf(next, "glpat-other")
				g.raw(t, honest).wants(t, 200) // from now on it counts for itself
				g.raw(t, fmt.Sprintf(next, "glpat-greedy")).wants(t, 200)
				refused := attack(t, g, "glpat-greedy")
				until(t, "refusals", func() bool { return refused.Load() > most/4 })
				for i := range 8 {
					refused := attack(t, g, fmt.Sprintf("glpat-made-up-%d", i))
					until(t, "refusals", func() bool { return refused.Load() > most/4 })
				}
				g.raw(t, honest).wants(t, 200)
			})
		})
	}
}
