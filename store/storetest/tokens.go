package storetest

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"patgate/store"
	"patgate/token"
)

func testTokens(t *testing.T, f *Fixture) {
	ctx := t.Context()
	t.Run("ids begin where no forge's do", func(t *testing.T) {
		first, second := f.NewToken(t, "first"), f.NewToken(t, "second")
		if first.ID != store.FirstTokenID || second.ID != store.FirstTokenID+1 {
			t.Errorf("ids %d and %d", first.ID, second.ID)
		}
	})
	t.Run("a token is read by id and by hash as it was stored", func(t *testing.T) {
		want := f.Record("whole")
		want.ParentID = store.FirstTokenID
		want.Scopes[0].Constraints.RefPatterns = []string{"refs/heads/bot/*"}
		made := createToken(t, f, want)
		want.ID, want.FamilyID, want.RenewUntil, want.Revision = made.ID, made.ID, want.ExpiresAt, 1
		if !reflect.DeepEqual(made, want) {
			t.Errorf("made %+v, want %+v", made, want)
		}
		if got := tokenOf(t, f, want.ID); !reflect.DeepEqual(got.Record, want) || got.Owner != f.Owner {
			t.Errorf("by id %+v, want %+v", got, want)
		}
		b, err := f.Store.TokenByHash(ctx, want.Hash)
		same := reflect.DeepEqual(b.Record, want) && reflect.DeepEqual(b.Credential, f.Credential)
		if err != nil || !same || b.Owner != f.Owner {
			t.Errorf("by hash %+v, %v", b, err)
		}
		if b.Sequence != sequence(t, f.Store) {
			t.Errorf("sequence %d, want %d", b.Sequence, sequence(t, f.Store))
		}
	})
	t.Run("an unknown hash or id is an error", func(t *testing.T) {
		if _, err := f.Store.TokenByHash(ctx, token.Hash{1}); !errors.Is(err, store.ErrUnknownToken) {
			t.Errorf("error %v, want ErrUnknownToken", err)
		}
		if _, err := f.Store.Token(ctx, 1); !errors.Is(err, store.ErrUnknownToken) {
			t.Errorf("error %v, want ErrUnknownToken", err)
		}
		if _, err := f.Store.RevokeToken(ctx, 1, store.Cause{At: Start()}); !errors.Is(err, store.ErrUnknownToken) {
			t.Errorf("error %v, want ErrUnknownToken", err)
		}
	})
	t.Run("two tokens with one hash are a conflict", func(t *testing.T) {
		if _, err := f.Store.CreateToken(ctx, f.NewToken(t, "double")); !errors.Is(err, store.ErrConflict) {
			t.Errorf("error %v, want ErrConflict", err)
		}
	})
	t.Run("a token bound to another owner's credential is a conflict", func(t *testing.T) {
		r := f.Record("stolen")
		r.OwnerID = f.NewOwner(t, 99, "mallory").ID
		if _, err := f.Store.CreateToken(ctx, r); !errors.Is(err, store.ErrConflict) {
			t.Errorf("error %v, want ErrConflict", err)
		}
	})
	t.Run("a token without owner is an error", func(t *testing.T) {
		r := f.Record("orphan")
		r.OwnerID = 9999
		if _, err := f.Store.CreateToken(ctx, r); !errors.Is(err, store.ErrUnknownOwner) {
			t.Errorf("error %v, want ErrUnknownOwner", err)
		}
	})
	t.Run("a revocation is final and keeps its first reason", func(t *testing.T) {
		r := f.NewToken(t, "leaked")
		at := Start().Add(time.Hour)
		l, err := f.Store.RevokeToken(ctx, r.ID, store.Cause{Reason: "leaked", By: "cli:alice", At: at})
		if err != nil || !l.RevokedAt.Equal(at) || l.RevokeReason != "leaked" || l.RevokedBy != "cli:alice" {
			t.Fatalf("got %+v, %v", l, err)
		}
		l, err = f.Store.RevokeToken(ctx, r.ID, store.Cause{Reason: "again", By: "cli:bob", At: at.Add(time.Hour)})
		if err != nil || !l.RevokedAt.Equal(at) || l.RevokeReason != "leaked" {
			t.Errorf("again: %+v, %v", l, err)
		}
		for what, err := range map[string]error{
			"pause":   second(f.Store.PauseToken(ctx, r.ID, store.Cause{At: at})),
			"resume":  second(f.Store.ResumeToken(ctx, r.ID, store.Cause{At: at})),
			"confirm": second(f.Store.ConfirmToken(ctx, r.ID, 9, "")),
		} {
			if !errors.Is(err, store.ErrRevoked) {
				t.Errorf("%s: error %v, want ErrRevoked", what, err)
			}
		}
	})
	t.Run("a pause ends with a resumption", func(t *testing.T) {
		r := f.NewToken(t, "resting")
		l, err := f.Store.PauseToken(ctx, r.ID, store.Cause{Reason: "holidays", By: "cli:alice", At: Start()})
		if err != nil || !l.PausedAt.Equal(Start()) || l.PauseReason != "holidays" || l.PausedBy != "cli:alice" {
			t.Fatalf("got %+v, %v", l, err)
		}
		l, err = f.Store.ResumeToken(ctx, r.ID, store.Cause{By: "cli:alice", At: Start()})
		if err != nil || !l.PausedAt.IsZero() || l.PauseReason != "" {
			t.Errorf("got %+v, %v", l, err)
		}
	})
	t.Run("a confirmation raises the table version and never lowers it", func(t *testing.T) {
		r := f.NewToken(t, "old")
		l, err := f.Store.ConfirmToken(ctx, r.ID, 3, "cli:alice")
		if err != nil || l.TableVersion != 3 {
			t.Fatalf("got %+v, %v", l, err)
		}
		if _, err := f.Store.ConfirmToken(ctx, r.ID, 2, "cli:alice"); !errors.Is(err, store.ErrConflict) {
			t.Errorf("error %v, want ErrConflict", err)
		}
	})
}

