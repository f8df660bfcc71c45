package storetest

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"patgate/store"
	"patgate/token"
	"patgate/token/limits"
)

// state gives the validity of a token at an hour after the suite's start.
func state(t testing.TB, f *Fixture, id int64) token.Validity {
	l := tokenOf(t, f, id)
	return l.Validity(Start().Add(time.Hour))
}

// rotate puts a new token in the place of another.
func (f *Fixture) rotate(t testing.TB, old token.Record, grace time.Time) (token.Record, error) {
	t.Helper()
	return f.Store.RotateToken(t.Context(), old.ID, tokenOf(t, f, old.ID).Revision, f.Record(old.Name), grace, "user:42")
}

// child makes a token below another.
func (f *Fixture) child(t testing.TB, parent token.Record, edit ...func(*token.Record)) token.Record {
	t.Helper()
	r := f.Record("below " + parent.Name)
	r.ParentID = parent.ID
	for _, e := range edit {
		e(&r)
	}
	r, err := f.Store.CreateChild(t.Context(), r, tokenOf(t, f, parent.ID).Revision)
	return must(t, r, err)
}

func testRotation(t *testing.T, f *Fixture) {
	ctx := t.Context()
	t.Run("the old token ends and the new one joins its family", func(t *testing.T) {
		old := f.NewToken(t, "rotated")
		fresh, err := f.rotate(t, old, time.Time{})
		if err != nil || fresh.FamilyID != old.ID || fresh.ID == old.ID || fresh.OwnerID != old.OwnerID {
			t.Fatalf("got %+v, %v", fresh, err)
		}
		if l := tokenOf(t, f, old.ID); l.RotatedTo != fresh.ID || l.RevokeReason != "rotated" || l.RevokedBy != "user:42" {
			t.Errorf("old one %+v", l)
		}
	})
	t.Run("with a grace the old token works until its end", func(t *testing.T) {
		old := f.NewToken(t, "graced")
		end := old.CreatedAt.Add(30 * time.Minute)
		_ = must(t, token.Record{}, second(f.rotate(t, old, end)))
		l := tokenOf(t, f, old.ID)
		if l.Validity(end.Add(-time.Millisecond)) != token.Valid || l.Validity(end) != token.Expired || l.RotatedTo == 0 {
			t.Errorf("old one %+v", l)
		}
	})
	t.Run("a grace never makes a token live longer", func(t *testing.T) {
		old := f.NewToken(t, "short")
		_ = must(t, token.Record{}, second(f.rotate(t, old, old.ExpiresAt.Add(time.Hour))))
		if l := tokenOf(t, f, old.ID); !l.ExpiresAt.Equal(old.ExpiresAt) {
			t.Errorf("expires %v", l.ExpiresAt)
		}
	})
	t.Run("a token is rotated once", func(t *testing.T) {
		old := f.NewToken(t, "once")
		_ = must(t, token.Record{}, second(f.rotate(t, old, Start().Add(time.Hour))))
		if _, err := f.rotate(t, old, time.Time{}); !errors.Is(err, store.ErrRotated) || !errors.Is(err, store.ErrRevoked) {
			t.Errorf("error %v, want ErrRotated", err)
		}
	})
	t.Run("revoked, expired and paused tokens are not rotated", func(t *testing.T) {
		revoked, paused := f.NewToken(t, "r"), f.NewToken(t, "p")
		expired := f.NewToken(t, "e", func(r *token.Record) { r.ExpiresAt = r.CreatedAt.Add(time.Second) })
		must(t, 0, second(f.Store.RevokeToken(ctx, revoked.ID, store.Cause{Reason: "x", By: "y", At: Start()})))
		must(t, 0, second(f.Store.PauseToken(ctx, paused.ID, store.Cause{Reason: "x", By: "y", At: Start()})))
		dead := map[error]token.Record{store.ErrRevoked: revoked, store.ErrPaused: paused, store.ErrExpired: expired}
		for want, r := range dead {
			if _, err := f.rotate(t, r, time.Time{}); !errors.Is(err, want) {
				t.Errorf("error %v, want %v", err, want)
			}
		}
	})
	t.Run("a token that was changed meanwhile is not rotated", func(t *testing.T) {
		old := f.NewToken(t, "moved")
		must(t, 0, second(f.Store.ConfirmToken(ctx, old.ID, 2, "y")))
		_, err := f.Store.RotateToken(ctx, old.ID, old.Revision, f.Record("moved"), time.Time{}, "y")
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("error %v, want ErrConflict", err)
		}
	})
	t.Run("one in its grace makes no child", func(t *testing.T) {
		old := f.NewToken(t, "graced")
		must(t, 0, second(f.rotate(t, old, old.CreatedAt.Add(time.Hour))))
		r := f.Record("late")
		r.ParentID = old.ID
		if _, err := f.Store.CreateChild(ctx, r, tokenOf(t, f, old.ID).Revision); !errors.Is(err, store.ErrRotated) {
			t.Errorf("error %v, want ErrRotated", err)
		}
	})
	t.Run("a family is revoked whole, with what comes from it", func(t *testing.T) {
		first := f.NewToken(t, "first")
		below := f.child(t, first)
		next, err := f.rotate(t, first, Start().Add(2*time.Hour))
		must(t, next, err)
		other := f.NewToken(t, "other")
		n, err := f.Store.RevokeFamily(ctx, first.ID, store.Cause{Reason: "reused", By: "gateway", At: Start()})
		if err != nil || n != 3 {
			t.Errorf("revoked %d, %v", n, err)
		}
		for _, id := range []int64{first.ID, next.ID, below.ID} {
			if state(t, f, id) != token.Revoked {
				t.Errorf("token %d lives", id)
			}
		}
		if state(t, f, other.ID) != token.Valid {
			t.Error("another family was revoked")
		}
	})
	t.Run("revoking the newest revokes one in its grace", func(t *testing.T) {
		old := f.NewToken(t, "old")
		fresh, err := f.rotate(t, old, Start().Add(2*time.Hour))
		must(t, fresh, err)
		must(t, 0, second(f.Store.RevokeToken(ctx, fresh.ID, store.Cause{Reason: "x", By: "y", At: Start()})))
		if state(t, f, old.ID) != token.Revoked {
			t.Error("the one in its grace lives")
		}
	})
	t.Run("revoking one in its grace leaves the newest", func(t *testing.T) {
		old := f.NewToken(t, "old")
		fresh, err := f.rotate(t, old, Start().Add(2*time.Hour))
		must(t, fresh, err)
		must(t, 0, second(f.Store.RevokeToken(ctx, old.ID, store.Cause{Reason: "x", By: "y", At: Start()})))
		if state(t, f, fresh.ID) != token.Valid || state(t, f, old.ID) != token.Revoked {
			t.Error("not as wanted")
		}
	})
}

