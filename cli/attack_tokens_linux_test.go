package cli_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"patgate/forge/forgetest"
)

// converse sends n requests over a connection and counts the answers; it ends with the connection.
func (s *statuses) converse(c net.Conn, n int, request func(i int) string) {
	r := bufio.NewReader(c)
	for i := range n {
		if _, err := io.WriteString(c, request(i)); err != nil || s.read(r) == 0 {
			return
		}
	}
}

// sessionLoads is how often the store was read for a token.
const sessionLoads = `patgate_cache_loads_total{cache="sessions"}`

// Threat: made-up tokens flood the caches and the store. Attack: 20,000 tokens in the right form, from one address and
// from 5,000. What a flood may cost: one address gets at most ten times its failed_credentials (10) to the store.
func TestAttackUnknownTokens(t *testing.T) {
	g := underAttack(t, "PATGATE_TRUSTED_PROXIES=127.0.0.2")
	const each, connections = 2500, 8
	run := func(t *testing.T, from func(connection, i int) string) (loads float64) {
		before := g.metrics(t)[sessionLoads]
		var got statuses
		g.during(t, cheap, func() {
			g.many(connections, func(n int, c net.Conn) {
				got.converse(c, each, func(i int) string {
					return "GET /api/v4/user HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: " + from(n, i) + "\r\nPRIVATE-TOKEN: " + madeUp() + "\r\n\r\n"
				})
			})
		})
		got.only(t, 401, 429)
		if got.count[401]+got.count[429] != each*connections {
			t.Errorf("answers %v", got.count)
		}
		loads = g.metrics(t)[sessionLoads] - before
		t.Logf("answers %v; %v reads of the store", got.count, loads)
		return loads
	}
	t.Run("from one address", func(t *testing.T) {
		if loads := run(t, func(int, int) string { return "192.0.2.7" }); loads > 120 {
			t.Errorf("the store was read %v times", loads)
		}
	})
	t.Run("from thousands of addresses", func(t *testing.T) {
		loads := run(t, func(n, i int) string { return fmt.Sprintf("10.%d.%d.%d", n, i/4/250, i/4%250) })
		if loads > each*connections+10 {
			t.Errorf("the store was read %v times for %d tokens", loads, each*connections)
		}
	})
	t.Run("the same one again and again", func(t *testing.T) {
		before, same := g.metrics(t)[sessionLoads], madeUp()
		var got statuses
		g.many(1, func(_ int, c net.Conn) {
			got.converse(c, each, func(i int) string {
				return fmt.Sprintf("GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 10.200.%d.%d\r\nPRIVATE-TOKEN: %s\r\n\r\n", i/250, i%250, same)
			})
		})
		got.only(t, 401)
		// Not once: a cache that others have filled takes in a newcomer only after some tries.
		if loads := g.metrics(t)[sessionLoads] - before; loads > each/10 {
			t.Errorf("the store was read %v times", loads)
		}
	})
}

// Threat: metrics and memory grow with what clients make up. Attack: 20,000 paths, methods and hosts that nobody knows,
// with a valid token, without one, and with one of the forge's own.
func TestAttackUnknownPaths(t *testing.T) {
	g := underAttack(t, "PATGATE_ANONYMOUS=allow", "PATGATE_WEB=pass")
	before := len(g.metrics(t))
	var got statuses
	g.during(t, cheap, func() {
		g.many(8, func(n int, c net.Conn) {
			credential := []string{"PRIVATE-TOKEN: " + g.token, "X-None: x", "PRIVATE-TOKEN: " + g.world.bobPAT, "PRIVATE-TOKEN: " + g.token}[n%4]
			got.converse(c, 2500, func(i int) string {
				method := []string{"GET", "POST", "DELETE", "BREW" + fmt.Sprint(i)}[i%4]
				return fmt.Sprintf("%s /api/v4/%s/%d-%d/x%d?q%d=%d HTTP/1.1\r\nHost: h%d.test\r\nX-Made-Up-%d: x\r\nUser-Agent: u%d\r\n%s\r\nContent-Length: 0\r\n\r\n",
					method, []string{"projects", "groups", "made-up", "users"}[n/2], n, i, i, i, i, i, i, i, credential)
			})
		})
	})
	if total := g.metrics(t); len(total)-before > 40 {
		t.Errorf("%d series became %d", before, len(total))
	}
	t.Logf("answers %v; %d series became %d", got.count, before, len(g.metrics(t)))
}

// Threat: a forge bans the address of all its clients, patgate's, for the wrong credentials of one. Attack: 2,000 made-up
// credentials of the forge's own kind from one address.
func TestAttackBadCredentials(t *testing.T) {
	g := underAttack(t)
	var got statuses
	g.world.forge.ForgetRequests()
	g.during(t, cheap, func() {
		g.many(4, func(n int, c net.Conn) {
			got.converse(c, 500, func(i int) string {
				return fmt.Sprintf("GET /api/v4/user HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: glpat-made-up-%d-%d-xxxxxx\r\n\r\n", n, i)
			})
		})
	})
	got.only(t, 401, 429)
	reached := countRequests(g.world.forge, func(r *forgetest.Request) bool {
		return strings.HasPrefix(r.Secret, "glpat-made-up") || r.Status == 401
	})
	t.Logf("answers %v; %d reached the forge", got.count, reached)
	if reached > 10+4 { // those under way when the limit was reached
		t.Errorf("%d wrong credentials reached the forge", reached)
	}
}

// Threat: one token spends its owner's rate limit at the forge. Attack: 3,000 projects that it has never named, by id and
// by path. Control: another token of the same owner is served, with a project that patgate has not asked for yet too.
func TestAttackUnknownProjects(t *testing.T) {
	g := underAttack(t)
	other := g.mint(t, "--name", "other", "--project", "shop/my.web-site", "--allow", "read_work_item")
	g.world.forge.ForgetRequests()
	start := time.Now()
	var got statuses
	g.during(t, cheap, func() {
		g.many(4, func(n int, c net.Conn) {
			got.converse(c, 750, func(i int) string {
				name := fmt.Sprint(100000 + 1000*n + i)
				if i%2 == 0 {
					name = fmt.Sprintf("made-up%%2Fp%d-%d", n, i)
				}
				return "GET /api/v4/projects/" + name + "/issues HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: " + g.token + "\r\n\r\n"
			})
		})
	})
	got.only(t, 403, 429)
	asked := countRequests(g.world.forge, func(r *forgetest.Request) bool {
		return strings.Contains(r.Target, "/projects/1") && !strings.Contains(r.Target, "/issues") || strings.Contains(r.Target, "made-up")
	})
	allowed := 30 + int(2*time.Since(start).Seconds()) + 2 // a quarter of 120 at once, and 120 a minute
	t.Logf("answers %v; %d questions reached the forge", got.count, asked)
	if asked > allowed || asked == 0 {
		t.Errorf("%d questions reached the forge, %d are allowed", asked, allowed)
	}
	url := fmt.Sprintf("%s/api/v4/projects/%d/issues", g.gate, g.world.web)
	if a := send("GET", url, map[string][]string{"Private-Token": {other}}, nil); a.status != 200 {
		t.Errorf("the other token got %d %s", a.status, a.body)
	}
}

func countRequests(f *forgetest.Forge, is func(*forgetest.Request) bool) (n int) {
	for _, r := range f.Requests() {
		if is(&r) {
			n++
		}
	}
	return n
}
