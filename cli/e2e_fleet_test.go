package cli_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"patgate/store"
)

// TestAFleet: three nodes on one PostgreSQL, under load. What a node has acknowledged holds on every node within a second, and
// through everything that can happen to nodes, network and database: nothing is lost, nothing revoked comes back, and nothing
// passes that should not. Whatever a node cannot know, it refuses.
func TestAFleet(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts three gateways and PostgreSQL")
	}
	f := startFleet(t, 3)
	l := &ledger{fleet: f, done: make(chan struct{})}
	l.start()
	t.Cleanup(l.stop)
	// step runs a part of the test. What one leaves behind that failed tells nothing about the next.
	step := func(name string, part func(t *testing.T)) {
		if !t.Run(name, part) {
			t.FailNow()
		}
	}
	step("a revocation is in force everywhere within a second", func(t *testing.T) {
		lags := f.lags(t, 12)
		t.Logf("of %d revocations seen by another node: p50 %s, p99 %s, max %s", len(lags), percentile(lags, 50), percentile(lags, 99),
			percentile(lags, 100))
	})
	step("what a node gives to a client of Conan is good on every node", func(t *testing.T) {
		conan := fmt.Sprintf("/api/v4/projects/%d/packages/conan/v1/users/", f.world.api)
		secret := ""
		await(t, "a node makes a token", func() bool { secret = f.mintFor(f.nodes[0], "conan", "read_package"); return secret != "" })
		a := f.call(f.nodes[0], secret, "GET", conan+"authenticate", nil)
		if a.status != http.StatusOK || !strings.HasPrefix(a.body, "pgc.") {
			t.Fatalf("%d %v %s", a.status, a.err, a.body)
		}
		for i, n := range f.nodes {
			await(t, fmt.Sprintf("node %d takes it", i), func() bool {
				return send("GET", n.gate+conan+"check_credentials", http.Header{"Authorization": {"Bearer " + a.body}}, nil).status == http.StatusOK
			})
		}
	})
	step("a node is killed", func(t *testing.T) {
		n := f.nodes[0]
		_ = n.stop(syscall.SIGKILL) // it says how it ended
		if err := n.start(n.env, nil, n.operators); err != nil {
			t.Fatal(err)
		}
		f.allReady(t)
	})
	step("the network between a node and the database is cut", func(t *testing.T) {
		cut := f.nodes[2]
		secret := f.mint(f.nodes[0], "cut")
		await(t, "the node knows the token", func() bool { return f.call(cut, secret, "GET", f.issues(), nil).status == http.StatusOK })
		cut.way.cut.Store(true)
		defer cut.way.heal() // also when it fails: nodes that are not ready would be waited for
		if !f.revoke(f.nodes[0], secret) {
			t.Fatal("a node that is not cut off does not revoke")
		}
		acknowledged := time.Now()
		await(t, "the node is not ready", func() bool { return !f.ready(cut) })
		time.Sleep(time.Until(acknowledged.Add(store.FreshWithin)))
		a := f.call(cut, secret, "GET", f.issues(), nil)
		if a.err == nil && a.status != http.StatusServiceUnavailable {
			t.Errorf("%d %s", a.status, a.body)
		}
		cut.way.heal()
		f.allReady(t)
	})
	step("the database is killed and started again", func(t *testing.T) {
		if err := f.cluster.Kill(); err != nil {
			t.Fatal(err)
		}
		f.noneReady(t)
		if err := f.cluster.Boot(); err != nil {
			t.Fatal(err)
		}
		f.allReady(t)
	})
	step("the database has fewer connections than the nodes want", func(t *testing.T) {
		f.do(t, "ALTER ROLE "+fleetRole+" CONNECTION LIMIT 0")
		f.hangUp(t)
		f.noneReady(t)
		f.do(t, "ALTER ROLE "+fleetRole+" CONNECTION LIMIT 3")
		await(t, "a node gets one", func() bool { return slices.ContainsFunc(f.nodes, f.ready) })
		f.do(t, "ALTER ROLE "+fleetRole+" CONNECTION LIMIT -1")
		f.allReady(t)
	})
	step("the database's clock is another", func(t *testing.T) {
		const shifted = "CREATE FUNCTION shifted.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS " +
			"$$SELECT pg_catalog.clock_timestamp() + interval '1 minute'$$"
		if err := f.cluster.Do(t.Context(), "fleet", "CREATE SCHEMA shifted", "GRANT USAGE ON SCHEMA shifted TO "+fleetRole, shifted,
			"ALTER ROLE "+fleetRole+" SET search_path = shifted, pg_catalog, public"); err != nil {
			t.Fatal(err)
		}
		f.hangUp(t)
		for i, n := range f.nodes {
			await(t, fmt.Sprintf("node %d says it", i), func() bool {
				a := f.readiness(n)
				return a.status == http.StatusServiceUnavailable && strings.Contains(a.body, "store: the clocks are apart: this machine's is 1m0s behind")
			})
		}
		f.do(t, "ALTER ROLE "+fleetRole+" RESET search_path")
		f.hangUp(t)
		f.allReady(t)
	})
	step("the database takes no writes", func(t *testing.T) {
		if err := f.cluster.Demote(); err != nil {
			t.Fatal(err)
		}
		f.noneReady(t)
		for i, n := range f.nodes {
			if secret := f.mint(n, "read only"); secret != "" {
				t.Errorf("node %d made a token", i)
			}
		}
		if err := f.cluster.Promote(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.allReady(t)
	})
	l.stop()
	l.settle(t)
}

