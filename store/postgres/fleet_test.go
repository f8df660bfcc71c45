package postgres_test

import (
	"context"
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"patgate/store"
	"patgate/store/postgres"
	"patgate/store/storetest"
)

// A node counts as long as it says that it is there, by the server's clock, and no longer.
func TestNodesThatAreThere(t *testing.T) {
	var d databases
	url := d.url(t, t.TempDir())
	db, server := openURL(t, url), connect(t, url)
	node := func() (id store.NodeID) { _, _ = rand.Read(id[:]); return id }
	a, b, c := node(), node(), node()
	beat := func(id store.NodeID, want int) {
		t.Helper()
		if n, err := db.Beat(t.Context(), id); err != nil || n != want {
			t.Errorf("%d nodes, %v, want %d", n, err, want)
		}
	}
	do := func(statement string, args ...any) {
		t.Helper()
		if _, err := server.Exec(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	rows := func(want int) {
		t.Helper()
		n := 0
		if err := server.QueryRow(t.Context(), "SELECT count(*) FROM nodes").Scan(&n); err != nil || n != want {
			t.Errorf("%d rows, %v, want %d", n, err, want)
		}
	}
	beat(a, 1)
	beat(b, 2)
	beat(c, 3)
	beat(a, 3)
	if err := db.Leave(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	beat(a, 2)
	do("UPDATE nodes SET seen_at = clock_timestamp() - interval '9.5 s' WHERE id = $1", b[:])
	beat(a, 2)
	do("UPDATE nodes SET seen_at = clock_timestamp() - interval '10.1 s' WHERE id = $1", b[:])
	beat(a, 1)
	beat(b, 2) // it was not dead
	// The clock is set, the second time back.
	for _, away := range []string{"- interval '61 s'", "+ interval '61 s'"} {
		do("UPDATE nodes SET seen_at = clock_timestamp() "+away+" WHERE id = $1", b[:])
		beat(a, 1)
		rows(1)
		beat(b, 2)
		rows(2)
	}
	for range 250 {
		id := node()
		do("INSERT INTO nodes VALUES ($1, clock_timestamp() - interval '1 hour')", id[:])
	}
	for range 3 {
		beat(a, 2)
	}
	rows(2)
}

// However long reads and changes wait for the server, it hears that the node is there.
func TestANodeIsThereWhileItWaits(t *testing.T) {
	var d databases
	url := d.url(t, t.TempDir())
	db, server := openURL(t, url), connect(t, url)
	locked, err := server.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := locked.Exec(t.Context(), "LOCK TABLE tokens, sign_ins, counters, changes IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 16 {
		for _, call := range []func(){
			func() { _, _ = db.SignIn(ctx, store.SignInID{}) },
			func() { _, _ = db.RevokeToken(ctx, 1, store.Cause{At: storetest.Start()}) },
			func() { _, _ = db.Changes(ctx, 0) },
		} {
			all.Go(func() {
				for ctx.Err() == nil {
					call()
				}
			})
		}
	}
	watch := connect(t, url)
	for waits := 0; waits < 13; time.Sleep(time.Millisecond) { // all connections that there are for these
		if err := watch.QueryRow(t.Context(), "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted").Scan(&waits); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := db.Beat(t.Context(), store.NodeID{1}); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	cancel()
	if err := locked.Rollback(t.Context()); err != nil {
		t.Error(err)
	}
	all.Wait()
}

// Nodes that say at once that they are there, while dead ones are forgotten, do not wait for each other, nor does any count twice.
func TestManyNodesAtOnce(t *testing.T) {
	var d databases
	db := openURL(t, d.url(t, t.TempDir()))
	done := make(chan error)
	const nodes = 8
	for range nodes {
		var id store.NodeID
		_, _ = rand.Read(id[:])
		go func() {
			var err error
			for range 20 {
				if _, err = db.Beat(t.Context(), id); err != nil {
					break
				}
			}
			done <- err
		}()
	}
	for range nodes {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n, err := db.Beat(t.Context(), store.NodeID{1}); err != nil || n != nodes+1 {
		t.Errorf("%d, %v", n, err)
	}
}

// A database of the schema before has neither nodes nor sign-ins: it gets them, and the program before goes on with its tables.
func TestSignInsOnAnOlderSchema(t *testing.T) {
	var d databases
	url := d.url(t, t.TempDir())
	f := storetest.NewFixture(t, openURL(t, url), nil)
	r := f.NewToken(t, "kept")
	server := connect(t, url)
	_, err := server.Exec(t.Context(), withoutMarks+`; DROP TABLE sign_in_forms, sign_ins, nodes, token_limits;
		ALTER TABLE tokens DROP COLUMN managed, DROP COLUMN born_at;
		DROP TABLE trust_uses, trust_tokens, trusts; DELETE FROM counters WHERE name = 'sign_ins'; UPDATE patgate_schema SET version = 2`)
	if err != nil {
		t.Fatal(err)
	}
	db, err := postgres.Open(t.Context(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	f.Store = db
	s := f.SignIn(t, 42, time.Now())
	if _, err := db.SignIn(t.Context(), s.ID); err != nil {
		t.Error(err)
	}
	if n, err := db.Beat(t.Context(), store.NodeID{1}); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := db.Token(t.Context(), r.ID); err != nil {
		t.Error(err)
	}
}