func testChildren(t *testing.T, f *Fixture) {
	ctx := t.Context()
	t.Run("revoking a token revokes what was made below it, however deep", func(t *testing.T) {
		top := f.NewToken(t, "top")
		middle := f.child(t, top)
		middle2, err := f.rotate(t, middle, time.Time{})
		must(t, middle2, err)
		deep := f.child(t, middle2)
		must(t, 0, second(f.Store.RevokeToken(ctx, top.ID, store.Cause{Reason: "left", By: "y", At: Start()})))
		for _, id := range []int64{middle2.ID, deep.ID} {
			if l := tokenOf(t, f, id); l.RevokedAt.IsZero() || l.RevokeReason == "" {
				t.Errorf("token %d lives", id)
			}
		}
	})
	t.Run("a child does not outlive its parent", func(t *testing.T) {
		parent := f.NewToken(t, "parent")
		for name, longer := range map[string]func(*token.Record){
			"expiry":   func(r *token.Record) { r.ExpiresAt = parent.ExpiresAt.Add(time.Millisecond) },
			"rotation": func(r *token.Record) { r.RenewUntil = parent.ExpiresAt.Add(time.Millisecond) },
		} {
			r := f.Record("long")
			r.ParentID = parent.ID
			longer(&r)
			if _, err := f.Store.CreateChild(ctx, r, parent.Revision); !errors.Is(err, store.ErrConflict) {
				t.Errorf("%s: error %v, want ErrConflict", name, err)
			}
		}
	})
	t.Run("a parent that was revoked, paused or changed makes none", func(t *testing.T) {
		revoked, paused, changed := f.NewToken(t, "r"), f.NewToken(t, "p"), f.NewToken(t, "c")
		must(t, 0, second(f.Store.RevokeToken(ctx, revoked.ID, store.Cause{Reason: "x", By: "y", At: Start()})))
		must(t, 0, second(f.Store.PauseToken(ctx, paused.ID, store.Cause{Reason: "x", By: "y", At: Start()})))
		must(t, 0, second(f.Store.ConfirmToken(ctx, changed.ID, 2, "y")))
		for want, parent := range map[error]token.Record{
			store.ErrRevoked:  revoked,
			store.ErrPaused:   paused,
			store.ErrConflict: changed,
		} {
			r := f.Record("none")
			r.ParentID = parent.ID
			if _, err := f.Store.CreateChild(ctx, r, parent.Revision); !errors.Is(err, want) {
				t.Errorf("error %v, want %v", err, want)
			}
		}
	})
	t.Run("descendants are listed and counted", func(t *testing.T) {
		top := f.NewToken(t, "top")
		middle := f.child(t, top)
		deep := f.child(t, middle)
		list, err := f.Store.Descendants(ctx, top.ID)
		if err != nil || len(list) != 2 || list[0].ID != middle.ID || list[1].ID != deep.ID {
			t.Errorf("got %v, %v", list, err)
		}
		if n := tokenOf(t, f, top.ID).Children; n != 2 {
			t.Errorf("%d children", n)
		}
	})
	t.Run("all tokens of an owner are revoked", func(t *testing.T) {
		bob := f.NewOwner(t, 77, "bob")
		c := f.NewCredential(t, bob, "api")
		one := f.NewToken(t, "one", bound(bob, c))
		n, err := f.Store.RevokeOwned(ctx, bob.ID, store.Cause{Reason: "blocked", By: "gateway", At: Start()})
		if err != nil || n != 1 || state(t, f, one.ID) != token.Revoked {
			t.Errorf("revoked %d, %v", n, err)
		}
	})
}

