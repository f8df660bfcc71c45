package postgres_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"patgate/store"
	"patgate/store/storetest"
)

// Of two transactions the one that changed a token first commits last. A node that polls in between must hear of both.
func TestTheFirstOfTwoTransactionsCommitsLast(t *testing.T) {
	var d databases
	url := d.url(t, t.TempDir())
	db := openURL(t, url)
	f := storetest.NewFixture(t, db, nil)
	slow, quick := f.NewToken(t, "slow"), f.NewToken(t, "quick")
	heard, err := db.Changes(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	since := heard.Sequence
	seen := map[[32]byte]bool{}
	poll := func() {
		t.Helper()
		c, err := db.Changes(t.Context(), since)
		if err != nil || c.All {
			t.Fatalf("%+v, %v", c, err)
		}
		since = c.Sequence
		for _, hash := range c.Hashes {
			seen[hash] = true
		}
	}

	other, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(t.Context())
	first, err := other.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Exec(t.Context(), "UPDATE tokens SET revoked_at = 1 WHERE id = $1", slow.ID); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := db.RevokeToken(t.Context(), quick.ID, store.Cause{At: storetest.Start()})
		done <- err
	}()
	waiting := 0
	for waiting == 0 && len(done) == 0 { // the second waits for the first, or has committed before it
		poll()
		err := other.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "+
			"AND datname = current_database()").Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	poll()
	if err := first.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	poll()
	if !seen[slow.Hash] || !seen[quick.Hash] {
		t.Errorf("heard of the first %v, of the second %v", seen[slow.Hash], seen[quick.Hash])
	}
}