// second drops all but the error.
func second[T any](_ T, err error) error { return err }

func testLists(t *testing.T, f *Fixture) {
	ctx := t.Context()
	now := Start().Add(24 * time.Hour)
	later := now.Add(2 * time.Hour)
	bob := f.NewOwner(t, 43, "bob")
	bobs := f.NewCredential(t, bob, "api")
	active := f.NewToken(t, "Deploy bot")
	soon := f.NewToken(t, "alpha_1", func(r *token.Record) { r.ExpiresAt = now.Add(time.Hour); r.Description = "100% sure" })
	expired := f.NewToken(t, "zulu", func(r *token.Record) { r.ExpiresAt = now.Add(-time.Hour) })
	revoked := f.NewToken(t, "mike")
	paused := f.NewToken(t, "kilo")
	other := f.NewToken(t, "bobs", bound(bob, bobs))
	must(t, 0, second(f.Store.RevokeToken(ctx, revoked.ID, store.Cause{Reason: "x", By: "y", At: now})))
	must(t, 0, second(f.Store.PauseToken(ctx, paused.ID, store.Cause{Reason: "x", By: "y", At: now})))
	must(t, 0, f.Store.AddUses(ctx, []store.Use{
		{TokenID: soon.ID, Count: 3, Last: now},
		{TokenID: active.ID, Count: 1, Last: now.Add(-time.Hour)},
	}))

	for name, tc := range map[string]struct {
		f     store.Filter
		want  []token.Record
		total int
	}{
		"everything, newest first": {store.Filter{}, []token.Record{other, paused, revoked, expired, soon, active}, 6},
		"of one owner":             {store.Filter{OwnerID: bob.ID}, []token.Record{other}, 1},
		"of one credential":        {store.Filter{CredentialID: bobs.ID}, []token.Record{other}, 1},
		"active":                   {store.Filter{State: store.StateActive, Now: now}, []token.Record{other, soon, active}, 3},
		"inactive": {store.Filter{State: store.StateInactive, Now: now},
			[]token.Record{paused, revoked, expired}, 3},
		"expired":                      {store.Filter{State: store.StateExpired, Now: now}, []token.Record{expired}, 1},
		"revoked":                      {store.Filter{State: store.StateRevoked, Now: now}, []token.Record{revoked}, 1},
		"paused":                       {store.Filter{State: store.StatePaused, Now: now}, []token.Record{paused}, 1},
		"search in names, any case":    {store.Filter{Search: "dEPLOY"}, []token.Record{active}, 1},
		"search in descriptions":       {store.Filter{Search: "for mike"}, []token.Record{revoked}, 1},
		"search takes % as it is":      {store.Filter{Search: "0% s"}, []token.Record{soon}, 1},
		"search takes _ as it is":      {store.Filter{Search: "a_1"}, []token.Record{soon}, 1},
		"search for what is not there": {store.Filter{Search: "'; DROP TABLE tokens; --"}, nil, 0},
		"a page":                       {store.Filter{Limit: 2, Offset: 1}, []token.Record{paused, revoked}, 6},
		"a page behind the end":        {store.Filter{Limit: 2, Offset: 9}, nil, 6},
		"after an id": {store.Filter{After: soon.ID, Limit: 2, Sort: store.SortNameAsc},
			[]token.Record{expired, revoked}, 0},
		"after none": {store.Filter{After: store.FirstTokenID - 1, Limit: 2}, []token.Record{active, soon}, 0},
		"after an id, of some": {store.Filter{After: active.ID, State: store.StateActive, Now: now},
			[]token.Record{soon, other}, 0},
		"by expiry": {store.Filter{Sort: store.SortExpiresAsc, Limit: 2}, []token.Record{expired, soon}, 6},
		"by name": {store.Filter{Sort: store.SortNameAsc},
			[]token.Record{soon, other, active, paused, revoked, expired}, 6},
		"by last use":     {store.Filter{Sort: store.SortLastUsedDesc, Limit: 2}, []token.Record{soon, active}, 6},
		"created before":  {store.Filter{Created: store.Span{Before: soon.CreatedAt}}, []token.Record{active}, 1},
		"expires between": {store.Filter{Expires: store.Span{After: now, Before: later}}, []token.Record{soon}, 1},
		"used after":      {store.Filter{LastUsed: store.Span{After: now.Add(-time.Minute)}}, []token.Record{soon}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			list, total, err := f.Store.Tokens(ctx, tc.f)
			if err != nil {
				t.Fatal(err)
			}
			var got, want []string
			for _, l := range list {
				got = append(got, l.Name)
			}
			for _, r := range tc.want {
				want = append(want, r.Name)
			}
			if !reflect.DeepEqual(got, want) || total != tc.total {
				t.Errorf("got %q of %d, want %q of %d", got, total, want, tc.total)
			}
		})
	}
}