func testEdits(t *testing.T, f *Fixture) {
	ctx := t.Context()
	t.Run("the file that keeps a token, and what was applied, come back as they were", func(t *testing.T) {
		r := f.NewToken(t, "kept")
		if l := tokenOf(t, f, r.ID); l.Managed != nil || l.Differences() != nil {
			t.Fatalf("a token made by hand is kept by %+v", l.Managed)
		}
		e := f.edit(t, r.ID)
		e.Limits = &limits.Spec{Networks: []string{"10.0.0.0/8"}, MaxUses: 7}
		m := token.Managed{Set: "policies", Name: "kept", File: "teams/ci.yaml", Spec: `{"Expires":"30d"}`, Undelivered: true}
		e.Managed = m.With(&token.Record{Name: e.Name, Description: e.Description, Scopes: e.Scopes, ExpiresAt: e.ExpiresAt,
			RenewUntil: e.RenewUntil, Limits: *e.Limits})
		must(t, 0, second(f.Store.EditToken(ctx, r.ID, e, store.Cause{By: "operator", At: Start()})))
		l := tokenOf(t, f, r.ID)
		if !reflect.DeepEqual(l.Managed.Scopes, e.Managed.Scopes) || l.Managed.Spec != m.Spec || !l.Managed.Undelivered ||
			l.Managed.File != m.File || l.Managed.Set != m.Set || !l.Managed.Applied.ExpiresAt.Equal(e.ExpiresAt) {
			t.Errorf("kept by %+v, want %+v", l.Managed, e.Managed)
		}
		if d := l.Differences(); len(d) != 0 {
			t.Errorf("what was just applied differs: %v", d)
		}
		e = f.edit(t, r.ID)
		e.Managed, e.ExpiresAt, e.RenewUntil = l.Managed, l.ExpiresAt.Add(-time.Hour), l.ExpiresAt.Add(-time.Hour)
		must(t, 0, second(f.Store.EditToken(ctx, r.ID, e, store.Cause{By: "user:42", At: Start()})))
		l = tokenOf(t, f, r.ID)
		if d := l.Differences(); len(d) != 2 || d[0].Field != "expires_at" || d[1].Field != "renew_until" {
			t.Errorf("it ends sooner, and differs in %v", d)
		}
	})
	t.Run("what a token may do is changed, and its revision moves", func(t *testing.T) {
		r := f.NewToken(t, "wide")
		e := f.edit(t, r.ID)
		e.Name, e.Scopes[0].Permissions = "narrow", []string{"read_job"}
		by := store.Cause{By: "user:42", At: Start()}
		l, err := f.Store.EditToken(ctx, r.ID, e, by)
		if err != nil || l.Name != "narrow" || len(l.Scopes[0].Permissions) != 1 || l.Revision != r.Revision+1 {
			t.Fatalf("got %+v, %v", l, err)
		}
		if _, err := f.Store.EditToken(ctx, r.ID, e, by); !errors.Is(err, store.ErrConflict) {
			t.Errorf("again: error %v, want ErrConflict", err)
		}
	})
	t.Run("a child that was made meanwhile is a conflict", func(t *testing.T) {
		r := f.NewToken(t, "parent")
		e := f.edit(t, r.ID)
		f.child(t, r)
		_, err := f.Store.EditToken(ctx, r.ID, e, store.Cause{By: "user:42", At: Start()})
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("error %v, want ErrConflict", err)
		}
	})
	t.Run("the lives of children are cut, and those that hold too much end", func(t *testing.T) {
		r := f.NewToken(t, "parent")
		short, much := f.child(t, r), f.child(t, r)
		e := f.edit(t, r.ID)
		e.ExpiresAt, e.RenewUntil = r.CreatedAt.Add(2*time.Hour), r.CreatedAt.Add(2*time.Hour)
		e.RevokeBelow = []int64{much.ID}
		must(t, 0, second(f.Store.EditToken(ctx, r.ID, e, store.Cause{By: "user:42", At: Start()})))
		if l := tokenOf(t, f, short.ID); !l.ExpiresAt.Equal(e.ExpiresAt) || !l.RenewUntil.Equal(e.ExpiresAt) {
			t.Errorf("lives until %v", l.ExpiresAt)
		}
		if state(t, f, much.ID) != token.Revoked {
			t.Error("lives")
		}
	})
	t.Run("a revoked token is not edited", func(t *testing.T) {
		r := f.NewToken(t, "gone")
		must(t, 0, second(f.Store.RevokeToken(ctx, r.ID, store.Cause{Reason: "x", By: "y", At: Start()})))
		if _, err := f.Store.EditToken(ctx, r.ID, f.edit(t, r.ID), store.Cause{By: "y", At: Start()}); !errors.Is(err,
			store.ErrRevoked) {
			t.Errorf("error %v, want ErrRevoked", err)
		}
	})
}

