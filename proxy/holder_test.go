package proxy

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"patgate/proxy/legacy"
	"patgate/proxy/wire"
)

// carried notes which credentials the connections of an upstream carried.
type carried struct {
	mu    sync.Mutex
	conns [][]string
}

// upstream answers everything, and tells with what body a connection's requests came.
func (c *carried) upstream(t testing.TB) string {
	return bareUpstream(t, func(_ int, conn net.Conn) {
		defer conn.Close()
		c.mu.Lock()
		n := len(c.conns)
		c.conns = append(c.conns, nil)
		c.mu.Unlock()
		r := bufio.NewReader(conn)
		for {
			q, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, q.Body)
			c.mu.Lock()
			c.conns[n] = append(c.conns[n], q.Header.Get("Private-Token")+q.Header.Get("Authorization")+q.URL.Query().Get("private_token"))
			c.mu.Unlock()
			_, _ = io.WriteString(conn, ordinary(`{"ok":true}`))
		}
	})
}

// check fails the test when a connection carried the requests of two.
func (c *carried) check(t *testing.T) (connections int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, all := range c.conns {
		if other := slices.IndexFunc(all, func(who string) bool { return who != all[0] }); other >= 0 {
			t.Errorf("one connection carried the requests of %q and of %q", all[0], all[other])
		}
	}
	return len(c.conns)
}

// settle waits until every connection to the forge rests: an answer may be with its client before its connection is put back.
func (g *gateway) settle(t testing.TB) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		used := 0
		for _, p := range []*wire.Pool{g.handler.forge.Patgate, g.handler.forge.Others} {
			open, idle := p.Counts()
			used += open - idle
		}
		if used == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d connections are in use", used)
		}
	}
}

// mintFor makes a token of an owner with a forge credential of its own.
func (g *gateway) mintFor(t testing.TB, user int64) string {
	t.Helper()
	secret := g.mint(t, nil)
	for _, s := range g.sessions {
		if s.session.TokenID == 1000+int64(len(g.sessions))-1 {
			s.session.OwnerUserID, s.session.Credential = user, newSecret(fmt.Sprint("glpat-of-", user))
		}
	}
	return secret
}

// Threat: an answer that comes too late to be noticed reaches the next request on the connection, which is somebody else's.
// Attack: the requests of two owners, of two credentials of the forge's own and of nobody, in turn, with idle connections of the
// others at hand. Control: who comes again gets the connection that was his.
func TestThreatConnectionsOfOthers(t *testing.T) {
	for _, withoutLoops := range []bool{false, true} {
		t.Run(fmt.Sprintf("loops %v", !withoutLoops), func(t *testing.T) {
			seen := &carried{}
			g := newGateway(t, seen.upstream(t), func(o *Options) { o.withoutLoops, o.Anonymous = withoutLoops, legacy.Allow })
			basic := base64.StdEncoding.EncodeToString([]byte("alice:secret"))
			callers := []string{
				get(jobs, "PRIVATE-TOKEN: "+g.mintFor(t, 1)), get(jobs, "PRIVATE-TOKEN: "+g.mintFor(t, 2)),
				get(jobs, "PRIVATE-TOKEN: glpat-a"), get(jobs, "PRIVATE-TOKEN: glpat-b"), get(jobs, "Authorization: Basic "+basic),
				get(jobs + "?private_token=glpat-c"), get(jobs),
			}
			clients := make([]*client, len(callers))
			for i := range clients {
				clients[i] = g.connect(t)
			}
			for range 10 {
				for i, q := range callers {
					clients[i].ask(q).wants(t, 200)
				}
			}
			if n := seen.check(t); n > len(callers)+2 { // a loop may not have got to see that one is idle
				t.Errorf("%d connections for %d callers, one at a time", n, len(callers))
			}
		})
	}
}

// Threat: a credential in a body is looked for by nobody, so that its answers meet those of other requests without one.
// Attack: a form with a credential, without one in the head. Control: what has no body shares a connection.
func TestThreatConnectionsOfCredentialsInBodies(t *testing.T) {
	seen := &carried{}
	g := oneLoop(t, seen.upstream(t), func(o *Options) { o.Anonymous = legacy.Allow })
	ask := func(request string, connections int) {
		t.Helper()
		g.raw(t, request).wants(t, 200)
		g.settle(t)
		if n := seen.check(t); n != connections {
			t.Errorf("%d connections, want %d", n, connections)
		}
	}
	ask(get(jobs), 1)
	ask(get(jobs), 1)
	ask(request("POST", "/api/v4/projects/7/issues", "private_token=glpat-x", "Content-Type: application/x-www-form-urlencoded"), 1)
	ask(get(jobs), 2)
}

// Many owners share few connections: who was there longest ago makes room, and nobody waits.
func TestConnectionsOfManyOwnersAreBounded(t *testing.T) {
	for _, withoutLoops := range []bool{false, true} {
		t.Run(fmt.Sprintf("loops %v", !withoutLoops), func(t *testing.T) {
			const most, owners = 4, 25
			seen := &carried{}
			g := newGateway(t, seen.upstream(t), func(o *Options) { o.withoutLoops, o.Upstream.Connections = withoutLoops, most })
			var requests []string
			for i := range owners {
				requests = append(requests, get(jobs, "PRIVATE-TOKEN: "+g.mintFor(t, int64(i+1))))
			}
			var all sync.WaitGroup
			for k := range 8 {
				all.Go(func() {
					c := g.connect(t)
					for i := range 100 {
						if a := c.ask(requests[(k*31+i)%owners]); a.status != 200 {
							t.Errorf("status %d: %s", a.status, a.body)
							return
						}
					}
				})
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				all.Wait()
			}()
			for running := true; running; {
				select {
				case <-done:
					running = false
				case <-time.After(time.Millisecond):
				}
				if open, _ := g.handler.forge.Patgate.Counts(); open > most {
					t.Fatalf("%d connections are open, of %d", open, most)
				}
			}
			seen.check(t)
		})
	}
}

// The owner who came last is the one whose connection is kept.
func TestLeastRecentlyUsedConnectionMakesRoom(t *testing.T) {
	seen := &carried{}
	g := newGateway(t, seen.upstream(t), func(o *Options) { o.Upstream.Connections, o.withoutLoops = 2, true })
	one, two, three := g.mintFor(t, 1), g.mintFor(t, 2), g.mintFor(t, 3)
	for i, of := range []string{one, two, one, three, one, two} {
		g.raw(t, get(jobs, "PRIVATE-TOKEN: "+of)).wants(t, 200)
		time.Sleep(20 * time.Millisecond)
		if want := []int{1, 2, 2, 3, 3, 4}[i]; seen.check(t) != want {
			t.Errorf("request %d: %d connections, want %d", i, seen.check(t), want)
		}
	}
}
