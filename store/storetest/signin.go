package storetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"patgate/store"
	"patgate/store/seal"
)

// bounds are those of sign-ins here, unless a case says otherwise.
func bounds() store.SignInBounds {
	return store.SignInBounds{Idle: 30 * time.Minute, Most: 1000, MostOfUser: 10}
}

// NewSignIn gives a sign-in of a forge user, not stored yet, with an id of its own.
func (f *Fixture) NewSignIn(userID int64, at time.Time) store.SignIn {
	f.made++
	return store.SignIn{ID: sha256.Sum256(fmt.Append(nil, "sign-in", f.made)), UserID: userID, KeyID: f.Key.ID(),
		Sealed: []byte{1, 0, 255}, MadeAt: at, UsedAt: at, EndsAt: at.Add(8 * time.Hour)}
}

// SignIn stores a sign-in.
func (f *Fixture) SignIn(t testing.TB, userID int64, at time.Time) store.SignIn {
	t.Helper()
	s := f.NewSignIn(userID, at)
	return must(t, s, f.Store.AddSignIn(t.Context(), s, bounds()))
}

// signedIn tells whether a sign-in is there.
func signedIn(t testing.TB, st store.Store, id store.SignInID) bool {
	t.Helper()
	_, err := st.SignIn(t.Context(), id)
	if err != nil && !errors.Is(err, store.ErrUnknownSignIn) {
		t.Fatal(err)
	}
	return err == nil
}

