package postgres_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"patgate/store"
	"patgate/store/postgres"
	"patgate/store/storetest"
	"patgate/token"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(t.Context()) })
	return c
}

// withoutMarks takes from a database what the schema has of marks.
const withoutMarks = `DROP TABLE known_paths; DROP FUNCTION path_known CASCADE;
		DROP TABLE tallies, tallied, untallied, token_text, untexted;
		DROP FUNCTION token_tallied, mark_tallied, note_untallied, use_tallied, token_told, text_grams CASCADE;
		DROP TABLE token_grants, token_rights, family_networks, ungranted; DROP INDEX paths_by_place;
		DROP FUNCTION token_granted, grant_scopes, limits_read CASCADE;
		DROP TABLE marks, unmarked; DROP FUNCTION token_marked, token_judged CASCADE;
		DROP INDEX tokens_by_expiry, tokens_by_creation, tokens_by_name, tokens_revoked, tokens_reporting, token_uses_by_time`

// Nodes that start together on an empty database make its tables once, and wait for each other.
func TestNodesThatStartTogether(t *testing.T) {
	var d databases
	url := d.url(t, t.TempDir())
	var nodes sync.WaitGroup
	for range 6 {
		nodes.Go(func() {
			db, err := postgres.Open(t.Context(), url, postgres.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			_ = db.Close()
		})
	}
	nodes.Wait()
	rows := 0
	if err := connect(t, url).QueryRow(t.Context(), "SELECT count(*) FROM patgate_schema").Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d versions, %v", rows, err)
	}
	if has, want, err := postgres.SchemaOf(t.Context(), url); err != nil || has != want || has == 0 {
		t.Errorf("schema %d of %d, %v", has, want, err)
	}
}

