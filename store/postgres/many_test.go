package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"patgate/routes"
	"patgate/store"
	"patgate/store/postgres"
	"patgate/store/storetest"
)

// many is how many tokens the tests of many have: 20,000, or as PATGATE_MANY_TOKENS says. Short ones have a tenth.
func many(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("PATGATE_MANY_TOKENS"))
	switch {
	case err == nil:
		return n
	case testing.Short():
		return 2000
	}
	return 20_000
}

// worldBeforeMarks is a database of the schema before marks, with many tokens of one owner.
func worldBeforeMarks(t *testing.T) (url string, c *pgx.Conn, owner, first int64) {
	t.Helper()
	var d databases
	url = d.url(t, t.TempDir())
	f := storetest.NewFixture(t, openURL(t, url), nil)
	r := f.NewToken(t, "kept")
	c = connect(t, url)
	for _, statement := range []string{
		withoutMarks, "ALTER TABLE tokens DROP COLUMN managed, DROP COLUMN born_at",
		"UPDATE patgate_schema SET version = 5", "ALTER TABLE tokens DISABLE TRIGGER USER",
		fmt.Sprintf(`INSERT INTO tokens (id, hash, last_four, name, description, owner_id, credential_id, scopes, table_version, created_at,
			expires_at, family_id) SELECT id + g, sha256(convert_to(g::text, 'UTF8')), 'abcd', 'token for job ' || md5(g::text),
			repeat(md5(g::text) || ' ', 6), owner_id, credential_id, scopes, table_version, created_at + g, expires_at + g, id + g
			FROM tokens, generate_series(1, %d) g WHERE id = %d`, many(t), r.ID),
		"ALTER TABLE tokens ENABLE TRIGGER USER", "UPDATE counters SET seq = seq + 1000000 WHERE name = 'tokens'", "ANALYZE",
	} {
		if _, err := c.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return url, c, f.Owner.ID, r.ID
}

// A database with many tokens is migrated at once, with nobody waiting for it; what is filled in afterwards is not missed by lists
// meanwhile; common words are found without going through all; and revoking all of it costs what it did before.
func TestManyTokens(t *testing.T) {
	url, c, owner, first := worldBeforeMarks(t)
	took := func(what string, most time.Duration, f func()) (d time.Duration) {
		t.Helper()
		began := time.Now()
		f()
		d = time.Since(began)
		t.Logf("%s took %s", what, d.Round(time.Millisecond))
		most *= time.Duration(max(1, many(t)/20_000))
		if d > most {
			t.Errorf("%s took %s, more than %s", what, d.Round(time.Millisecond), most)
		}
		return d
	}
	revoke := func() {
		tx, err := c.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback(t.Context())
		if _, err := tx.Exec(t.Context(), "UPDATE tokens SET revoked_at = 1, revoke_reason = 'x' WHERE owner_id = $1", owner); err != nil {
			t.Fatal(err)
		}
	}
	before := took("revoking by the statement, before marks", time.Minute, revoke)
	waited := make(chan time.Duration)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { // a node of the version before
		var worst time.Duration
		w, err := pgx.Connect(ctx, url)
		for err == nil {
			began := time.Now()
			if _, err = w.Exec(ctx, "UPDATE tokens SET touched_at = touched_at + 1 WHERE id = $1", first); ctx.Err() == nil {
				worst = max(worst, time.Since(began))
			}
			time.Sleep(2 * time.Millisecond)
		}
		waited <- worst
	}()
	var db *postgres.DB
	took("opening and migrating", 15*time.Second, func() {
		var err error
		if db, err = postgres.Open(t.Context(), url, postgres.Options{}); err != nil {
			t.Fatal(err)
		}
	})
	defer db.Close()
	cancel()
	if worst := <-waited; worst > 5*time.Second {
		t.Errorf("a change waited %s for the migration", worst)
	} else {
		t.Logf("a change waited %s", worst.Round(time.Millisecond))
	}
	n := many(t) + 1
	list := func(f store.Filter) (total int) {
		t.Helper()
		f.Now, f.Limit = storetest.Start(), 20
		list, total, err := db.Tokens(t.Context(), f)
		if err != nil || len(list) != min(20, total) {
			t.Fatalf("%+v: %d of %d, %v", f, len(list), total, err)
		}
		return total
	}
	all := func(when string) {
		t.Helper()
		for _, name := range store.SortNames() {
			sort, _ := store.ParseSort(name)
			took(when+", active by "+name, 5*time.Second, func() {
				if total := list(store.Filter{State: store.StateActive, Sort: sort}); total != n {
					t.Errorf("%d of %d", total, n)
				}
			})
		}
	}
	all("before anything is filled in")
	if counting, err := db.Unjudged(t.Context()); err != nil || !counting {
		t.Errorf("it is not said that tokens are not judged, %v", err)
	}
	search := func(when string) {
		t.Helper()
		for _, text := range []string{"token for job", "tok", "job 00ff", "nothing of it", strings.Repeat("a", 4000)} {
			took(fmt.Sprintf("%s, search of %.14q", when, text), 3*time.Second, func() {
				list(store.Filter{Search: text, SearchPlaces: true, CountTo: 2000})
			})
		}
	}
	search("before anything is filled in")
	took("filling in", 5*time.Minute, func() {
		for more := true; more; {
			var err error
			if more, err = db.FillMarks(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
	var marked int
	if err := c.QueryRow(t.Context(), "SELECT count(*) FROM marks").Scan(&marked); err != nil || marked != n {
		t.Errorf("%d of %d have marks, %v", marked, n, err)
	}
	all("filled in")
	search("filled in")
	took("counting anew", 5*time.Minute, func() {
		for more := true; more; {
			var err error
			if more, err = db.Recount(t.Context(), storetest.Start()); err != nil {
				t.Fatal(err)
			}
		}
	})
	all("counted")
	took("noting what tokens reach", 5*time.Minute, func() {
		for more := true; more; {
			var err error
			if more, err = db.FillPlaces(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
	// Those that reach a project are all there are: so their pages are those of the plain order, however they are found.
	for _, offset := range []int{0, 380, 400, 1980} {
		f := store.Filter{Now: storetest.Start(), Limit: 20, Offset: offset}
		want, _, err := db.Tokens(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		f.CountTo, f.Reach = 2000, &store.Reach{Places: []store.Place{{Kind: routes.RefProject, ID: 6}}}
		took(fmt.Sprintf("a page at %d of those that reach a project", offset), 3*time.Second, func() {
			list, total, err := db.Tokens(t.Context(), f)
			if err != nil || total != min(n, 2001) || !slices.Equal(idsOf(list), idsOf(want)) {
				t.Errorf("%v of %d, want %v, %v", idsOf(list), total, idsOf(want), err)
			}
		})
	}
	// A node of the version before copies a store: no trigger fires.
	if _, err := c.Exec(t.Context(), "DELETE FROM marks WHERE token_id % 100 = 7"); err != nil {
		t.Fatal(err)
	}
	if err := db.MissMarks(t.Context()); err != nil {
		t.Fatal(err)
	}
	for more := true; more; {
		var err error
		if more, err = db.FillMarks(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.QueryRow(t.Context(), "SELECT count(*) FROM marks").Scan(&marked); err != nil || marked != n {
		t.Errorf("after a copy, %d of %d have marks, %v", marked, n, err)
	}
	// By a wrong index on tokens each takes sixteen times as long as before. What a busy machine takes more is added.
	most := 5*time.Second + 5*before
	took("revoking by the statement, with marks", most, revoke)
	took("removing the owner", most, func() {
		if _, err := db.RemoveOwner(t.Context(), owner, store.Cause{By: "user:1", At: storetest.Start()}); err != nil {
			t.Fatal(err)
		}
	})
	if total := list(store.Filter{State: store.StateRevoked}); total != n {
		t.Errorf("%d of %d are revoked", total, n)
	}
}

// Who revokes tokens does not wait for who notes that they were used, in whatever order: no two of them can stop each other.
func TestRevocationsAndUsesDoNotMeet(t *testing.T) {
	var d databases
	url := d.url(t, t.TempDir())
	f := storetest.NewFixture(t, openURL(t, url), nil)
	a, b := f.NewToken(t, "a").ID, f.NewToken(t, "b").ID
	begin := func() pgx.Tx {
		tx, err := connect(t, url).Begin(t.Context())
		if err == nil {
			_, err = tx.Exec(t.Context(), "SET LOCAL lock_timeout = '2s'")
		}
		if err != nil {
			t.Fatal(err)
		}
		return tx
	}
	revoker, user := begin(), begin()
	for _, ids := range [][2]int64{{a, b}, {b, a}} {
		if _, err := revoker.Exec(t.Context(), "UPDATE tokens SET revoked_at = 1 WHERE id = $1", ids[0]); err != nil {
			t.Errorf("revoking: %v", err)
		}
		_, err := user.Exec(t.Context(), `INSERT INTO token_uses (token_id, uses, last_used_at) VALUES ($1, 1, 5)
			ON CONFLICT (token_id) DO UPDATE SET uses = 2, last_used_at = 6`, ids[1])
		if err != nil {
			t.Errorf("using: %v", err)
		}
	}
	if err := errors.Join(user.Commit(t.Context()), revoker.Commit(t.Context())); err != nil {
		t.Error(err)
	}
}