// While PostgreSQL cannot be reached, a node whose operator says so lets pass what was in use, and nothing else; the other one
// nothing at all.
func TestAFleetWithGrace(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts two gateways and PostgreSQL")
	}
	f := startFleet(t, 1, "PATGATE_STORE_GRACE=15s")
	graced := f.nodes[0]
	f.nodes = append(f.nodes, f.newNode(t, graced.key(), nil))
	strict := f.nodes[1]
	known, unseen := f.mint(graced, "known"), f.mint(graced, "unseen")
	passes := func(n *node, secret string) bool {
		return f.call(n, secret, "GET", f.issues(), nil).status == http.StatusOK
	}
	allowed := func(n *node) bool {
		return send("GET", n.operators+"/readyz?grace=allow", http.Header{}, nil).status == http.StatusOK
	}
	for _, n := range f.nodes {
		await(t, "the node knows the token", func() bool { return passes(n, known) })
	}
	if err := f.cluster.Kill(); err != nil {
		t.Fatal(err)
	}
	await(t, "the strict node refuses", func() bool { return f.call(strict, known, "GET", f.issues(), nil).status == 503 && !f.ready(strict) })
	await(t, "the other one says so too", func() bool {
		return strings.Contains(send("GET", graced.operators+"/metrics", http.Header{}, nil).body,
			`patgate_store_fault{fault="unreachable"} 1`)
	})
	time.Sleep(store.FreshWithin)
	for range 3 {
		if !passes(graced, known) || f.ready(graced) || !allowed(graced) || allowed(strict) {
			t.Error("within its grace the node refuses what was in use, or is ready, or not for who allows that")
		}
	}
	if a := f.call(graced, known, "GET", f.plans(), nil); a.status != http.StatusForbidden {
		t.Errorf("beyond the grant: %d %s", a.status, a.body)
	}
	if a := f.call(graced, unseen, "GET", f.issues(), nil); a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("a token that was not in use: %d %s", a.status, a.body)
	}
	if secret := f.mint(graced, "new"); secret != "" {
		t.Error("a token was made without a store")
	}
	if metrics := send("GET", graced.operators+"/metrics", http.Header{}, nil).body; strings.Contains(metrics,
		"patgate_store_graced_total 0\n") {
		t.Error("nothing is counted")
	}
	await(t, "the grace is over", func() bool { return !passes(graced, known) && !allowed(graced) })
	text := graced.logText()
	for _, said := range []string{`"store":"lost"`, `"fault":"unreachable"`, "tokens that were in use pass until"} {
		if !strings.Contains(text, said) {
			t.Errorf("the log does not say %s", said)
		}
	}
	if err := f.cluster.Boot(); err != nil {
		t.Fatal(err)
	}
	f.allReady(t)
	if !f.revoke(strict, known) {
		t.Fatal("the token is not revoked")
	}
	time.Sleep(store.FreshWithin)
	if passes(graced, known) {
		t.Error("a revoked token passes")
	}
}

