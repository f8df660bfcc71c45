// Package trusted holds the tests of trusts that every implementation of store.Store passes.
package trusted

import (
	"crypto/sha256"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"patgate/store"
	"patgate/store/storetest"
	"patgate/token"
)

// Start gives the time at which records begin.
func Start() time.Time { return storetest.Start() }

// allow stores what an owner allows a trust.
func allow(t testing.TB, f *storetest.Fixture, name string) store.Trust {
	t.Helper()
	a := store.Trust{Name: name, OwnerID: f.Owner.ID, CredentialID: f.Credential.ID, Scopes: f.Record(name).Scopes,
		TableVersion: 1, Rules: "{}", AllowedAt: Start(), AllowedBy: "user:42"}
	if err := f.Store.AllowTrust(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	return a
}

// Run runs the tests on a store of their own.
func Run(t *testing.T, open storetest.Open) {
	dir := t.TempDir()
	f := storetest.NewFixture(t, open(t, dir), func() store.Store { return open(t, dir) })
	ctx := t.Context()
	record := func() token.Record {
		r := f.Record("job")
		r.CreatedAt, r.ExpiresAt = Start(), Start().Add(15*time.Minute)
		return r
	}
	use := func(a store.Trust, jti string, most int) store.TrustUse {
		u := store.TrustUse{Trust: a, MostActive: most, Ends: Start().Add(time.Hour), Claims: "project_id=20"}
		if jti != "" {
			u.ID = sha256.Sum256([]byte(jti))
		}
		return u
	}
	t.Run("what is allowed is read as it was stored, by another process too", func(t *testing.T) {
		if _, err := f.Store.Trust(ctx, "a"); !errors.Is(err, store.ErrUnknownTrust) {
			t.Errorf("before: %v", err)
		}
		a := allow(t, f, "a")
		got, err := f.Again().Trust(ctx, "a")
		if err != nil || !reflect.DeepEqual(got, a) {
			t.Errorf("%+v, %v, want %+v", got, err, a)
		}
		a.AllowedAt, a.TableVersion = a.AllowedAt.Add(time.Minute), 2
		if err := f.Store.AllowTrust(ctx, a); err != nil {
			t.Fatal(err)
		}
		if got, err := f.Store.Trust(ctx, "a"); err != nil || !reflect.DeepEqual(got, a) {
			t.Errorf("again: %+v, %v", got, err)
		}
		a.CredentialID += 99
		if err := f.Store.AllowTrust(ctx, a); !errors.Is(err, store.ErrUnknownCredential) {
			t.Errorf("with a credential that is not there: %v", err)
		}
	})
	t.Run("an ID token is traded once, whichever process it comes to", func(t *testing.T) {
		a := allow(t, f, "once")
		var all sync.WaitGroup
		var made, used atomic.Int64
		handles := []store.Store{f.Store, f.Again()}
		records := make([]token.Record, 8)
		for i := range records {
			records[i] = record()
		}
		for i := range records {
			all.Go(func() {
				_, err := handles[i%2].CreateTrusted(ctx, records[i], use(a, "jti", 100))
				switch {
				case err == nil:
					made.Add(1)
				case errors.Is(err, store.ErrUsed):
					used.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if made.Load() != 1 || used.Load() != int64(len(records)-1) {
			t.Errorf("%d were made, %d refused", made.Load(), used.Load())
		}
		for range 2 {
			if _, err := f.Store.CreateTrusted(ctx, record(), use(a, "", 100)); err != nil {
				t.Errorf("one that may be traded again: %v", err)
			}
		}
	})
	t.Run("no more are alive at once than may be, and what fails is not used", func(t *testing.T) {
		a := allow(t, f, "few")
		first := must(t)(f.Store.CreateTrusted(ctx, record(), use(a, "few-1", 2)))
		must(t)(f.Store.CreateTrusted(ctx, record(), use(a, "few-2", 2)))
		if _, err := f.Store.CreateTrusted(ctx, record(), use(a, "few-3", 2)); !errors.Is(err, store.ErrFull) {
			t.Errorf("a third: %v", err)
		}
		if _, err := f.Store.RevokeToken(ctx, first.ID, store.Cause{At: Start(), By: "x"}); err != nil {
			t.Fatal(err)
		}
		must(t)(f.Store.CreateTrusted(ctx, record(), use(a, "few-3", 2)))
		later := record()
		later.CreatedAt, later.ExpiresAt = Start().Add(20*time.Minute), Start().Add(40*time.Minute)
		must(t)(f.Store.CreateTrusted(ctx, later, use(a, "few-4", 1)))
		list, err := f.Store.ListTrusts(ctx, Start().Add(20*time.Minute))
		for _, l := range list {
			if l.Name == "few" && (l.Active != 1 || l.Made != 4 || l.Owner.UserID != f.Owner.UserID) {
				t.Errorf("%+v", l)
			}
		}
		if err != nil || len(list) != 3 {
			t.Errorf("%+v, %v", list, err)
		}
	})
	t.Run("what ended long ago is forgotten, and what lives is not", func(t *testing.T) {
		a := allow(t, f, "long")
		most := 250
		for range most {
			must(t)(f.Store.CreateTrusted(ctx, record(), use(a, "", most)))
		}
		living := must(t)(f.Store.CreateTrusted(ctx, record(), use(a, "", most+1)))
		end := Start().Add(100 * 24 * time.Hour)
		e := store.Edit{Revision: living.Revision, Name: living.Name, Scopes: living.Scopes,
			TableVersion: living.TableVersion, ExpiresAt: end, RenewUntil: end}
		if _, err := f.Store.EditToken(ctx, living.ID, e, store.Cause{By: "user:42", At: Start()}); err != nil {
			t.Fatal(err)
		}
		at := Start().Add(32 * 24 * time.Hour)
		counted := func(want int) {
			t.Helper()
			list, err := f.Store.ListTrusts(ctx, at)
			for _, l := range list {
				if l.Name == "long" && l.Made != want {
					t.Errorf("%d, want %d, %v", l.Made, want, err)
				}
			}
		}
		counted(most + 1)
		for n := range 4 { // a hundred are forgotten with each, until those are left that live
			late := record()
			late.CreatedAt, late.ExpiresAt = at, at.Add(time.Minute)
			must(t)(f.Store.CreateTrusted(ctx, late, use(a, "", 100)))
			counted(max(most-100*(n+1), 0) + 1 + n + 1)
		}
		// What is over, and could live again, is known until it cannot; its end was put off once.
		l, err := f.Store.Token(ctx, living.ID)
		if err != nil {
			t.Fatal(err)
		}
		e.Revision, e.ExpiresAt, e.RenewUntil = l.Revision, end.Add(90*24*time.Hour), end.Add(90*24*time.Hour)
		cause := store.Cause{By: "x", At: end.Add(store.EndedLongAgo + time.Hour)}
		if _, err := f.Store.EditToken(ctx, living.ID, e, cause); !errors.Is(err, store.ErrConflict) {
			t.Errorf("the end of what ended long ago is put off: %v", err)
		}
		late := record()
		late.CreatedAt, late.ExpiresAt = end.Add(29*24*time.Hour), end.Add(29*24*time.Hour+time.Minute)
		must(t)(f.Store.CreateTrusted(ctx, late, use(a, "", 100)))
		e.ExpiresAt, e.RenewUntil = end.Add(60*24*time.Hour), end.Add(60*24*time.Hour)
		cause.At = end.Add(store.EndedLongAgo - time.Hour)
		if _, err := f.Store.EditToken(ctx, living.ID, e, cause); err != nil {
			t.Errorf("the end of what ended lately: %v", err)
		}
		ids, err := f.Store.RevokeTrust(ctx, "long", 0, store.Cause{Reason: "over", By: "cli:a", At: end.Add(store.EndedLongAgo)})
		if err != nil || len(ids) != 1 || ids[0] != living.ID {
			t.Errorf("%v, %v", ids, err)
		}
	})
	t.Run("revoked at once with all of its tokens, also those that took their place", func(t *testing.T) {
		a := allow(t, f, "gone")
		one := must(t)(f.Store.CreateTrusted(ctx, record(), use(a, "gone-1", 9)))
		rotated := must(t)(f.Store.CreateTrusted(ctx, record(), use(a, "gone-2", 9)))
		fresh := record()
		successor, err := f.Store.RotateToken(ctx, rotated.ID, rotated.Revision, fresh, Start(), "x")
		if err != nil {
			t.Fatal(err)
		}
		other := f.NewToken(t, "ordinary")
		ids, err := f.Again().RevokeTrust(ctx, "gone", 0, store.Cause{Reason: "over", By: "cli:a", At: Start()})
		if err != nil || len(ids) != 2 {
			t.Errorf("%v, %v", ids, err)
		}
		for id, want := range map[int64]bool{one.ID: true, successor.ID: true, other.ID: false} {
			if l, err := f.Store.Token(ctx, id); err != nil || l.RevokedAt.IsZero() == want {
				t.Errorf("token %d: %+v, %v", id, l.RevokedAt, err)
			}
		}
		if _, err := f.Store.CreateTrusted(ctx, record(), use(a, "gone-3", 9)); !errors.Is(err, store.ErrUnknownTrust) {
			t.Errorf("afterwards: %v", err)
		}
		a.AllowedAt = a.AllowedAt.Add(time.Second)
		if err := f.Store.AllowTrust(ctx, a); err != nil {
			t.Fatal(err)
		}
		old := a
		old.AllowedAt = Start()
		if _, err := f.Store.CreateTrusted(ctx, record(), use(old, "gone-3", 9)); !errors.Is(err, store.ErrUnknownTrust) {
			t.Errorf("by what was allowed before: %v", err)
		}
		must(t)(f.Store.CreateTrusted(ctx, record(), use(a, "gone-3", 9)))
		ruled := a
		ruled.Rules = `{"ttl":1}`
		if _, err := f.Store.CreateTrusted(ctx, record(), use(ruled, "gone-4", 9)); !errors.Is(err, store.ErrUnknownTrust) {
			t.Errorf("by other rules of the same instant: %v", err)
		}
	})
	t.Run("its tokens that are alive are known, with the claims by which they were given", func(t *testing.T) {
		a := allow(t, f, "alive")
		var made []token.Record
		for i := range 4 {
			u := use(a, "", 10)
			u.Claims = "job_id=" + string(rune('0'+i))
			r, err := f.Store.CreateTrusted(ctx, record(), u)
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, r)
		}
		if _, err := f.Store.CreateTrusted(ctx, record(), use(allow(t, f, "another"), "", 10)); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Store.RevokeToken(ctx, made[1].ID, store.Cause{By: "test", At: Start()}); err != nil {
			t.Fatal(err)
		}
		got, err := f.Again().AliveOf(ctx, "alive", Start(), 2)
		want := []store.TrustToken{{ID: made[3].ID, Claims: "job_id=3"}, {ID: made[2].ID, Claims: "job_id=2"}}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("the newest two: %v, %v, want %v", got, err, want)
		}
		if got, err := f.Store.AliveOf(ctx, "alive", Start(), 10); err != nil || len(got) != 3 {
			t.Errorf("all: %v, %v", got, err)
		}
		if got, err := f.Store.AliveOf(ctx, "alive", made[0].ExpiresAt, 10); err != nil || len(got) != 0 {
			t.Errorf("at their end: %v, %v", got, err)
		}
	})
	t.Run("what an owner allowed goes with the owner", func(t *testing.T) {
		allow(t, f, "last")
		if _, err := f.Store.RemoveOwner(ctx, f.Owner.ID, store.Cause{Reason: "gone", By: "cli:test", At: Start()}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Store.Trust(ctx, "last"); !errors.Is(err, store.ErrUnknownTrust) {
			t.Errorf("it is still allowed: %v", err)
		}
	})
}

// must fails the test on an error.
func must(t testing.TB) func(token.Record, error) token.Record {
	return func(r token.Record, err error) token.Record {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}
