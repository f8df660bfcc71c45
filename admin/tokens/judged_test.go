package tokens_test

import (
	"testing"
	"time"

	"patgate/admin/counts"
	"patgate/admin/marks"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/store"
	"patgate/store/tables"
)

// What was found of unused permissions is not said any more when it is not known what tokens use.
func TestUnusedWhenObservingEnds(t *testing.T) {
	w := newWorld(t, nil)
	owner := w.owner(t, w.pat)
	if err := w.store.SetObserving(t.Context(), 90*24*time.Hour, w.Now()); err != nil {
		t.Fatal(err)
	}
	one := w.make(t, reading(w.api, "read_job", "read_pipeline"))
	w.ahead = (marks.JudgedDays + 2) * 24 * time.Hour
	if err := w.store.AddUses(t.Context(), []store.Use{{TokenID: one.ID, Count: 2, Last: w.Now()}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Marks().Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	agree := func(when string, want int) {
		t.Helper()
		list, total, err := w.Inspect(t.Context(), owner, tokens.Query{Filter: store.Filter{Mark: store.MarkUnused}})
		if err != nil || total != want || len(list) != want {
			t.Errorf("%s: %d of %d, want %d, %v", when, len(list), total, want, err)
		}
		for i := range list {
			if !wears(&list[i], "unused_permissions") {
				t.Errorf("%s: one that is listed wears %v", when, list[i].Badges)
			}
		}
		if n, err := counts.Of(t.Context(), w.Service, owner, false); err != nil || n.Unused != want {
			t.Errorf("%s: %+v, %v", when, n, err)
		}
	}
	agree("observed", 1)
	if err := w.store.SetObserving(t.Context(), 0, w.Now()); err != nil {
		t.Fatal(err)
	}
	agree("no longer observed", 0)
}

// A token that is made or edited counts at once, whatever else is still to be judged; that there is, is said; and scopes that cannot be
// read hold nobody up.
func TestCountsWhileTokensAreJudged(t *testing.T) {
	w := newWorld(t, nil)
	owner := w.owner(t, w.pat)
	var broken int64
	for range 3 {
		broken = w.make(t, reading(w.api, "read_job")).ID
	}
	run := func(statement string, args ...any) {
		t.Helper()
		if err := w.store.Database().Change(t.Context(), "changing", func(tx tables.Conn) error {
			_, err := tx.Exec(t.Context(), statement, args...)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	run("UPDATE marks SET judged = 0")
	w.make(t, terms.Scope{Access: "all_memberships", Permissions: []string{"read_job"}})
	n, err := counts.Of(t.Context(), w.Service, owner, false)
	if err != nil || n.Broad != 1 {
		t.Errorf("what was made just now is not counted: %+v, %v", n, err)
	}
	run("UPDATE marks SET judged = 0")
	if judging, err := w.Judging(t.Context()); err != nil || !judging {
		t.Errorf("it is not said that some are not judged, %v", err)
	}
	var scopes string
	if err := w.store.Database().Read.QueryRow(t.Context(), "SELECT scopes FROM tokens WHERE id = ?", broken).Scan(&scopes); err != nil {
		t.Fatal(err)
	}
	run("UPDATE tokens SET scopes = '{' WHERE id = ?", broken)
	if err := w.Marks().Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := counts.Of(t.Context(), w.Service, owner, false); err != nil || n.Broad != 1 || n.Counting {
		t.Errorf("beside one that cannot be read: %+v, %v", n, err)
	}
	broad := tokens.Query{Filter: store.Filter{Mark: store.MarkBroad}}
	if list, _, err := w.Inspect(t.Context(), owner, broad); err != nil || len(list) != 1 {
		t.Errorf("%d are broad, %v", len(list), err)
	}
	run("UPDATE tokens SET scopes = ? WHERE id = ?", scopes, broken)
	if judging, err := w.Judging(t.Context()); err != nil || !judging {
		t.Errorf("one that can be read again is not judged anew, %v", err)
	}
}

// What cannot be counted holds up no judging, and numbers are kept where there is no route table.
func TestCountingAndJudgingDoNotHoldEachOtherUp(t *testing.T) {
	w := newWorld(t, nil)
	w.make(t, reading(w.api, "read_job"))
	left := func() (n int) {
		t.Helper()
		if err := w.store.Database().Read.QueryRow(t.Context(), "SELECT count(*) FROM untallied").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if left() == 0 {
		t.Fatal("nothing is to be counted")
	}
	if err := marks.NewKeeper(w.store, nil, w.Now).Once(t.Context()); err != nil || left() != 0 {
		t.Errorf("without a table %d are left, %v", left(), err)
	}
	if err := w.store.Database().Change(t.Context(), "changing", func(tx tables.Conn) error {
		_, err := tx.Exec(t.Context(), "UPDATE marks SET judged = 0")
		if err == nil {
			_, err = tx.Exec(t.Context(), "DROP TABLE tallied")
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := w.Marks().Once(t.Context()); err == nil {
		t.Error("it is not said that nothing can be counted")
	}
	if judging, err := w.Judging(t.Context()); err != nil || judging {
		t.Errorf("nothing is judged, %v", err)
	}
}