// BenchmarkRevocationInAFleet measures how long after the answer to a revocation another node of three, under load, still lets
// the token pass.
func BenchmarkRevocationInAFleet(b *testing.B) {
	f := startFleet(b, 3)
	l := &ledger{fleet: f, done: make(chan struct{})}
	l.start()
	b.ResetTimer()
	lags := f.lags(b, b.N)
	b.StopTimer()
	l.stop()
	l.settle(b)
	b.ReportMetric(float64(percentile(lags, 50).Milliseconds()), "p50-ms")
	b.ReportMetric(float64(percentile(lags, 99).Milliseconds()), "p99-ms")
	b.ReportMetric(float64(percentile(lags, 100).Milliseconds()), "max-ms")
}

// lags revokes so many tokens, each through another node, while every node is asked with the token, and gives for each other node
// when the last request began that passed, seen from the answer to the revocation.
func (f *fleet) lags(t testing.TB, revocations int) (lags []time.Duration) {
	t.Helper()
	for i := range revocations {
		by := f.nodes[i%len(f.nodes)]
		secret := ""
		await(t, "a node makes a token", func() bool { secret = f.mint(by, "lag"); return secret != "" })
		last := make([]time.Time, len(f.nodes))
		var probes, warm sync.WaitGroup
		for at, n := range f.nodes {
			warm.Add(1)
			probes.Go(func() {
				warmed := false
				defer func() {
					if !warmed {
						warm.Done()
					}
				}()
				for end := time.Now().Add(8 * patience); time.Now().Before(end); {
					began := time.Now()
					switch a := f.call(n, secret, "GET", f.issues(), nil); {
					case a.status == http.StatusOK && !warmed:
						warmed = true
						warm.Done()
						fallthrough
					case a.status == http.StatusOK:
						last[at] = began
					case a.status == http.StatusUnauthorized && warmed:
						return
					}
				}
				t.Errorf("node %d does not come to refuse a revoked token", at)
			})
		}
		warm.Wait()
		revoked := f.revoke(by, secret)
		acknowledged := time.Now()
		if !revoked {
			t.Error("a revocation was refused")
			return lags
		}
		probes.Wait()
		for at, n := range f.nodes {
			lag := max(0, last[at].Sub(acknowledged))
			if n != by {
				lags = append(lags, lag)
			}
			if lag > store.FreshWithin || n == by && lag > 0 {
				t.Errorf("node %d let a token pass %s after its revocation", at, lag)
			}
		}
	}
	slices.Sort(lags)
	return lags
}

// percentile gives one of sorted values.
func percentile(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)-1)*percent/100].Round(time.Millisecond)
}

// entry is a token as its ledger knows it.
type entry struct {
	secret  string
	tried   bool      // somebody was asked to revoke it
	revoked time.Time // when a node had said that it is; zero when none has
}

// ledger makes, revokes and uses tokens all the time, and holds the nodes to what they have said.
type ledger struct {
	fleet   *fleet
	done    chan struct{}
	ending  sync.Once
	running sync.WaitGroup

	mu      sync.Mutex
	entries []*entry
	wrong   []string
	passed  int
	refused int
}

func (l *ledger) start() {
	for range 2 {
		l.running.Go(func() { l.repeat(20*time.Millisecond, l.change) })
	}
	for _, n := range l.fleet.nodes {
		for range 2 {
			l.running.Go(func() { l.repeat(time.Millisecond, func() { l.use(n) }) })
		}
	}
}