func testIdleness(t *testing.T, f *Fixture) {
	ctx := t.Context()
	now := Start().Add(20 * 24 * time.Hour)
	limit := now.Add(-10 * 24 * time.Hour)
	idle := f.NewToken(t, "idle")
	below := f.child(t, idle)
	used := f.NewToken(t, "used")
	fresh := f.NewToken(t, "fresh", func(r *token.Record) { r.CreatedAt = now.Add(-time.Hour) })
	paused, resumed := f.NewToken(t, "paused"), f.NewToken(t, "resumed")
	must(t, 0, f.Store.AddUses(ctx, []store.Use{
		{TokenID: used.ID, Count: 1, Last: now.Add(-time.Hour)},
		{TokenID: below.ID, Count: 1, Last: now},
	}))
	must(t, 0, second(f.Store.PauseToken(ctx, paused.ID, store.Cause{Reason: "x", By: "y", At: Start()})))
	must(t, 0, second(f.Store.PauseToken(ctx, resumed.ID, store.Cause{Reason: "x", By: "y", At: Start()})))
	must(t, 0, second(f.Store.ResumeToken(ctx, resumed.ID, store.Cause{By: "y", At: now.Add(-time.Hour)})))
	ids, err := f.Store.RevokeUnused(ctx, limit, store.Cause{Reason: "unused for 10 days", By: "gateway", At: now})
	if err != nil || len(ids) != 1 || ids[0] != idle.ID {
		t.Fatalf("revoked %v, %v", ids, err)
	}
	if l := tokenOf(t, f, idle.ID); l.RevokeReason != "unused for 10 days" || l.RevokedBy != "gateway" {
		t.Errorf("%+v", l)
	}
	if tokenOf(t, f, below.ID).RevokedAt.IsZero() {
		t.Error("what was made below it lives")
	}
	for _, r := range []token.Record{used, fresh, paused, resumed} {
		if !tokenOf(t, f, r.ID).RevokedAt.IsZero() {
			t.Errorf("%s was revoked", r.Name)
		}
	}
}

func testDetails(t *testing.T, f *Fixture) {
	ctx := t.Context()
	r := f.NewToken(t, "used")
	before := sequence(t, f.Store)
	var details []store.Detail
	for i := range store.AddressesKept + 2 {
		details = append(details, store.Detail{
			TokenID: r.ID,
			Address: "10.0.0." + string(rune('1'+i)),
			Last:    Start().Add(time.Duration(i) * time.Minute),
		})
	}
	details = append(details, store.Detail{TokenID: 5, Address: "10.0.0.1", Last: Start()})
	must(t, 0, f.Store.AddDetails(ctx, details))
	if l := tokenOf(t, f, r.ID); len(l.Addresses) != store.AddressesKept || l.Addresses[0] != "10.0.0.7" {
		t.Errorf("addresses %v", l.Addresses)
	}
	if sequence(t, f.Store) != before {
		t.Error("the change sequence moved")
	}
}
