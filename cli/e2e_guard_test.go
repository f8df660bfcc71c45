package cli_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"patgate/forge/forgetest"
)

// reachedBy counts the requests with a credential that reached the forge.
func (r *running) reachedBy(prefix string) int {
	return countRequests(r.world.forge, func(q *forgetest.Request) bool { return strings.HasPrefix(q.Secret, prefix) })
}

// guess sends so many different wrong credentials of the forge's own.
func (r *running) guess(t *testing.T, n int) (limited int) {
	t.Helper()
	for i := range n {
		switch a := r.call(t, fmt.Sprint("glpat-guess-", i, "-xxxxxxxx"), "GET", "/api/v4/user", nil); a.status {
		case 401:
		case 429:
			limited++
		default:
			t.Fatalf("a guess got %d %s", a.status, a.body)
		}
	}
	return limited
}

// Threat: one client with wrong credentials takes all others behind the same address with it, those who come to revoke a leaked
// token included. Attack: guesses beyond the limit, by a job that tries one wrong token again and again, by who tries many, and
// with made-up patgate tokens. Control: a credential that nobody has seen is held up all the same, and the forge is asked no more.
func TestThreatOneWrongClient(t *testing.T) {
	const agreed = "agreed-with-gitlab-0123456789"
	r := startRunningWith(t, func(*world) []string { return []string{"PATGATE_LEAK_REPORTS_GITLAB_TOKEN=" + agreed} })
	r.secret("GitLab's token", agreed)
	w := r.world
	unseen, revoker := w.forge.AddToken(w.alice, forgetest.Token{Name: "not seen yet"}), w.forge.AddToken(w.alice, forgetest.Token{Name: "revokes"})
	jobs := fmt.Sprintf("/api/v4/projects/%d/jobs", w.api)
	used, unused := r.make(t, creation("used", on(w.api, "read_job"))), r.make(t, creation("unused", on(w.api, "read_job")))
	leaked := [4]shown{}
	for i := range leaked {
		leaked[i] = r.make(t, creation(fmt.Sprint("leaked", i), on(w.api, "read_job")))
	}
	r.want(t, 200, used.Token, "GET", jobs, nil)
	r.want(t, 200, w.alicePAT, "GET", "/api/v4/user", nil)
	w.forge.ForgetRequests()

	t.Run("a job that tries one wrong token again and again counts once", func(t *testing.T) {
		limited := 0
		for range 40 {
			if a := r.call(t, "glpat-expired-xxxxxxxx", "GET", "/api/v4/user", nil); a.status == 429 {
				limited++
			}
		}
		if n := r.reachedBy("glpat-expired"); limited != 30 || n != 10 {
			t.Errorf("%d of 40 were held up, %d reached the forge", limited, n)
		}
		r.want(t, 200, w.bobPAT, "GET", "/api/v4/user", nil)
	})
	t.Run("who tries many is held up", func(t *testing.T) {
		if limited, n := r.guess(t, 40), r.reachedBy("glpat-guess"); limited != 31 || n != 9 {
			t.Errorf("%d of 40 were held up, %d reached the forge", limited, n)
		}
		if a := r.call(t, unseen, "GET", "/api/v4/user", nil); a.status != 429 || a.header.Get("Retry-After") == "" {
			t.Errorf("a credential that nobody has seen got %d %v", a.status, a.header)
		}
	})
	t.Run("who was accepted lately is not", func(t *testing.T) {
		r.want(t, 200, w.alicePAT, "GET", "/api/v4/user", nil)
		r.want(t, 200, w.alicePAT, "GET", jobs, nil)
		r.want(t, 200, w.alicePAT, "GET", path(used.ID, ""), nil)
		r.want(t, 200, used.Token, "GET", jobs, nil)
		r.want(t, 200, unused.Token, "GET", allTokens+"/self", nil)
	})
	revokes := func(t *testing.T, token string, revoke func() answer, status int) {
		t.Helper()
		a := revoke()
		for end := time.Now().Add(patience); a.status == 429 && time.Now().Before(end); a = revoke() {
			time.Sleep(200 * time.Millisecond)
		}
		if a.status != status {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if a := r.call(t, token, "GET", allTokens+"/self", nil); a.status != 401 && a.status != 429 {
			t.Errorf("the token got %d %s", a.status, a.body)
		}
	}
	t.Run("nor who comes to revoke", func(t *testing.T) {
		revokes(t, leaked[0].Token, func() answer { return r.call(t, revoker, "DELETE", path(leaked[0].ID, ""), nil) }, 204)
		header := http.Header{"Authorization": {agreed}, "Content-Type": {"application/json"}}
		revokes(t, leaked[1].Token, func() answer {
			return send("POST", r.gate+"/-/patgate/leaks/gitlab/v1/revoke_tokens", header, []byte(`[{"type":"patgate_token","token":"`+leaked[1].Token+`"}]`))
		}, 204)
		revokes(t, leaked[2].Token, func() answer {
			return r.call(t, "", "POST", ownAPI+"/revoke", object{"tokens": []string{leaked[2].Token}})
		}, 202)
	})
	t.Run("nor with made-up patgate tokens by the hundred", func(t *testing.T) {
		limited := 0
		for range 130 {
			if a := r.call(t, madeUp(), "GET", jobs, nil); a.status == 429 {
				limited++
			}
		}
		if limited != 130 {
			t.Errorf("%d of 130 were held up", limited)
		}
		r.want(t, 200, used.Token, "GET", jobs, nil)
		r.want(t, 204, leaked[3].Token, "DELETE", allTokens+"/self", nil)
		r.want(t, 200, w.alicePAT, "GET", "/api/v4/user", nil)
	})
}

// Threat: a guess is made to look accepted by an answer that anybody gets, and is then tried out beyond the limit.
// Attack: an open row, a page, a place where the row looks for no credential, a header beside a good credential in the query,
// each followed by a try where it tells. Control: a credential that did read something passes.
func TestThreatGuessesThatLookAccepted(t *testing.T) {
	r := startRunningWith(t, func(*world) []string { return []string{"PATGATE_WEB=pass", "PATGATE_ANONYMOUS=allow"} })
	w := r.world
	r.want(t, 200, w.alicePAT, "GET", "/api/v4/user", nil)
	r.guess(t, 12)
	w.forge.ForgetRequests()
	for i, launder := range []struct{ name, target string }{
		{"Private-Token", "/api/v4/broadcast_messages"}, {"Private-Token", "/users/sign_in"}, {"Job-Token", "/api/v4/projects"},
		{"Private-Token", "/api/v4/user?private_token=" + w.alicePAT}, {"Private-Token", "/-/patgate/api/openapi.json"},
	} {
		guess := fmt.Sprint("glpat-laundered-", i, "-xxxxxxxx")
		send("GET", r.gate+launder.target, http.Header{launder.name: {guess}}, nil)
		if a := r.call(t, guess, "GET", "/api/v4/user", nil); a.status != 429 {
			t.Errorf("%s %s: a guess got %d", launder.name, launder.target, a.status)
		}
	}
	r.want(t, 200, w.alicePAT, "GET", "/api/v4/user", nil)
}

// An operator who forgot to trust a proxy reads so in the log, once.
func TestUntrustedProxyIsWarnedOf(t *testing.T) {
	r := startRunning(t)
	for range 3 {
		send("GET", r.gate+"/api/v4/user", http.Header{"Private-Token": {r.world.alicePAT}, "X-Forwarded-For": {"192.0.2.7"}}, nil)
	}
	r.logs(t, `"peer":"127.0.0.1"`)
	if n := strings.Count(r.logText(), "is not believed"); n != 1 {
		t.Errorf("it is said %d times", n)
	}
	t.Run("control: a proxy that is trusted names the client, with a port and in brackets", func(t *testing.T) {
		r := startRunningWith(t, func(*world) []string { return []string{"PATGATE_TRUSTED_PROXIES=127.0.0.1"} })
		for sent, client := range map[string]string{"192.0.2.7:5555": "192.0.2.7", "[2001:db8::1]:443": "2001:db8::1"} {
			send("GET", r.gate+"/api/v4/user", http.Header{"Private-Token": {r.world.alicePAT}, "X-Forwarded-For": {sent}}, nil)
			r.logs(t, `"client":"`+client+`"`)
		}
		if strings.Contains(r.logText(), "is not believed") {
			t.Error("it warns of a trusted proxy")
		}
	})
}

// turnable is a reverse proxy that is turned from the forge to patgate itself.
type turnable struct {
	*httptest.Server
	to       atomic.Pointer[url.URL]
	requests atomic.Int64
}

func newTurnable(t *testing.T, to string) *turnable {
	p := &turnable{}
	p.turn(t, to)
	inner := &httputil.ReverseProxy{Rewrite: func(q *httputil.ProxyRequest) { q.SetURL(p.to.Load()) }}
	p.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		p.requests.Add(1)
		inner.ServeHTTP(rw, q)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *turnable) turn(t *testing.T, to string) {
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	p.to.Store(u)
}

// Threat: an upstream address that leads back to patgate has one request take all connections.
// Attack: the way to the forge is turned to patgate itself, over a reverse proxy; requests with a patgate token, some of which ask
// the forge first, with a credential of the forge's own, and of git. Control: the same requests before that.
func TestThreatLoopThroughItself(t *testing.T) {
	var way *turnable
	r := startRunningWith(t, func(w *world) []string {
		way = newTurnable(t, w.url)
		return []string{"PATGATE_UPSTREAM_URL=" + way.URL, "PATGATE_UPSTREAM_CONNECTIONS=8"}
	})
	w := r.world
	token := r.make(t, creation("loops", on(w.api, "read_work_item", "read_project"), on(w.web, "read_work_item"))).Token
	issues := func(project int64) string { return fmt.Sprintf("/api/v4/projects/%d/issues", project) }
	for range 3 {
		r.want(t, 200, token, "GET", issues(w.api), nil)
	}
	r.want(t, 200, w.alicePAT, "GET", "/api/v4/user", nil)
	way.turn(t, r.gate)
	for _, q := range []struct{ name, secret, method, path string }{
		{"whose project is known", token, "GET", issues(w.api)},
		{"in a loop", token, "GET", issues(w.api)},
		{"whose project must be asked for", token, "GET", issues(w.web)},
		{"of a legacy credential", w.alicePAT, "GET", "/api/v4/user"},
		{"of a legacy credential that changes something", w.alicePAT, "POST", issues(w.api)},
		{"for patgate's own token API", w.alicePAT, "GET", path(1_000_000_000_001, "")},
		{"of git", w.alicePAT, "GET", "/shop/backend/api.git/info/refs?service=git-upload-pack"},
	} {
		t.Run(q.name, func(t *testing.T) {
			before := way.requests.Load()
			a := r.call(t, q.secret, q.method, q.path, nil)
			if n := way.requests.Load() - before; a.status != 508 || n != 1 {
				t.Errorf("%d %s; it went round %d times", a.status, a.body, n)
			}
			if !strings.Contains(a.body, "leads back") {
				t.Errorf("the reason is missing: %s", a.body)
			}
		})
	}
	way.turn(t, w.url)
	r.want(t, 200, token, "GET", issues(w.api), nil)
}

// TestStartInFrontOfItself has an operator give patgate's own address as the forge's.
func TestStartInFrontOfItself(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "patgate", "serve", "--upstream", "http://"+address, "--listen", address, "--data-dir", t.TempDir(), "--admin-listen", "off")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	if out, err := cmd.CombinedOutput(); err == nil || ctx.Err() != nil || !strings.Contains(string(out), "upstream.url") || !strings.Contains(string(out), "is patgate's own address") {
		t.Errorf("%v: %s", err, out)
	}
}