func (l *ledger) repeat(pause time.Duration, f func()) {
	for {
		select {
		case <-l.done:
			return
		case <-time.After(pause):
			f()
		}
	}
}

// stop ends it; once more changes nothing.
func (l *ledger) stop() {
	l.ending.Do(func() { close(l.done) })
	l.running.Wait()
}

// some gives one of the tokens as it stands now.
func (l *ledger) some() (of *entry, now entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.entries) == 0 {
		return nil, entry{}
	}
	of = l.entries[rand.IntN(len(l.entries))]
	return of, *of
}

// change makes a token, or revokes one.
func (l *ledger) change() {
	n := l.fleet.nodes[rand.IntN(len(l.fleet.nodes))]
	of, now := l.some()
	if of == nil || rand.IntN(2) == 0 {
		if secret := l.fleet.mint(n, "held"); secret != "" {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.entries = append(l.entries, &entry{secret: secret})
		}
		return
	}
	l.mu.Lock()
	of.tried = true
	l.mu.Unlock()
	if now.revoked.IsZero() && l.fleet.revoke(n, now.secret) {
		at := time.Now()
		l.mu.Lock()
		defer l.mu.Unlock()
		of.revoked = at
	}
}

// use makes a request and judges its answer.
func (l *ledger) use(n *node) {
	of, before := l.some()
	if of == nil {
		return
	}
	path, forbidden := l.fleet.issues(), rand.IntN(8) == 0
	if forbidden {
		path = l.fleet.plans()
	}
	began := time.Now()
	a := l.fleet.call(n, before.secret, "GET", path, nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case a.err != nil:
	case a.status == http.StatusOK && forbidden:
		l.wrong = append(l.wrong, "a token passed beyond its grant")
	case a.status == http.StatusOK && !before.revoked.IsZero() && began.Sub(before.revoked) > store.FreshWithin:
		l.wrong = append(l.wrong, fmt.Sprintf("a token passed %s after its revocation", began.Sub(before.revoked)))
	case a.status == http.StatusOK:
		l.passed++
	case a.status == http.StatusUnauthorized && !of.tried:
		l.wrong = append(l.wrong, "a token that nobody revoked was refused: "+a.body)
	case a.status == http.StatusForbidden && !forbidden:
		l.wrong = append(l.wrong, "a token was denied what it may: "+a.body)
	default:
		l.refused++
	}
}

// settle asks every node for every token.
func (l *ledger) settle(t testing.TB) {
	t.Helper()
	revoked, failed := 0, 0
	for _, e := range l.entries {
		want := http.StatusOK
		switch {
		case !e.revoked.IsZero():
			want = http.StatusUnauthorized
			revoked++
			time.Sleep(time.Until(e.revoked.Add(store.FreshWithin)))
		case e.tried:
			continue // nobody said what came of it
		}
		for i, n := range l.fleet.nodes {
			var a answer // one that the node could not give, as when it has just been given its database back, is asked for again
			for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
				a = l.fleet.call(n, e.secret, "GET", l.fleet.issues(), nil)
				if a.err == nil && a.status == want || want == http.StatusUnauthorized && a.status == http.StatusOK {
					break
				}
			}
			if a.status != want {
				t.Errorf("node %d answers a token with %d (%v), not %d: %s", i, a.status, a.err, want, a.body)
				failed++
			}
			if failed == 5 {
				t.Fatal("the other tokens are not asked for")
			}
		}
	}
	t.Logf("%d tokens made and %d revoked, as acknowledged; %d requests passed, %d were refused", len(l.entries), revoked,
		l.passed, l.refused)
	for _, text := range l.wrong[:min(5, len(l.wrong))] {
		t.Error(text)
	}
	if revoked == 0 || l.passed == 0 {
		t.Error("nothing was tried")
	}
}