func testSignIns(t *testing.T, f *Fixture) {
	ctx, start := t.Context(), Start()
	before := sequence(t, f.Store)
	t.Run("another process reads it as it was stored", func(t *testing.T) {
		s := f.SignIn(t, 42, start)
		got, err := f.Again().SignIn(ctx, s.ID)
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Errorf("%+v, %v, want %+v", got, err, s)
		}
		if err := f.Store.AddSignIn(ctx, s, bounds()); !errors.Is(err, store.ErrConflict) {
			t.Errorf("again: %v", err)
		}
	})
	t.Run("ended by one process it is ended for all", func(t *testing.T) {
		s, other := f.SignIn(t, 42, start), f.Again()
		for range 2 {
			if err := other.EndSignIn(ctx, s.ID); err != nil || signedIn(t, f.Store, s.ID) {
				t.Errorf("it is there, %v", err)
			}
		}
		s.UsedAt = start.Add(time.Minute)
		if err := f.Store.TouchSignIn(ctx, s); !errors.Is(err, store.ErrUnknownSignIn) || signedIn(t, f.Store, s.ID) {
			t.Errorf("a late use brings it back: %v", err)
		}
	})
	t.Run("its use only goes on", func(t *testing.T) {
		s := f.SignIn(t, 42, start)
		later := s
		later.UsedAt, later.Sealed = start.Add(2*time.Minute), []byte("anew")
		earlier := s
		earlier.UsedAt, earlier.Sealed = start.Add(time.Minute), []byte("late")
		for _, touched := range []store.SignIn{later, earlier} {
			must(t, 0, f.Store.TouchSignIn(ctx, touched))
		}
		if got, err := f.Store.SignIn(ctx, s.ID); err != nil || !reflect.DeepEqual(got, later) {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("no key that was rotated away, or that nobody knows, is used", func(t *testing.T) {
		s := f.NewSignIn(42, start)
		s.KeyID = newKey(t).ID()
		if err := f.Store.AddSignIn(ctx, s, bounds()); !errors.Is(err, store.ErrKeyRetired) {
			t.Errorf("a new one: %v", err)
		}
		s = f.SignIn(t, 42, start)
		s.KeyID, s.UsedAt = newKey(t).ID(), start.Add(time.Minute)
		if err := f.Store.TouchSignIn(ctx, s); !errors.Is(err, store.ErrKeyRetired) {
			t.Errorf("its use: %v", err)
		}
	})
	t.Run("of one user the oldest go, and of all", func(t *testing.T) {
		var all []store.SignIn
		for i := range 6 {
			s := f.NewSignIn(7+int64(i%2), start.Add(time.Duration(i)*time.Second))
			must(t, 0, f.Store.AddSignIn(ctx, s, store.SignInBounds{Idle: time.Hour, Most: 1000, MostOfUser: 2}))
			all = append(all, s)
		}
		for i, s := range all {
			if signedIn(t, f.Store, s.ID) != (i >= 2) {
				t.Errorf("number %d is there: %v", i, i < 2)
			}
		}
		s := f.NewSignIn(9, start.Add(time.Minute))
		must(t, 0, f.Store.AddSignIn(ctx, s, store.SignInBounds{Idle: time.Hour, Most: 3, MostOfUser: 2}))
		all = append(all, s)
		for i, s := range all {
			if signedIn(t, f.Store, s.ID) != (i >= 4) {
				t.Errorf("of all, number %d is there: %v", i, i < 4)
			}
		}
	})
	t.Run("however many sign in at once, no more are kept", func(t *testing.T) {
		var all sync.WaitGroup
		var kept atomic.Int64
		handles := []store.Store{f.Store, f.Again()}
		ids := make([]store.SignInID, 24)
		for i := range ids {
			s := f.NewSignIn(70, start.Add(time.Duration(i)*time.Millisecond))
			ids[i] = s.ID
			all.Go(func() {
				if err := handles[i%2].AddSignIn(ctx, s, bounds()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, id := range ids {
			if signedIn(t, f.Store, id) {
				kept.Add(1)
			}
		}
		if kept.Load() != 10 {
			t.Errorf("%d are kept", kept.Load())
		}
	})
	t.Run("those that are over are dropped, a batch at a time", func(t *testing.T) {
		late := start.Add(24 * time.Hour)
		if _, err := f.Store.ForgetSignIns(ctx, late, 30*time.Minute); err != nil {
			t.Fatal(err)
		}
		idle, ends, lives := f.SignIn(t, 1, late), f.NewSignIn(2, late), f.SignIn(t, 3, late.Add(time.Second))
		ends.EndsAt = late.Add(30 * time.Minute)
		must(t, 0, f.Store.AddSignIn(ctx, ends, bounds()))
		if n, err := f.Store.ForgetSignIns(ctx, late.Add(30*time.Minute), 30*time.Minute); err != nil || n != 2 {
			t.Errorf("%d, %v", n, err)
		}
		if signedIn(t, f.Store, idle.ID) || signedIn(t, f.Store, ends.ID) || !signedIn(t, f.Store, lives.ID) {
			t.Error("the wrong ones are there")
		}
		if n, err := f.Store.ForgetSignIns(ctx, late.Add(30*time.Minute), 30*time.Minute); err != nil || n != 0 {
			t.Errorf("again: %d, %v", n, err)
		}
	})
	if after := sequence(t, f.Store); after != before {
		t.Errorf("the change sequence moved from %d to %d", before, after)
	}
	t.Run("an owner who is removed, or loses all tokens, is signed out, and nobody else", func(t *testing.T) {
		for name, end := range map[string]func(store.Owner) error{
			"removed": func(o store.Owner) error {
				return second(f.Store.RemoveOwner(ctx, o.ID, store.Cause{Reason: "gone", By: "y", At: start}))
			},
			"blocked": func(o store.Owner) error {
				return second(f.Store.RevokeOwned(ctx, o.ID, store.Cause{Reason: "blocked", By: "y", At: start}))
			},
		} {
			o := f.NewOwner(t, 9000+int64(len(name)), name)
			s, other := f.SignIn(t, o.UserID, start), f.SignIn(t, 8999, start)
			if err := end(o); err != nil || signedIn(t, f.Store, s.ID) || !signedIn(t, f.Store, other.ID) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("the end of the sealing key, or another address of the forge, ends all", func(t *testing.T) {
		s := f.SignIn(t, 42, start)
		key := newKey(t)
		reseal := func(c store.Credential, _, _ seal.Binding) (string, []byte, error) { return key.ID(), c.Sealed, nil }
		if _, err := f.Store.Rekey(ctx, f.SealingKey(key), reseal); err != nil || signedIn(t, f.Store, s.ID) {
			t.Errorf("it outlives its key, %v", err)
		}
		f.Key = key
		s = f.SignIn(t, 42, start)
		_, err := f.Store.MoveOrigin(ctx, f.Owner.Origin, "https://new.example.com", reseal)
		if err != nil || signedIn(t, f.Store, s.ID) {
			t.Errorf("it is there at the new address, %v", err)
		}
	})
}

func testForms(t *testing.T, f *Fixture) {
	ctx, start := t.Context(), Start()
	s := f.SignIn(t, 42, start)
	form := func(name string) store.FormID { return sha256.Sum256([]byte(name)) }
	begin := func(t *testing.T, st store.Store, name string, wantID int64, wantBefore bool) {
		t.Helper()
		if id, before, err := st.BeginForm(ctx, s.ID, form(name), start); err != nil || id != wantID || before != wantBefore {
			t.Errorf("%s: %d, %v, %v", name, id, before, err)
		}
	}
	t.Run("a form is sent once, whichever process it comes to", func(t *testing.T) {
		begin(t, f.Store, "a", 0, false)
		begin(t, f.Again(), "a", 0, true)
		must(t, 0, f.Store.FinishForm(ctx, s.ID, form("a"), 1_000_000_000_007))
		begin(t, f.Again(), "a", 1_000_000_000_007, true)
		begin(t, f.Store, "b", 0, false)
		must(t, 0, f.Store.DropForm(ctx, s.ID, form("b")))
		begin(t, f.Again(), "b", 0, false)
	})
	t.Run("of many at once one is the first", func(t *testing.T) {
		var all sync.WaitGroup
		var firsts atomic.Int64
		handles := []store.Store{f.Store, f.Again()}
		for i := range 12 {
			all.Go(func() {
				_, before, err := handles[i%2].BeginForm(ctx, s.ID, form("at once"), start)
				if err != nil {
					t.Error(err)
				}
				if !before {
					firsts.Add(1)
				}
			})
		}
		all.Wait()
		if firsts.Load() != 1 {
			t.Errorf("%d are the first", firsts.Load())
		}
	})
	t.Run("another sign-in's are its own, and nobody's are none", func(t *testing.T) {
		other := f.SignIn(t, 42, start)
		if _, before, err := f.Store.BeginForm(ctx, other.ID, form("a"), start); err != nil || before {
			t.Errorf("%v, %v", before, err)
		}
		must(t, 0, f.Store.EndSignIn(ctx, other.ID))
		if _, _, err := f.Store.BeginForm(ctx, other.ID, form("a"), start); !errors.Is(err, store.ErrUnknownSignIn) {
			t.Errorf("of one that is ended: %v", err)
		}
	})
	t.Run("the latest are kept", func(t *testing.T) {
		first := store.FormID(sha256.Sum256([]byte("form 0")))
		for i := range store.FormsKept + 1 {
			name := sha256.Sum256(fmt.Append(nil, "form ", i))
			sent := start.Add(time.Duration(i+1) * time.Second)
			if _, before, err := f.Store.BeginForm(ctx, s.ID, name, sent); err != nil || before {
				t.Fatalf("%d: %v, %v", i, before, err)
			}
		}
		last := store.FormID(sha256.Sum256([]byte("form 1")))
		if _, before, err := f.Store.BeginForm(ctx, s.ID, last, start.Add(time.Hour)); err != nil || !before {
			t.Errorf("the second is forgotten, %v", err)
		}
		if _, before, err := f.Store.BeginForm(ctx, s.ID, first, start.Add(time.Hour)); err != nil || before {
			t.Errorf("the first is kept, %v", err)
		}
	})
}
