// Package limittest holds the part of the suite for stores that is about the limits of tokens.
package limittest

import (
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"patgate/store"
	"patgate/store/storetest"
	"patgate/token"
	"patgate/token/limits"
)

// Run runs it.
func Run(t *testing.T, open storetest.Open) {
	for name, test := range map[string]func(*testing.T, *storetest.Fixture){
		"a family keeps them": testKept, "what is above is known": testAbove, "uses": testUses, "many uses at once": testRush,
		"bytes": testBytes,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			test(t, storetest.NewFixture(t, open(t, dir), func() store.Store { return open(t, dir) }))
		})
	}
}

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

var some = limits.Spec{Networks: []string{"10.0.0.0/8"},
	Windows:           []limits.Window{{Days: []string{"mon"}, From: "08:00", To: "18:00", Zone: "Europe/Berlin"}},
	RequestsPerMinute: 60, RequestsAtOnce: 4, UpstreamConnections: 2, BytesPerDay: 1 << 30, MaxUses: 3}

func with(s limits.Spec) func(*token.Record) { return func(r *token.Record) { r.Limits = s } }

func rotated(t testing.TB, f *storetest.Fixture, old token.Record) token.Record {
	t.Helper()
	fresh := f.Record(old.Name + " rotated")
	fresh.CreatedAt = old.CreatedAt.Add(time.Minute)
	fresh.Limits = limits.Spec{} // the family's count, not these
	graceUntil := old.CreatedAt.Add(time.Hour)
	return must[token.Record](t)(f.Store.RotateToken(t.Context(), old.ID, old.Revision, fresh, graceUntil, "test"))
}

func edit(t testing.TB, f *storetest.Fixture, id int64, s *limits.Spec) store.Listed {
	t.Helper()
	l := must[store.Listed](t)(f.Store.Token(t.Context(), id))
	e := store.Edit{Revision: l.Revision, Children: l.Children, Name: l.Name, Scopes: l.Scopes, TableVersion: l.TableVersion,
		ExpiresAt: l.ExpiresAt, RenewUntil: l.RenewUntil, Limits: s}
	cause := store.Cause{By: "test", At: storetest.Start().Add(time.Hour)}
	return must[store.Listed](t)(f.Store.EditToken(t.Context(), id, e, cause))
}

func testKept(t *testing.T, f *storetest.Fixture) {
	ctx := t.Context()
	free, r := f.NewToken(t, "free"), f.NewToken(t, "limited", with(some))
	if !free.Limits.Empty() || !reflect.DeepEqual(r.Limits, some) {
		t.Errorf("%+v and %+v", free.Limits, r.Limits)
	}
	fresh := rotated(t, f, r)
	b := must[store.Bound](t)(f.Store.TokenByHash(ctx, fresh.Hash))
	if !reflect.DeepEqual(b.Record.Limits, some) || !reflect.DeepEqual(fresh.Limits, some) {
		t.Errorf("after a rotation %+v", b.Record.Limits)
	}
	before := must[store.Changes](t)(f.Store.Changes(ctx, 0))
	if l := edit(t, f, fresh.ID, nil); !reflect.DeepEqual(l.Limits, some) {
		t.Errorf("an edit that says nothing of them makes them %+v", l.Limits)
	}
	narrow := limits.Spec{MaxUses: 1}
	l := edit(t, f, fresh.ID, &narrow)
	old := must[store.Listed](t)(f.Store.Token(ctx, r.ID))
	if !reflect.DeepEqual(l.Limits, narrow) || !reflect.DeepEqual(old.Limits, narrow) {
		t.Errorf("after an edit %+v, and %+v of the one before it", l.Limits, old.Limits)
	}
	if l := edit(t, f, fresh.ID, &limits.Spec{}); !l.Limits.Empty() {
		t.Errorf("%+v", l.Limits)
	}
	c := must[store.Changes](t)(f.Store.Changes(ctx, before.Sequence))
	seen := map[token.Hash]bool{}
	for _, h := range c.Hashes {
		seen[h] = true
	}
	if !seen[r.Hash] || !seen[fresh.Hash] || seen[free.Hash] {
		t.Errorf("of the family %v and %v hear of it, of others %v", seen[r.Hash], seen[fresh.Hash], seen[free.Hash])
	}
}

func testAbove(t *testing.T, f *storetest.Fixture) {
	ctx := t.Context()
	top := f.NewToken(t, "top", with(some))
	child := func(parent token.Record, s limits.Spec) token.Record {
		t.Helper()
		r := f.Record("child")
		r.ParentID, r.Limits = parent.ID, s
		r.ExpiresAt = parent.ExpiresAt
		p := must[store.Listed](t)(f.Store.Token(ctx, parent.ID))
		return must[token.Record](t)(f.Store.CreateChild(ctx, r, p.Revision))
	}
	middle := child(top, limits.Spec{})
	leaf := child(middle, limits.Spec{MaxUses: 1})
	want := []store.Above{{Family: leaf.FamilyID, Limits: leaf.Limits}, {Family: top.FamilyID, Limits: some}}
	if got := must[[]store.Above](t)(f.Store.LimitsAbove(ctx, leaf.ID)); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	before := must[store.Changes](t)(f.Store.Changes(ctx, 0))
	fresh := rotated(t, f, top)
	edit(t, f, fresh.ID, &limits.Spec{MaxUses: 7})
	got := must[[]store.Above](t)(f.Store.LimitsAbove(ctx, leaf.ID))
	if len(got) != 2 || got[1].Limits.MaxUses != 7 {
		t.Errorf("after a rotation and an edit above: %+v", got)
	}
	heard := false
	for _, h := range must[store.Changes](t)(f.Store.Changes(ctx, before.Sequence)).Hashes {
		heard = heard || h == leaf.Hash
	}
	if !heard {
		t.Error("a token does not hear that the limits above it have changed")
	}
	if _, err := f.Store.LimitsAbove(ctx, leaf.ID+1000); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("of no token: %v", err)
	}
}

