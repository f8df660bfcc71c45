package postgres_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"patgate/store"
	"patgate/store/postgres"
	"patgate/store/storetest"
)

// sessions waits until so many sessions of the database are as the condition says.
func sessions(t *testing.T, on *pgx.Conn, many int, condition string) {
	t.Helper()
	for end, n := time.Now().Add(time.Minute), -1; n < many; time.Sleep(5 * time.Millisecond) {
		const count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
		err := on.QueryRow(t.Context(), count+condition).Scan(&n)
		if err != nil || time.Now().After(end) {
			t.Fatalf("%d sessions with %s, %v", n, condition, err)
		}
	}
}

// openPatient opens a store of which no call may end early on a busy machine.
func openPatient(t *testing.T, url string) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), url, postgres.Options{Patience: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// A transaction that the server ends because of a deadlock is run again.
func TestADeadlockIsTriedAgain(t *testing.T) {
	var d databases
	url := d.url(t, t.TempDir())
	db := openPatient(t, url)
	r := storetest.NewFixture(t, db, nil).NewToken(t, "both")
	other, watch := connect(t, url), connect(t, url)
	tx, err := other.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"SET LOCAL deadlock_timeout = '1h'", "SELECT id FROM tokens FOR UPDATE"} { // never the victim
		if _, err := tx.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error, 1)
	go func() {
		_, err := db.RevokeToken(t.Context(), r.ID, store.Cause{At: storetest.Start()})
		done <- err
	}()
	sessions(t, watch, 1, "wait_event_type = 'Lock'") // it holds the counter and waits for the token
	if _, err := tx.Exec(t.Context(), "SELECT seq FROM counters WHERE name = 'changes' FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got, err := db.Token(t.Context(), r.ID); err != nil || got.RevokedAt.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
}

// A node that is cut off in the middle of a change holds up the others no longer than it would have waited itself.
func TestANodeThatIsCutOffInAChange(t *testing.T) {
	var d databases
	url := d.url(t, t.TempDir())
	db := openPatient(t, url)
	f := storetest.NewFixture(t, db, nil)
	first, second := f.NewToken(t, "first"), f.NewToken(t, "second")
	cut, err := postgres.Open(t.Context(), url, postgres.Options{Patience: 2 * time.Second})
	for end := time.Now().Add(time.Minute); err != nil && time.Now().Before(end); { // on a busy machine
		cut, err = postgres.Open(t.Context(), url, postgres.Options{Patience: 2 * time.Second})
	}
	if err != nil {
		t.Fatal(err)
	}
	defer cut.Close()
	reached, until, done := make(chan struct{}, 1), make(chan struct{}), make(chan error, 1)
	cut.HoldCommitsForTest(reached, until)
	go func() {
		_, err := cut.RevokeToken(t.Context(), first.ID, store.Cause{At: storetest.Start()})
		done <- err
	}()
	select {
	case <-reached:
	case err := <-done:
		t.Fatal(err)
	}
	if _, err := db.RevokeToken(t.Context(), second.ID, store.Cause{At: storetest.Start()}); err != nil {
		t.Errorf("another node: %v", err)
	}
	close(until)
	if err := <-done; err == nil {
		t.Error("the node that was cut off was told that its change is stored")
	}
	if got, err := db.Token(t.Context(), first.ID); err != nil || !got.RevokedAt.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
}

// A node is cut off while one of its changes holds the counter and others wait for it. None of those may get it in its turn: the
// server does not notice that a client has gone while its statement waits. What another node changes then is made in time.
func TestANodeThatIsCutOffWithManyChanges(t *testing.T) {
	const patience = 8 * time.Second
	var d databases
	url := d.url(t, t.TempDir())
	db, err := postgres.Open(t.Context(), url, postgres.Options{Patience: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r := storetest.NewFixture(t, db, nil).NewToken(t, "revoked elsewhere")
	gone, ended := make([]*pgx.Conn, 6), make(chan error, 5)
	for i := range gone {
		gone[i] = connect(t, url)
		if _, err := gone[i].Exec(t.Context(), postgres.BeginForTest(patience)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range gone {
		ask := func() error {
			_, err := gone[i].Exec(t.Context(), "SELECT seq FROM counters WHERE name = $1 FOR UPDATE", "changes")
			return err
		}
		if i > 0 {
			go func() { ended <- ask() }()
		} else if err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.RevokeToken(t.Context(), r.ID, store.Cause{At: storetest.Start()}); err != nil {
		t.Errorf("a node that is not cut off: %v", err)
	}
	for range gone[1:] {
		var told *pgconn.PgError
		if err := <-ended; !errors.As(err, &told) || told.Code != "55P03" {
			t.Errorf("a change that waited: %v", err)
		}
	}
}
