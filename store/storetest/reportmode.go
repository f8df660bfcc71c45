package storetest

import (
	"errors"
	"testing"
	"time"

	"patgate/learn"
	"patgate/store"
	"patgate/token"
)

// reporting makes a token that is in report mode for a time.
func (f *Fixture) reporting(t testing.TB, lasts time.Duration) token.Record {
	t.Helper()
	return f.NewToken(t, "reporting", func(r *token.Record) {
		r.OwnersWord, r.ReportFrom, r.ReportUntil = true, r.CreatedAt, r.CreatedAt.Add(lasts)
	})
}

// edit gives an edit that changes nothing.
func (f *Fixture) edit(t testing.TB, id int64) store.Edit {
	t.Helper()
	l := tokenOf(t, f, id)
	return store.Edit{Revision: l.Revision, Children: l.Children, Name: l.Name, Description: l.Description, Scopes: l.Scopes,
		TableVersion: l.TableVersion, ExpiresAt: l.ExpiresAt, RenewUntil: l.RenewUntil, ReportUntil: l.ReportUntil}
}

func testReportMode(t *testing.T, f *Fixture) {
	ctx := t.Context()
	const day = 24 * time.Hour
	t.Run("it is kept as it was stored", func(t *testing.T) {
		r := f.reporting(t, 7*day)
		b, err := f.Store.TokenByHash(ctx, r.Hash)
		l := tokenOf(t, f, r.ID)
		if err != nil || !b.Record.ReportEnd().Equal(r.CreatedAt.Add(7*day)) || !l.Reports(r.CreatedAt) {
			t.Errorf("%+v, %v", b.Record, err)
		}
	})
	t.Run("nothing gives it to whom it is not for, nor for longer than it may last", func(t *testing.T) {
		parent := f.reporting(t, day)
		for name, change := range map[string]func(*token.Record){
			"too long":                     func(r *token.Record) { r.ReportUntil = r.ReportFrom.Add(token.LongestReport + 1e6) },
			"not on the owner's word":      func(r *token.Record) { r.OwnersWord = false },
			"without a beginning":          func(r *token.Record) { r.ReportFrom = time.Time{} },
			"made by a token":              func(r *token.Record) { r.ParentID = parent.ID },
			"a child, with its own word":   func(r *token.Record) { r.ParentID, r.ReportUntil = parent.ID, time.Time{} },
			"a child, which says no words": func(r *token.Record) { r.ParentID, r.OwnersWord = parent.ID, false },
		} {
			r := f.Record(name)
			r.OwnersWord, r.ReportFrom, r.ReportUntil = true, r.CreatedAt, r.CreatedAt.Add(day)
			r.ExpiresAt = parent.ExpiresAt
			change(&r)
			make := func() error { return second(f.Store.CreateToken(ctx, r)) }
			if r.ParentID != 0 {
				make = func() error { return second(f.Store.CreateChild(ctx, r, parent.Revision)) }
			}
			if err := make(); !errors.Is(err, store.ErrConflict) {
				t.Errorf("%s: error %v, want ErrConflict", name, err)
			}
		}
	})
	t.Run("an edit begins it once, and never moves its beginning", func(t *testing.T) {
		r := f.NewToken(t, "later", func(r *token.Record) { r.OwnersWord = true })
		begun := Start().Add(5 * time.Hour)
		at := func(when time.Time, until time.Time) (store.Listed, error) {
			e := f.edit(t, r.ID)
			e.ReportUntil = until
			return f.Store.EditToken(ctx, r.ID, e, store.Cause{By: "user:42", At: when})
		}
		if l, err := at(begun, begun.Add(day)); err != nil || !l.ReportFrom.Equal(begun) {
			t.Fatalf("%+v, %v", l.Record, err)
		}
		if l, err := at(begun.Add(time.Hour), time.Time{}); err != nil || !l.ReportFrom.Equal(begun) || l.Reports(begun.Add(1)) {
			t.Fatalf("ended: %+v, %v", l.Record, err)
		}
		if l, err := at(begun.Add(3*day), begun.Add(token.LongestReport)); err != nil || !l.ReportFrom.Equal(begun) {
			t.Errorf("again: %+v, %v", l.Record, err)
		}
		if _, err := at(begun.Add(4*day), begun.Add(token.LongestReport+time.Millisecond)); !errors.Is(err, store.ErrConflict) {
			t.Errorf("beyond its longest time: error %v, want ErrConflict", err)
		}
		other := f.NewToken(t, "nobody's word")
		e := f.edit(t, other.ID)
		e.ReportUntil = begun.Add(day)
		if _, err := f.Store.EditToken(ctx, other.ID, e, store.Cause{By: "y", At: begun}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("not made on the owner's word: error %v, want ErrConflict", err)
		}
	})
	t.Run("a rotation passes on what it is given, and no more than is left", func(t *testing.T) {
		for _, c := range []struct{ asks, gets time.Duration }{{0, 0}, {day, day}, {2 * day, 2 * day}, {9 * day, 2 * day}} {
			old := f.reporting(t, 2*day)
			fresh := f.Record("fresh")
			if c.asks > 0 {
				fresh.ReportUntil = old.ReportFrom.Add(c.asks)
			}
			got, err := f.Store.RotateToken(ctx, old.ID, old.Revision, fresh, time.Time{}, "y")
			want := time.Time{}
			if c.gets > 0 {
				want = old.ReportFrom.Add(c.gets)
			}
			if err != nil || !got.ReportFrom.Equal(old.ReportFrom) || !got.ReportEnd().Equal(want) || !got.OwnersWord {
				t.Errorf("asked for %v: %+v, %v", c.asks, got, err)
			}
		}
	})
	t.Run("those in report mode are listed", func(t *testing.T) {
		r := f.reporting(t, 3*day)
		for when, want := range map[time.Duration]bool{0: true, 3*day - time.Millisecond: true, 3 * day: false} {
			list, total, err := f.Store.Tokens(ctx, store.Filter{Mark: store.MarkReports, Now: r.CreatedAt.Add(when)})
			found := false
			for i := range list {
				found = found || list[i].ID == r.ID
				if !list[i].Reports(r.CreatedAt.Add(when)) {
					t.Errorf("token %d is not in report mode", list[i].ID)
				}
			}
			if err != nil || found != want || total != len(list) {
				t.Errorf("after %v: %v of %d, %v", when, found, total, err)
			}
		}
	})
	t.Run("when a token was last seen is known", func(t *testing.T) {
		r := f.NewToken(t, "seen")
		seen := func(want time.Time) {
			t.Helper()
			if got, err := f.Store.LastSeen(ctx, r.ID); err != nil || !got.Equal(want) {
				t.Errorf("%v, %v, want %v", got, err, want)
			}
		}
		seen(r.CreatedAt)
		used := Start().Add(3 * day)
		must(t, 0, f.Store.AddUses(ctx, []store.Use{{TokenID: r.ID, Count: 1, Last: used}}))
		seen(used)
		denied := learn.Unit{Method: "GET", Route: "/projects", Denied: "permission_missing"}
		add(t, f, learn.Seen{Subject: r.ID, Unit: denied, Count: 1, Last: used.Add(time.Hour)})
		seen(used.Add(time.Hour))
		if _, err := f.Store.LastSeen(ctx, 1); !errors.Is(err, store.ErrUnknownToken) {
			t.Errorf("error %v, want ErrUnknownToken", err)
		}
	})
}