// A program works on a schema of the version after it, and refuses one that says that it cannot.
func TestANewerSchema(t *testing.T) {
	var d databases
	url := d.url(t, t.TempDir())
	openURL(t, url)
	c := connect(t, url)
	set := func(statement string) {
		t.Helper()
		if _, err := c.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	set("UPDATE patgate_schema SET version = version + 1")
	openURL(t, url)
	set("UPDATE patgate_schema SET works_with = version")
	if db, err := postgres.Open(t.Context(), url, postgres.Options{}); !errors.Is(err, store.ErrNewer) {
		t.Errorf("%v, %v", db, err)
	}
	if _, _, err := postgres.SchemaOf(t.Context(), url); !errors.Is(err, store.ErrNewer) {
		t.Errorf("%v", err)
	}
}

// What tokens named before it was kept is known after the migration. Scopes that cannot be read name nothing and hold nobody up, then
// and later.
func TestWhatTokensOfAnOlderSchemaNameIsKnown(t *testing.T) {
	var d databases
	for name, damage := range map[string][]string{
		"sound":       nil,
		"with a null": {`UPDATE tokens SET scopes = '[{"project_ids":[null,6],"group_ids":[9]}]'`},
		"damaged": {"UPDATE tokens SET scopes = '{' WHERE name = 'damaged'",
			`UPDATE tokens SET scopes = '["a", 3, {"project_ids": "6"}, {"project_ids": ["x"]}]' WHERE name = 'odd'`},
	} {
		t.Run(name, func(t *testing.T) {
			url := d.url(t, t.TempDir())
			f := storetest.NewFixture(t, openURL(t, url), nil)
			tokens := []token.Record{f.NewToken(t, "first"), f.NewToken(t, "damaged"), f.NewToken(t, "odd")}
			c := connect(t, url)
			run := func(statement string, args ...any) {
				t.Helper()
				if _, err := c.Exec(t.Context(), statement, args...); err != nil {
					t.Fatalf("%s: %v", statement, err)
				}
			}
			named := func(id int64) (text string) {
				t.Helper()
				err := c.QueryRow(t.Context(), `SELECT coalesce(string_agg(kind || ' ' || place_id || ' ' || owner_id, ', ' ORDER BY kind), '')
					FROM token_places WHERE token_id = $1`, id).Scan(&text)
				if err != nil {
					t.Fatal(err)
				}
				return text
			}
			for _, statement := range append([]string{
				withoutMarks, "DROP TRIGGER token_named ON tokens", "DROP TRIGGER token_renamed ON tokens", "DROP FUNCTION token_named",
				"DROP FUNCTION name_places", "DROP TABLE token_places", "DROP TABLE paths", "DROP TABLE unplaced",
				"DROP TABLE token_limits",
				"DROP TABLE sign_in_forms", "DROP TABLE sign_ins", "DROP TABLE nodes", "ALTER TABLE tokens DROP COLUMN managed",
				"ALTER TABLE tokens DROP COLUMN born_at",
				"DROP TABLE trust_uses", "DROP TABLE trust_tokens", "DROP TABLE trusts", "DELETE FROM counters WHERE name = 'sign_ins'",
				"UPDATE patgate_schema SET version = 1",
			}, damage...) {
				run(statement)
			}
			db := openURL(t, url)
			if got := named(tokens[0].ID); got != "" {
				t.Errorf("the migration itself has filled in %q", got)
			}
			if err := store.FillPlaces(t.Context(), db, 0); err != nil {
				t.Fatal(err)
			}
			for i, r := range tokens {
				want := "group 9 1, project 6 1"
				if i > 0 && name == "damaged" {
					want = ""
				}
				if got := named(r.ID); got != want {
					t.Errorf("%s names %q, want %q", r.Name, got, want)
				}
			}
			run(`UPDATE tokens SET scopes = '[{"project_ids":[null,8]}]' WHERE name = 'first'`)
			if got := named(tokens[0].ID); got != "project 8 1" {
				t.Errorf("beside a null it names %q", got)
			}
			run("UPDATE tokens SET scopes = '[{' WHERE name = 'first'")
			if got := named(tokens[0].ID); got != "" {
				t.Errorf("%q", got)
			}
		})
	}
}

// withoutTallies takes from a database what the schema has since numbers are kept of owners.
const withoutTallies = `DROP TABLE known_paths; DROP FUNCTION path_known CASCADE;
	DROP TABLE tallies, tallied, untallied, token_text, untexted;
	DROP FUNCTION token_tallied, mark_tallied, note_untallied, use_tallied, token_told, text_grams CASCADE;
	DROP INDEX marks_by_reach, token_uses_by_time, tokens_revoked;
	ALTER TABLE marks DROP COLUMN dangerous; UPDATE patgate_schema SET version = 9`

// Numbers come to be kept while somebody reads for long, as pg_dump does: nobody who changes tokens waits for long meanwhile. Tokens that
// were judged before it was noted what is dangerous are said to be still counted.
func TestNumbersComeToBeKept(t *testing.T) {
	var d databases
	url := d.url(t, t.TempDir())
	r := storetest.NewFixture(t, openURL(t, url), nil).NewToken(t, "kept")
	c, reader := connect(t, url), connect(t, url)
	for _, statement := range []string{withoutTallies, "UPDATE marks SET judged = 7, judged_at = 1"} {
		if _, err := c.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	reading, err := reader.Begin(t.Context())
	if err == nil {
		_, err = reading.Exec(t.Context(), "LOCK TABLE marks, tokens, token_uses, owners IN ACCESS SHARE MODE")
	}
	if err != nil {
		t.Fatal(err)
	}
	opened := make(chan *postgres.DB, 1)
	go func() {
		db, err := postgres.Open(t.Context(), url, postgres.Options{})
		if err != nil {
			t.Error(err)
		}
		opened <- db
	}()
	var worst time.Duration
	for began := time.Now(); time.Since(began) < 5*time.Second; time.Sleep(5 * time.Millisecond) {
		one := time.Now()
		if _, err := c.Exec(t.Context(), "UPDATE tokens SET paused_at = 1 - paused_at WHERE id = $1", r.ID); err != nil {
			t.Fatal(err)
		}
		worst = max(worst, time.Since(one))
	}
	if len(opened) > 0 {
		t.Error("it has not waited for who reads")
	}
	if t.Logf("a change waited %s", worst); worst > 3*time.Second {
		t.Errorf("a change waited %s while a migration waited for who reads", worst)
	}
	if err := reading.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	db := <-opened
	if db == nil {
		return
	}
	defer db.Close()
	if counting, err := db.Unjudged(t.Context()); err != nil || !counting {
		t.Errorf("it is not said that it is not known what is dangerous, %v", err)
	}
	list, _, err := db.Due(t.Context(), store.Due{Under: 8, Version: 9, JudgedBefore: time.Now()}, 10)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d are to be judged anew, %v", len(list), err)
	}
	if err := db.Judge(t.Context(), []store.Judgement{{TokenID: r.ID, Turn: list[0].Kept.Turn, Under: 8, Version: 9,
		At: time.Now()}}); err != nil {
		t.Fatal(err)
	}
	if counting, err := db.Unjudged(t.Context()); err != nil || counting {
		t.Errorf("all is judged and it is not said, %v", err)
	}
	// The version before serves again, and nobody counts: what is judged and used is noted once.
	for n := range 5 {
		if _, err := c.Exec(t.Context(), "UPDATE marks SET reach = reach + 1"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Exec(t.Context(), "UPDATE token_uses SET last_used_at = $1", n%2*90_000); err != nil {
			t.Fatal(err)
		}
	}
	noted := 0
	if err := c.QueryRow(t.Context(), "SELECT count(*) FROM untallied").Scan(&noted); err != nil || noted != 1 {
		t.Errorf("one token is noted %d times, %v", noted, err)
	}
}