func testUses(t *testing.T, f *storetest.Fixture) {
	ctx := t.Context()
	a, b := f.NewToken(t, "a", with(limits.Spec{MaxUses: 2})), f.NewToken(t, "b", with(limits.Spec{MaxUses: 1}))
	both := []limits.MostUses{{Family: a.FamilyID, Most: 2}, {Family: b.FamilyID, Most: 1}}
	if err := f.Store.TakeUse(ctx, both); err != nil {
		t.Fatal(err)
	}
	if err := f.Store.TakeUse(ctx, both); !errors.Is(err, store.ErrUsedUp) {
		t.Errorf("one of two is used up: %v", err)
	}
	if uses, _, err := f.Store.LimitUse(ctx, a.FamilyID, 0); uses != 1 || err != nil {
		t.Errorf("a use that was not allowed counts: %d, %v", uses, err)
	}
	fresh := rotated(t, f, a)
	if err := f.Store.TakeUse(ctx, []limits.MostUses{{Family: fresh.FamilyID, Most: 2}}); err != nil {
		t.Error(err)
	}
	if err := f.Again().TakeUse(ctx, both[:1]); !errors.Is(err, store.ErrUsedUp) {
		t.Errorf("after a rotation: %v", err)
	}
	free := f.NewToken(t, "free")
	if err := f.Store.TakeUse(ctx, []limits.MostUses{{Family: free.FamilyID, Most: 5}}); !errors.Is(err, store.ErrUsedUp) {
		t.Errorf("of a token that has no limits: %v", err)
	}
}

func testRush(t *testing.T, f *storetest.Fixture) {
	const most, tries = 7, 40
	r := f.NewToken(t, "rush", with(limits.Spec{MaxUses: most}))
	handles := []store.Store{f.Store, f.Again()}
	var taken, refused atomic.Int64
	var all sync.WaitGroup
	for i := range tries {
		all.Go(func() {
			switch err := handles[i%2].TakeUse(t.Context(), []limits.MostUses{{Family: r.FamilyID, Most: most}}); {
			case err == nil:
				taken.Add(1)
			case errors.Is(err, store.ErrUsedUp):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if taken.Load() != most || refused.Load() != tries-most {
		t.Errorf("%d taken and %d refused of %d", taken.Load(), refused.Load(), tries)
	}
}

func testBytes(t *testing.T, f *storetest.Fixture) {
	ctx := t.Context()
	a, b := f.NewToken(t, "a", with(some)), f.NewToken(t, "b", with(some))
	move := func(moved ...limits.Moved) []int64 {
		t.Helper()
		return must[[]int64](t)(f.Store.AddBytes(ctx, moved))
	}
	got := move(limits.Moved{Family: a.ID, Day: 10, Bytes: 5}, limits.Moved{Family: b.ID, Day: 10, Bytes: 7})
	if !reflect.DeepEqual(got, []int64{5, 7}) {
		t.Errorf("%v", got)
	}
	if got := move(limits.Moved{Family: a.ID, Day: 10, Bytes: 6}); got[0] != 11 {
		t.Errorf("%v", got)
	}
	if got := move(limits.Moved{Family: a.ID, Day: 11, Bytes: 0}); got[0] != 0 {
		t.Errorf("on the next day: %v", got)
	}
	got = move(limits.Moved{Family: a.ID, Day: 10, Bytes: 100}, limits.Moved{Family: a.ID, Day: 11, Bytes: 1})
	if got[0] != 100 || got[1] != 101 {
		t.Errorf("by a clock that is behind: %v", got)
	}
	if _, bytes, err := f.Store.LimitUse(ctx, a.ID, 10); bytes != 101 || err != nil {
		t.Errorf("what a clock that is behind is told: %d, %v", bytes, err)
	}
	if got := move(limits.Moved{Family: a.ID, Day: 500, Bytes: 1}, limits.Moved{Family: a.ID, Day: 12, Bytes: 1},
		limits.Moved{Family: a.ID, Day: 13, Bytes: 3}); !reflect.DeepEqual(got, []int64{1, 2, 3}) {
		t.Errorf("a clock that was far ahead: %v", got)
	}
	if _, bytes, err := f.Again().LimitUse(ctx, b.ID, 10); bytes != 7 || err != nil {
		t.Errorf("%d, %v", bytes, err)
	}
	free := f.NewToken(t, "free")
	if got := move(limits.Moved{Family: free.ID, Day: 11, Bytes: 1}); got[0] != 0 {
		t.Errorf("of a token that has no limits: %v", got)
	}
}
