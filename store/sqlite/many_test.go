package sqlite

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patgate/store"
	"patgate/store/storetest"
)

// What is called by some text is found while the text of tokens of an older schema is filled in, whatever becomes of them meanwhile;
// long texts are looked for in no time.
func TestTextIsFilledIn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "patgate.db")
	db, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := storetest.NewFixture(t, db, nil)
	kept := f.NewToken(t, "kept ABC")
	for _, statement := range []string{
		`WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 450) INSERT INTO tokens (id, hash, last_four, name,
			description, owner_id, credential_id, scopes, table_version, created_at, expires_at, family_id)
			SELECT id + n, randomblob(32), 'abcd', 'token for job ' || n, lower(hex(randomblob(100))), owner_id, credential_id, scopes,
			table_version, created_at + n, expires_at + n, id + n FROM tokens, g`,
		"DELETE FROM token_text", "INSERT INTO unmarked SELECT 0, max(id) FROM tokens",
	} {
		if _, err := db.write.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if db, err = Open(t.Context(), path, Options{}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	found := func(text string) (total int) {
		t.Helper()
		_, total, err := db.Tokens(t.Context(), store.Filter{Search: text, SearchPlaces: true, Limit: 20, Now: storetest.Start()})
		if err != nil {
			t.Fatal(err)
		}
		return total
	}
	rename := func(id int64, to string) {
		t.Helper()
		if _, err := db.write.ExecContext(t.Context(), "UPDATE tokens SET name = ? WHERE id = ?", to, id); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string, jobs int) {
		t.Helper()
		if got := found("token for job"); got != jobs {
			t.Errorf("%s: %d of %d", when, got, jobs)
		}
	}
	check("nothing is filled in", 450)
	more, err := db.FillMarks(t.Context())
	if err != nil || !more {
		t.Fatal(more, err)
	}
	rename(kept.ID, "token for job too")      // its text is filled in
	rename(kept.ID+400, "called otherwise")   // its text is not
	rename(kept.ID+401, "token for job more") // nor is this one's
	check("some are filled in", 450)
	for more {
		if more, err = db.FillMarks(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	check("all are filled in", 450)
	for text, want := range map[string]int{"called otherwise": 1, "for job more": 1, "job 401": 0, "job 400": 0} {
		if got := found(text); got != want {
			t.Errorf("%q is found %d times, want %d", text, got, want)
		}
	}
	distinct := ""
	for r := rune(0x4e00); len(distinct) < 4090; r++ {
		distinct += string(r)
	}
	for _, text := range []string{distinct, distinct[:999], strings.Repeat("ab c", 1000), strings.Repeat("abcd", 200)} {
		began := time.Now()
		if got := found(text); got != 0 || time.Since(began) > time.Second {
			t.Errorf("%d found for %d bytes after %s", got, len(text), time.Since(began))
		}
	}
}
