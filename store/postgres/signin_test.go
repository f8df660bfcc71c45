package postgres_test

import (
	"errors"
	"testing"
	"time"

	"patgate/store"
	"patgate/store/postgres"
	"patgate/store/seal"
	"patgate/store/storetest"
)

// beside runs two transactions: the first is held before its commit until the second waits for it, or is over.
func beside(t *testing.T, url string, free *postgres.DB, first func(*postgres.DB) error, second func(*postgres.DB) error) (one,
	two error) {
	t.Helper()
	held, server := openPatient(t, url), connect(t, url)
	reached, until := make(chan struct{}, 100), make(chan struct{})
	held.HoldCommitsForTest(reached, until)
	oneOver, twoOver := make(chan error, 1), make(chan error, 1)
	go func() { oneOver <- first(held) }()
	select {
	case <-reached:
	case err := <-oneOver:
		t.Fatalf("it is over before it is committed: %v", err)
	}
	go func() { twoOver <- second(free) }()
	for waits := false; !waits && len(twoOver) == 0; time.Sleep(time.Millisecond) {
		if err := server.QueryRow(t.Context(), "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)").Scan(&waits); err != nil {
			t.Fatal(err)
		}
	}
	close(until)
	return <-oneOver, <-twoOver
}

// Threat: somebody signs in on one node while another one rotates the sealing key, moves to another address of the forge or signs
// the owner out, and the sign-in outlives that, because neither transaction sees the other.
func TestASignInBesideWhatEndsIt(t *testing.T) {
	bounds := store.SignInBounds{Idle: time.Hour, Most: 10, MostOfUser: 10}
	cause := store.Cause{Reason: "gone", By: "cli", At: storetest.Start()}
	rekey := func(f *storetest.Fixture, on *postgres.DB) error {
		to, err := seal.NewKey(nil)
		if err != nil {
			return err
		}
		_, err = on.Rekey(t.Context(), f.SealingKey(to), func(c store.Credential, _, _ seal.Binding) (string, []byte, error) {
			return to.ID(), c.Sealed, nil
		})
		return err
	}
	for name, end := range map[string]func(*storetest.Fixture, *postgres.DB) error{
		"the key is rotated": rekey,
		"the forge moves": func(f *storetest.Fixture, on *postgres.DB) error {
			_, err := on.MoveOrigin(t.Context(), f.Owner.Origin, "https://new.example.com",
				func(c store.Credential, _, _ seal.Binding) (string, []byte, error) { return c.KeyID, c.Sealed, nil })
			return err
		},
		"the owner is removed": func(f *storetest.Fixture, on *postgres.DB) error {
			_, err := on.RemoveOwner(t.Context(), f.Owner.ID, cause)
			return err
		},
		"the owner is blocked": func(f *storetest.Fixture, on *postgres.DB) error {
			_, err := on.RevokeOwned(t.Context(), f.Owner.ID, cause)
			return err
		},
	} {
		t.Run(name+" while somebody signs in", func(t *testing.T) {
			var d databases
			url := d.url(t, t.TempDir())
			db := openPatient(t, url)
			f := storetest.NewFixture(t, db, nil)
			s := f.NewSignIn(f.Owner.UserID, storetest.Start())
			signing, ending := beside(t, url, db, func(on *postgres.DB) error { return on.AddSignIn(t.Context(), s, bounds) },
				func(on *postgres.DB) error { return end(f, on) })
			if signing != nil || ending != nil {
				t.Fatalf("%v, %v", signing, ending)
			}
			if _, err := db.SignIn(t.Context(), s.ID); !errors.Is(err, store.ErrUnknownSignIn) {
				t.Errorf("it is there: %v", err)
			}
		})
	}
	t.Run("somebody signs in, or is seen, while the key is rotated", func(t *testing.T) {
		for name, sign := range map[string]func(*storetest.Fixture, *postgres.DB) error{
			"new": func(f *storetest.Fixture, on *postgres.DB) error {
				return on.AddSignIn(t.Context(), f.NewSignIn(f.Owner.UserID, storetest.Start()), bounds)
			},
			"seen": func(f *storetest.Fixture, on *postgres.DB) error {
				s := f.NewSignIn(f.Owner.UserID, storetest.Start())
				s.UsedAt = s.UsedAt.Add(time.Minute)
				return on.TouchSignIn(t.Context(), s)
			},
		} {
			var d databases
			url := d.url(t, t.TempDir())
			db := openPatient(t, url)
			f := storetest.NewFixture(t, db, nil)
			ending, signing := beside(t, url, db, func(on *postgres.DB) error { return rekey(f, on) },
				func(on *postgres.DB) error { return sign(f, on) })
			if ending != nil || !errors.Is(signing, store.ErrKeyRetired) {
				t.Errorf("%s: %v, %v", name, ending, signing)
			}
		}
	})
}
