package sqlite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"patgate/routes"
	"patgate/store"
	"patgate/store/tables"
	"patgate/store/tables/tally"
	"patgate/token"
)

// TestATokenOfTheFirstSchemaGoesOn makes a store as the first schema had it and opens it: tokens keep all they had, begin a
// family each, and are never renewed beyond their expiry.
func TestATokenOfTheFirstSchemaGoesOn(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "db", "patgate.db")
	db, err := Open(ctx, path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	pool, err := connect(path, time.Second, 1, false)
	if err != nil {
		t.Fatal(err)
	}
	// The file keeps its identity; what is in it becomes the first schema's.
	for _, statement := range []string{
		"DROP TRIGGER token_tallied", "DROP TRIGGER token_retallied", "DROP TRIGGER mark_tallied", "DROP TRIGGER use_tallied",
		"DROP TRIGGER first_use_tallied", "DROP TABLE tallies", "DROP TABLE tallied", "DROP TABLE untallied",
		"DROP TRIGGER token_granted", "DROP TRIGGER token_regranted", "DROP TABLE token_grants", "DROP TABLE token_rights",
		"DROP TABLE family_networks", "DROP TABLE ungranted",
		"DROP TABLE token_text", "DROP TRIGGER token_told", "DROP TRIGGER token_retold", "DROP TRIGGER token_untold",
		"DROP TRIGGER token_marked", "DROP TRIGGER token_stands", "DROP TRIGGER token_judged",
		"DROP TABLE marks", "DROP TABLE unmarked", "DROP INDEX token_uses_by_time", "DROP INDEX tokens_live", "DROP INDEX tokens_paused",
		"DROP INDEX tokens_unrevoked", "DROP INDEX tokens_revoked", "DROP INDEX tokens_by_expiry", "DROP INDEX tokens_by_creation",
		"DROP INDEX tokens_by_name", "DROP INDEX tokens_reporting", "DROP INDEX tokens_told",
		"DROP TRIGGER token_named", "DROP TRIGGER token_renamed", "DROP TABLE token_places", "DROP TABLE unplaced",
		"DROP TABLE known_paths", "DROP TABLE paths",
		"DROP TABLE trust_uses", "DROP TABLE trust_tokens", "DROP TABLE trusts", "DROP TABLE token_limits",
		"DROP TABLE sign_in_forms", "DROP TABLE sign_ins", "DROP TABLE narrowings", "DROP TABLE observing",
		"ALTER TABLE tokens DROP COLUMN widened_at", "ALTER TABLE tokens DROP COLUMN managed",
		"ALTER TABLE tokens DROP COLUMN born_at",
		"DROP TABLE units", "DROP TABLE unit_kinds", "DROP TABLE subjects", "DROP TABLE subject_networks",
		"DROP TABLE token_permissions", "DROP TABLE token_addresses",
		"DROP INDEX tokens_by_family", "DROP INDEX tokens_by_parent",
		"ALTER TABLE tokens DROP COLUMN family_id", "ALTER TABLE tokens DROP COLUMN renew_until",
		"ALTER TABLE tokens DROP COLUMN rotated_to",
		"ALTER TABLE tokens DROP COLUMN report_from", "ALTER TABLE tokens DROP COLUMN report_until",
		"ALTER TABLE tokens DROP COLUMN owners_word",
		"ALTER TABLE tokens DROP COLUMN revision", "ALTER TABLE tokens DROP COLUMN children",
		"ALTER TABLE tokens DROP COLUMN touched_at",
		"INSERT INTO sealing_keys VALUES ('k', x'00', 1, 0)",
		"INSERT INTO owners VALUES (1, 'https://gitlab.example.com', 42, 'alice', 0, 1, 0)",
		"INSERT INTO credentials VALUES (1, 1, 'k', x'00', 'personal', '[\"api\"]', 0, 1, 1, 'valid', '')",
		`INSERT INTO tokens (hash, last_four, name, owner_id, credential_id, scopes, table_version, created_at, expires_at)
			VALUES (zeroblob(32), 'abcd', 'old', 1, 1, '[{"access":"user","permissions":["read_user"]}]', 1, 1000, 9000)`,
		"PRAGMA user_version = 1",
	} {
		if _, err := pool.ExecContext(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	if origins, err := OriginsOf(ctx, path); err != nil || !slices.Equal(origins, []string{"https://gitlab.example.com"}) {
		t.Errorf("its owners are of %v, %v", origins, err)
	}
	if has, _, err := SchemaOf(ctx, path); err != nil || has != 1 {
		t.Errorf("reading it made it one of schema %d, %v", has, err)
	}
	if db, err = Open(ctx, path, Options{}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	l, err := db.Token(ctx, 1_000_000_000_000)
	if err != nil || l.Name != "old" || l.FamilyID != l.ID || !l.RenewUntil.Equal(l.ExpiresAt) || l.Revision != 1 ||
		l.RotatedTo != 0 || l.OwnersWord || !l.ReportEnd().IsZero() {
		t.Errorf("%+v, %v", l, err)
	}
	if health, err := db.Check(ctx); err != nil || health.SchemaVersion != len(migrations()) {
		t.Errorf("%+v, %v", health, err)
	}
}

// openOlder makes a store of the schema before the migration that a text stands in, runs statements in it, and opens it.
func openOlder(t *testing.T, before string, statements ...string) *DB {
	t.Helper()
	path := filepath.Join(t.TempDir(), "patgate.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	pool, err := connect(path, time.Second, 1, false)
	if err != nil {
		t.Fatal(err)
	}
	steps := migrations()
	at := slices.IndexFunc(steps, func(step string) bool { return strings.Contains(step, before) })
	for _, statement := range slices.Concat(steps[:at], statements, []string{fmt.Sprintf("PRAGMA application_id=%d", applicationID),
		fmt.Sprintf("PRAGMA user_version=%d", at)}) {
		if _, err := pool.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// TestUnitsOfAnOlderSchemaAreCounted makes a store as it was before kinds went with their last unit, and opens it.
func TestUnitsOfAnOlderSchemaAreCounted(t *testing.T) {
	ctx := t.Context()
	db := openOlder(t, "CREATE TABLE counted_units",
		"INSERT INTO unit_kinds VALUES (1, '{}'), (2, '{\"method\":\"GET\"}'), (3, '{\"method\":\"PUT\"}')",
		"INSERT INTO units VALUES (1, 0, 1, '[]', '[]', 5, 6, 7, x'', 1), (2, 0, 1, '[]', '[]', 5, 6, 7, x'', 0), "+
			"(2, 0, 3, '[]', '[]', 5, 6, 7, x'', 0)")
	list, damaged, err := db.Observations(ctx, 1, time.Time{})
	if err != nil || damaged != 0 || len(list) != 1 || list[0].Uses != 7 || !list[0].Suspect {
		t.Errorf("%+v, %d, %v", list, damaged, err)
	}
	for _, want := range []string{"1:2 3:1", "3:1"} {
		var kinds string
		err := db.write.QueryRowContext(ctx,
			"SELECT group_concat(id || ':' || units, ' ') FROM (SELECT * FROM unit_kinds ORDER BY id)").Scan(&kinds)
		if err != nil || kinds != want {
			t.Errorf("kinds %s, want %s, %v", kinds, want, err)
		}
		if _, err := db.write.ExecContext(ctx, "DELETE FROM units WHERE kind_id = 1"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWhatTokensOfAnOlderSchemaNameIsKnown makes a store as it was before places were kept, with scopes of all kinds and damaged
// ones, and opens it.
func TestWhatTokensOfAnOlderSchemaNameIsKnown(t *testing.T) {
	ctx, half := t.Context(), token.MostRights/2
	token := func(n int, scopes string) string {
		return fmt.Sprintf(`INSERT INTO tokens (hash, last_four, name, owner_id, credential_id, scopes, table_version, created_at, expires_at)
			VALUES (x'%064x', 'abcd', 'old', 1, 1, '%s', 1, 1000, 9000)`, n, scopes)
	}
	many := make([]string, 257) // more than are filled in at once
	for i := range many {
		many[i] = token(i+5, `[{"access":"user"}]`)
	}
	large := func(name string) string { // which is much for one piece
		var names []string
		for i := range 1500 {
			names = append(names, fmt.Sprintf(`"%s%d"`, name, i))
		}
		return `[{"permissions":[` + strings.Join(names, ",") + `]}]`
	}
	db := openOlder(t, "CREATE TABLE token_places", append([]string{
		"INSERT INTO sealing_keys VALUES ('k', x'00', 1, 0)",
		"INSERT INTO owners VALUES (1, 'https://gitlab.example.com', 42, 'alice', 0, 1, 0)",
		"INSERT INTO credentials VALUES (1, 1, 'k', x'00', 'personal', '[\"api\"]', 0, 1, 1, 'valid', '')",
		token(1, `[{"access":"selected_memberships","permissions":["read_job"],"project_ids":[6,7],"group_ids":[9]},
			{"project_ids":[6]}]`),
		token(2, `[{"access":"user"}]`), token(3, `{`), token(4, `["a", 3, null, {"project_ids": "6"}]`),
		token(300, `[{"access":"user","permissions":["x`+strings.Repeat(`","x`, half)+`"]},{"permissions":["y`+
			strings.Repeat(`","y`, half)+`"]}]`),
		token(301, large("u")), token(302, large("v")), token(303, large("w")),
	}, many...)...)
	changed := `UPDATE tokens SET scopes = '[{"project_ids":[8]}]' WHERE id = (SELECT max(id) FROM tokens)`
	if _, err := db.write.ExecContext(ctx, changed); err != nil { // before it was filled in
		t.Fatal(err)
	}
	for more, before := true, 0; more; {
		var err error
		rows := 0
		if more, err = db.FillPlaces(ctx); err == nil {
			err = db.write.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM token_places) + (SELECT count(*) FROM token_rights) +
				(SELECT count(*) FROM token_grants)`).Scan(&rows)
		}
		if err != nil || rows-before > 2000+1500 {
			t.Fatalf("one piece are %d rows: %v", rows-before, err)
		}
		before = rows
	}
	if more, err := db.FillPlaces(ctx); err != nil || more {
		t.Errorf("more is left: %v, %v", more, err)
	}
	const want = "group 9 1 1000000000000, project 6 1 1000000000000, project 7 1 1000000000000, project 8 1 1000000000264"
	var found string
	err := db.write.QueryRowContext(ctx, `SELECT group_concat(kind || ' ' || place_id || ' ' || owner_id || ' ' || token_id, ', ')
		FROM (SELECT * FROM token_places ORDER BY kind, place_id)`).Scan(&found)
	if err != nil || found != want {
		t.Errorf("%q, %v", found, err)
	}
	// What was filled in is what the triggers make of it.
	held := func() (rows string) {
		t.Helper()
		if err := db.write.QueryRowContext(ctx, `SELECT group_concat(line, char(10)) FROM (SELECT kind || ' ' || place_id || ' ' || token_id ||
			' ' || scope AS line FROM token_grants UNION ALL SELECT permission || ' ' || token_id || ' ' || scope FROM token_rights
			ORDER BY 1)`).Scan(&rows); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	filled := held()
	if _, err := db.write.ExecContext(ctx, "UPDATE tokens SET scopes = scopes || ' '"); err != nil {
		t.Fatal(err)
	}
	if made := held(); made != filled || !strings.Contains(filled, "project 7 1000000000000 0") || !strings.Contains(filled, "user 0 ") ||
		!strings.Contains(filled, "read_job 1000000000000 0") || !strings.Contains(filled, "* 1000000000004 -1") ||
		strings.Contains(filled, "x 1000000000004") {
		t.Errorf("filled in are %.300s, and the triggers make %.300s", filled, made)
	}
}

// asked is a connection that notes what is asked.
type asked struct {
	tables.Conn
	queries *[]string
	args    *[][]any
}

// QueryRow implements tables.Conn.
func (a asked) QueryRow(ctx context.Context, query string, args ...any) tables.Row {
	*a.queries, *a.args = append(*a.queries, query), append(*a.args, args)
	return a.Conn.QueryRow(ctx, query, args...)
}

// TestPlacesAreFoundByIndexes asks the planner how tokens are looked for by what they name: not by going through all of them, nor
// through all paths.
func TestPlacesAreFoundByIndexes(t *testing.T) {
	ctx := t.Context()
	db, err := Open(ctx, filepath.Join(t.TempDir(), "patgate.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var queries []string
	var args [][]any
	d := db.database()
	d.Snapshot = func(ctx context.Context, f func(tables.Conn) error) error {
		return db.snapshot(ctx, func(c tables.Conn) error { return f(asked{c, &queries, &args}) })
	}
	for _, n := range []store.Naming{{ID: 6}, {Kind: routes.RefGroup, ID: 6}, {Path: "acme"}, {Kind: routes.RefProject, ID: 6, Path: "6"}} {
		for _, owner := range []int64{0, 1} {
			if _, _, err := tables.New(d).Tokens(ctx, store.Filter{Naming: n, OwnerID: owner}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(queries) != 16 {
		t.Errorf("%d questions", len(queries))
	}
	for i, query := range queries {
		rows, err := db.read.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, args[i]...)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		plan := ""
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			if step != "SCAN found" && step != "SCAN counted" { // these are no tables
				plan += step + "\n"
			}
		}
		if strings.Contains(plan, "SCAN") || !strings.Contains(plan, "SEARCH") {
			t.Errorf("%s:\n%s", query, plan)
		}
	}
}

// TestWhatIsDangerousIsNotKnownAtOnce makes a store as it was before it was noted what is dangerous, and opens it: that is said to be still
// counted until it was looked at. How many tokens one owner has is found without going through those of others.
func TestWhatIsDangerousIsNotKnownAtOnce(t *testing.T) {
	ctx := t.Context()
	db := openOlder(t, "CREATE TABLE tallies",
		"INSERT INTO sealing_keys VALUES ('k', x'00', 1, 0)",
		"INSERT INTO owners VALUES (1, 'https://gitlab.example.com', 42, 'alice', 0, 1, 0)",
		"INSERT INTO credentials VALUES (1, 1, 'k', x'00', 'personal', '[\"api\"]', 0, 1, 1, 'valid', '')",
		`INSERT INTO tokens (hash, last_four, name, owner_id, credential_id, scopes, table_version, created_at, expires_at)
			VALUES (zeroblob(32), 'abcd', 'old', 1, 1, '[{"access":"user","permissions":["read_user"]}]', 1, 1000, 9000)`,
		"UPDATE marks SET judged = 7, judged_at = 1", "DELETE FROM unmarked")
	if counting, err := db.Unjudged(ctx); err != nil || !counting {
		t.Errorf("it is not said that it is not known what is dangerous, %v", err)
	}
	list, _, err := db.Due(ctx, store.Due{Under: 8, Version: 9, JudgedBefore: time.Now()}, 10)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d are to be judged anew, %v", len(list), err)
	}
	one := store.Judgement{TokenID: list[0].ID, Turn: list[0].Kept.Turn, Under: 8, Version: 9, At: time.Now()}
	if err := db.Judge(ctx, []store.Judgement{one}); err != nil {
		t.Fatal(err)
	}
	if counting, err := db.Unjudged(ctx); err != nil || counting {
		t.Errorf("all is judged and it is not said, %v", err)
	}
	query, args := tally.One(&store.OwnerFilter{Now: time.Now(), OwnerID: 1}, db.database().Filter)
	rows, err := db.read.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(detail + "\n")
	}
	if text := plan.String(); !strings.Contains(text, "untallied_by_owner (owner_id=?)") || strings.Contains(text, "SCAN untallied") ||
		strings.Contains(text, "SCAN tallied") {
		t.Errorf("the plan is\n%s", text)
	}
}
