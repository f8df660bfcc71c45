package storetest

import (
	"reflect"
	"testing"
	"time"

	"patgate/policy"
	"patgate/store"
)

func testNarrowings(t *testing.T, f *Fixture) {
	ctx := t.Context()
	cause := store.Cause{By: "user:42", At: Start().Add(time.Hour)}
	edit := func(id int64, change func(*store.Edit)) store.Listed {
		t.Helper()
		e := f.edit(t, id)
		change(&e)
		l, err := f.Store.EditToken(ctx, id, e, cause)
		return must(t, l, err)
	}
	kept := func(id int64) store.Narrowing {
		t.Helper()
		n, err := f.Store.Narrowing(ctx, id)
		return must(t, n, err)
	}
	r := f.NewToken(t, "narrowed")
	before := store.Narrowing{Scopes: r.Scopes, TableVersion: r.TableVersion, At: cause.At, By: cause.By}
	narrow := func(e *store.Edit) {
		e.Scopes = []policy.ScopeSpec{{Access: "selected_memberships", Permissions: []string{"read_job"}, ProjectIDs: []int64{6}}}
		e.Before = &before
	}
	if n := kept(r.ID); !n.At.IsZero() {
		t.Errorf("of a token that was never narrowed %+v is kept", n)
	}
	edit(r.ID, narrow)
	if n := kept(r.ID); !reflect.DeepEqual(n, before) {
		t.Errorf("%+v is kept, want %+v", n, before)
	}
	t.Run("a new name leaves it, and a change of what the token may do drops it", func(t *testing.T) {
		if edit(r.ID, func(e *store.Edit) { e.Name = "another" }); kept(r.ID).At.IsZero() {
			t.Error("a new name drops it")
		}
		l := edit(r.ID, func(e *store.Edit) { e.Forget, e.Widened = true, true })
		if !kept(r.ID).At.IsZero() || !l.WidenedAt.Equal(cause.At) {
			t.Errorf("%+v is kept of %+v", kept(r.ID), l)
		}
	})
	t.Run("it goes to the token that takes its place, and so does when it was widened", func(t *testing.T) {
		edit(r.ID, narrow)
		fresh, err := f.rotate(t, r, time.Time{})
		must(t, fresh, err)
		if n := kept(fresh.ID); !reflect.DeepEqual(n, before) || !kept(r.ID).At.IsZero() {
			t.Errorf("%+v is kept", n)
		}
		if l := tokenOf(t, f, fresh.ID); !l.WidenedAt.Equal(cause.At) {
			t.Errorf("widened at %v", l.WidenedAt)
		}
		list, total, err := f.Store.Tokens(ctx, store.Filter{FamilyID: r.ID})
		if err != nil || total != 2 || list[0].FamilyID != r.ID {
			t.Errorf("%d in the family, %v", total, err)
		}
	})
	t.Run("it dies of age", func(t *testing.T) {
		old := f.NewToken(t, "old")
		edit(old.ID, narrow)
		if must(t, 0, f.Store.DropNarrowings(ctx, cause.At)); kept(old.ID).At.IsZero() {
			t.Error("it is gone too early")
		}
		if must(t, 0, f.Store.DropNarrowings(ctx, cause.At.Add(time.Millisecond))); !kept(old.ID).At.IsZero() {
			t.Error("it lives")
		}
	})
	t.Run("what is too long is not kept", func(t *testing.T) {
		long := store.Narrowing{Scopes: []policy.ScopeSpec{{Permissions: []string{string(make([]byte, store.MostNarrowing))}}}}
		if long.Kept() || !before.Kept() {
			t.Error("the bound does not hold")
		}
	})
}

func testObserving(t *testing.T, f *Fixture) {
	ctx := t.Context()
	const day = 24 * time.Hour
	since := func(now, want time.Time) {
		t.Helper()
		if got, err := f.Store.ObservingSince(ctx, now); err != nil || !got.Equal(want) {
			t.Errorf("since %v, %v, want %v", got, err, want)
		}
	}
	late := Start().Add(100 * day)
	since(late, time.Time{})
	must(t, 0, f.Store.SetObserving(ctx, 90*day, Start()))
	must(t, 0, f.Store.SetObserving(ctx, 90*day, Start().Add(time.Hour)))
	since(Start().Add(day), Start())
	since(late, late.Add(-90*day)) // what was last seen before is gone
	must(t, 0, f.Store.SetObserving(ctx, 30*day, late))
	since(late, late.Add(-30*day))
	must(t, 0, f.Store.SetObserving(ctx, 60*day, late)) // what is gone does not come back
	since(late.Add(day), late.Add(-30*day))
	must(t, 0, f.Store.SetObserving(ctx, 0, late))
	since(late, time.Time{})
}