// witnesses notes which credentials each connection to a forge carried.
type witnesses struct {
	mu    sync.Mutex
	conns map[net.Conn]map[string]int
}

type connKey struct{}

func (n *witnesses) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		who := q.Header.Get("Private-Token") + q.Header.Get("Authorization")
		n.mu.Lock()
		c := q.Context().Value(connKey{}).(net.Conn)
		if n.conns[c] == nil {
			n.conns[c] = map[string]int{}
		}
		n.conns[c][who]++
		n.mu.Unlock()
		h.ServeHTTP(rw, q)
	})
}

// Threat: what a forge says too late on a connection is taken for the answer to the next request on it, which is another owner's.
// Attack: two owners, each with a token and a credential of the forge's own, in turn and at once, over few connections; what
// patgate asks the forge on their account is looked at too. Control: who comes again and again does it on few connections.
func TestThreatConnectionsOfOtherOwners(t *testing.T) {
	seen := &witnesses{conns: map[net.Conn]map[string]int{}}
	r := startRunningWith(t, func(w *world) []string {
		server := httptest.NewUnstartedServer(seen.wrap(w.forge))
		server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) }
		server.Start()
		t.Cleanup(server.Close)
		w.forge.AddGroupMember(w.shop, w.bob, forgetest.Maintainer)
		return []string{"PATGATE_UPSTREAM_URL=" + server.URL, "PATGATE_UPSTREAM_CONNECTIONS=6", "PATGATE_RESOLVER_FRESH_FOR_READS=300ms",
			"PATGATE_RESOLVER_FRESH_FOR_WRITES=300ms", "PATGATE_RESOLVER_NOT_FOUND_TTL=300ms", "PATGATE_RESOLVER_BUDGET_PER_TOKEN=100000", "PATGATE_RESOLVER_BUDGET_PER_OWNER=100000"}
	})
	w := r.world
	issues := fmt.Sprintf("/api/v4/projects/%d/issues", w.api)
	secrets := []string{w.alicePAT, w.bobPAT}
	for _, owner := range []string{w.alicePAT, w.bobPAT} {
		v, _ := r.want(t, 201, owner, "POST", userTokens, creation("of an owner", on(w.api, "read_work_item")))
		secrets = append(secrets, v.Token)
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	ask := func(secret string) {
		q, _ := http.NewRequest("GET", r.gate+issues, nil)
		q.Header.Set("PRIVATE-TOKEN", secret)
		response, err := client.Do(q)
		if err != nil {
			t.Error(err)
			return
		}
		body, _ := io.ReadAll(response.Body)
		if response.Body.Close(); response.StatusCode != 200 {
			t.Errorf("status %d %s\n%s", response.StatusCode, body, r.lastLines(3))
		}
	}
	const rounds = 60
	var all sync.WaitGroup
	for k := range 4 {
		all.Go(func() {
			for i := range rounds {
				ask(secrets[(k+i)%len(secrets)])
			}
		})
	}
	all.Wait()
	for range rounds {
		ask(secrets[2])
	}
	seen.mu.Lock()
	defer seen.mu.Unlock()
	most := 0
	for _, who := range seen.conns {
		if len(who) > 1 {
			t.Errorf("one connection carried the requests of %d", len(who))
		}
		for _, n := range who {
			most = max(most, n)
		}
	}
	if most < rounds/4 {
		t.Errorf("no connection carried more than %d requests", most)
	}
}
