package storetest

import (
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"patgate/store"
	"patgate/store/seal"
	"patgate/token"
)

func testChanges(t *testing.T, f *Fixture) {
	ctx := t.Context()
	r := f.NewToken(t, "watched")
	other := f.Again()
	defer other.Close()
	fresh := newKey(t)

	for _, tc := range []struct {
		name   string
		all    bool // false: only r's hash
		change func() error
	}{
		{"pausing a token", false, func() error { return second(f.Store.PauseToken(ctx, r.ID, store.Cause{At: Start()})) }},
		{"resuming it", false, func() error { return second(f.Store.ResumeToken(ctx, r.ID, store.Cause{At: Start()})) }},
		{"confirming it", false, func() error { return second(f.Store.ConfirmToken(ctx, r.ID, 5, "")) }},
		{"revoking it", false, func() error { return second(f.Store.RevokeToken(ctx, r.ID, store.Cause{At: Start()})) }},
		{"renaming an owner", true, func() error {
			o := f.Owner
			o.Username = "alicia"
			return second(f.Store.PutOwner(ctx, o))
		}},
		{"refusing a credential", true, func() error {
			return f.Store.SetCredentialStatus(ctx, f.Credential.ID, store.CredentialInvalid, "", Start())
		}},
		{"replacing a credential", true, func() error {
			return second(f.Store.ReplaceCredential(ctx, f.Credential, Sealed(f.Key.ID())))
		}},
		{"rotating the key", true, func() error {
			anew := func(_ store.Credential, _, b seal.Binding) (string, []byte, error) { return Sealed(fresh.ID())(b) }
			return second(f.Store.Rekey(ctx, f.SealingKey(fresh), anew))
		}},
		{"removing an owner", true, func() error {
			return second(f.Store.RemoveOwner(ctx, f.Owner.ID, store.Cause{Reason: "owner removed", At: Start()}))
		}},
	} {
		t.Run(tc.name+" is seen by another process", func(t *testing.T) {
			before := sequence(t, other)
			must(t, 0, tc.change())
			c := changes(t, other, before)
			if c.Sequence <= before {
				t.Errorf("sequence %d after %d", c.Sequence, before)
			}
			if c.All != tc.all {
				t.Errorf("all %v, want %v", c.All, tc.all)
			}
			if !tc.all && !slices.Equal(c.Hashes, []token.Hash{r.Hash}) {
				t.Errorf("hashes %x", c.Hashes)
			}
		})
	}
	t.Run("making a token is seen too", func(t *testing.T) {
		f.Owner = f.NewOwner(t, 1001, "carol")
		f.Key = fresh
		f.Credential = f.NewCredential(t, f.Owner, "api")
		before := sequence(t, other)
		made := f.NewToken(t, "new")
		if c := changes(t, other, before); c.All || !slices.Equal(c.Hashes, []token.Hash{made.Hash}) {
			t.Errorf("changes %+v", c)
		}
	})
	t.Run("without a change there is nothing", func(t *testing.T) {
		now := sequence(t, other)
		if c := changes(t, other, now); c.Sequence != now || c.All || len(c.Hashes) > 0 {
			t.Errorf("changes %+v", c)
		}
	})
	t.Run("a change that failed is none", func(t *testing.T) {
		before := sequence(t, other)
		if _, err := f.Store.RevokeToken(ctx, 1, store.Cause{At: Start()}); err == nil {
			t.Fatal("revoked an unknown token")
		}
		if after := sequence(t, other); after != before {
			t.Errorf("sequence %d after %d", after, before)
		}
	})
	t.Run("who knows nothing, or a future, must read all", func(t *testing.T) {
		now := sequence(t, other)
		for _, since := range []int64{0, now + 5} {
			if c := changes(t, other, since); !c.All || c.Sequence != now {
				t.Errorf("since %d: %+v", since, c)
			}
		}
	})
}

func testUses(t *testing.T, f *Fixture) {
	r := f.NewToken(t, "used")
	before := sequence(t, f.Store)
	late, early := Start().Add(2*time.Hour), Start().Add(time.Hour)
	for _, uses := range [][]store.Use{
		{{TokenID: r.ID, Count: 2, Last: late}, {TokenID: 5, Count: 1, Last: late}},
		{{TokenID: r.ID, Count: 3, Last: early}}, // of another process, flushed later
		nil,
	} {
		must(t, 0, f.Store.AddUses(t.Context(), uses))
	}
	t.Run("counts add up and the latest use stays", func(t *testing.T) {
		if l := tokenOf(t, f, r.ID); l.Uses != 5 || !l.LastUsedAt.Equal(late) {
			t.Errorf("uses %d, last %v", l.Uses, l.LastUsedAt)
		}
	})
	t.Run("uses are no change", func(t *testing.T) {
		if after := sequence(t, f.Store); after != before {
			t.Errorf("sequence %d after %d", after, before)
		}
	})
}

func testBackup(t *testing.T, f *Fixture) {
	r := f.NewToken(t, "kept")
	path := filepath.Join(t.TempDir(), "backup")
	err := f.Store.Backup(t.Context(), path)
	elsewhere := errors.Is(err, errors.ErrUnsupported) // the database has means of its own
	if err != nil && !elsewhere {
		t.Fatal(err)
	}
	t.Run("a backup is never written over a file", func(t *testing.T) {
		if elsewhere {
			t.Skip(err)
		}
		if err := f.Store.Backup(t.Context(), path); !errors.Is(err, store.ErrExists) {
			t.Errorf("error %v, want ErrExists", err)
		}
	})
	t.Run("a sound store passes the check", func(t *testing.T) {
		h, err := f.Store.Check(t.Context())
		if err != nil || h.Tokens != 1 || h.Owners != 1 || h.Credentials != 1 || h.Sequence != sequence(t, f.Store) {
			t.Errorf("health %+v, %v", h, err)
		}
	})
	t.Run("a closed store answers nothing", func(t *testing.T) {
		must(t, 0, f.Store.Close())
		if _, err := f.Store.TokenByHash(t.Context(), r.Hash); !errors.Is(err, store.ErrClosed) {
			t.Errorf("error %v, want ErrClosed", err)
		}
	})
}

func testConcurrency(t *testing.T, f *Fixture) {
	const writers, each = 4, 25
	other := f.Again()
	defer other.Close()
	records := make([][]token.Record, writers)
	for w := range records {
		for range each {
			records[w] = append(records[w], f.Record("busy"))
		}
	}
	before := sequence(t, f.Store)
	var wait sync.WaitGroup
	for w := range records {
		st := f.Store
		if w%2 == 1 {
			st = other
		}
		wait.Go(func() {
			for _, r := range records[w] {
				made, err := st.CreateToken(t.Context(), r)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := st.TokenByHash(t.Context(), made.Hash); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	t.Run("every write of two processes is there once", func(t *testing.T) {
		list, total, err := f.Store.Tokens(t.Context(), store.Filter{})
		if err != nil || total != writers*each {
			t.Fatalf("%d tokens, %v", total, err)
		}
		ids := map[int64]bool{}
		for _, l := range list {
			ids[l.ID] = true
		}
		if len(ids) != writers*each {
			t.Errorf("%d ids", len(ids))
		}
		if after := sequence(t, f.Store); after < before+writers*each {
			t.Errorf("sequence %d after %d", after, before)
		}
	})
}
