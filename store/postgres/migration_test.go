package postgres_test

import (
	"errors"
	"sync"
	"testing"

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
const withoutMarks = `DROP TABLE tallies, tallied, untallied, token_text, untexted;
		DROP FUNCTION token_tallied, mark_tallied, use_tallied, token_told, text_grams CASCADE;
		DROP TABLE token_grants, token_rights, family_networks, ungranted; DROP INDEX paths_by_place;
		DROP FUNCTION token_granted, grant_scopes, limits_read CASCADE;
		DROP TABLE marks, unmarked; DROP FUNCTION token_marked, token_judged CASCADE;
		DROP INDEX tokens_by_expiry, tokens_by_creation, tokens_by_name, tokens_reporting`

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
				"DROP FUNCTION name_places", "DROP TABLE token_places", "DROP TABLE paths", "DROP TABLE unplaced", "DROP TABLE token_limits",
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
