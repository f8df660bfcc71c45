package store_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"patgate/routes"
	"patgate/store"
	"patgate/store/seal"
	"patgate/token"
)

func TestASessionIsWhatTheStoreHolds(t *testing.T) {
	g := newGateway(t, nil)
	r := g.token(t)
	s, err := g.sessions.Get(t.Context(), r.Hash)
	if err != nil {
		t.Fatal(err)
	}
	if s.TokenID != r.ID || s.OwnerUserID != 42 || s.Username != "alice" || s.CredentialID != g.cred.ID || s.Record.Name != "job" {
		t.Errorf("session %+v", s)
	}
	if s.Credential.Reveal() != upstream {
		t.Error("another credential")
	}
	if len(s.Grant.Scopes) != 1 || s.Grant.Owner != 42 || s.Grant.Scopes[0].Projects[0] != 6 {
		t.Errorf("grant %+v", s.Grant)
	}
}

func TestWhyATokenCannotBeUsed(t *testing.T) {
	g := newGateway(t, nil)
	ctx := t.Context()
	expired := g.token(t, func(r *token.Record) { r.ExpiresAt = g.clock.now().Add(-time.Second) })
	revoked, paused := g.token(t), g.token(t)
	if err := g.change(ctx, revoked.ID, store.Store.RevokeToken); err != nil {
		t.Fatal(err)
	}
	if err := g.change(ctx, paused.ID, store.Store.PauseToken); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		hash token.Hash
		want error
		id   int64
	}{
		"an unknown token": {token.Hash{1, 2, 3}, store.ErrUnknownToken, 0},
		"an expired token": {expired.Hash, store.ErrExpired, expired.ID},
		"a revoked token":  {revoked.Hash, store.ErrRevoked, revoked.ID},
		"a paused token":   {paused.Hash, store.ErrPaused, paused.ID},
	} {
		t.Run(name, func(t *testing.T) {
			for _, from := range []string{"store", "cache"} {
				s, err := g.sessions.Get(ctx, tc.hash)
				if !errors.Is(err, tc.want) {
					t.Errorf("from %s: error %v, want %v", from, err, tc.want)
				}
				switch {
				case tc.id == 0 && s != nil:
					t.Errorf("from %s: a session %+v", from, s)
				case tc.id != 0 && (s == nil || s.TokenID != tc.id || s.Grant != nil || s.Credential.Reveal() != ""):
					t.Errorf("from %s: session %+v must name the token and hold nothing else", from, s)
				}
			}
		})
	}
	t.Run("a token that expires while it is cached", func(t *testing.T) {
		r := g.token(t, func(r *token.Record) { r.ExpiresAt = g.clock.now().Add(30 * time.Second) })
		if _, err := g.sessions.Get(ctx, r.Hash); err != nil {
			t.Fatal(err)
		}
		g.clock.move(31 * time.Second)
		if s, err := g.sessions.Get(ctx, r.Hash); !errors.Is(err, store.ErrExpired) || s.Grant != nil {
			t.Errorf("error %v, want ErrExpired", err)
		}
	})
	t.Run("a paused token that is resumed", func(t *testing.T) {
		if err := g.change(ctx, paused.ID, store.Store.ResumeToken); err != nil {
			t.Fatal(err)
		}
		if s, err := g.sessions.Get(ctx, paused.Hash); err != nil || s.Grant == nil || s.Credential.Reveal() != upstream {
			t.Errorf("session %+v, %v", s, err)
		}
	})
	t.Run("a token whose owner's credential the forge refuses", func(t *testing.T) {
		r := g.token(t)
		refuse := func(ctx context.Context, st store.Store) error {
			return st.SetCredentialStatus(ctx, g.cred.ID, store.CredentialInvalid, "401", time.Now())
		}
		if err := g.sessions.Change(ctx, refuse); err != nil {
			t.Fatal(err)
		}
		if _, err := g.sessions.Get(ctx, r.Hash); !errors.Is(err, store.ErrCredentialInvalid) {
			t.Errorf("error %v, want ErrCredentialInvalid", err)
		}
	})
}

// A fill that has read the valid token, and is held back until the revocation returned, must not
// be served, neither to who waits for it nor from the cache.
func TestARevocationWinsOverAFillInFlight(t *testing.T) {
	g := newGateway(t, nil)
	ctx := t.Context()
	r := g.token(t)
	letGo := g.fault.holdReads()
	defer letGo()
	outcome := make(chan error, 1)
	go func() {
		_, err := g.sessions.Get(ctx, r.Hash)
		outcome <- err
	}()
	for g.fault.reads.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := g.change(ctx, r.ID, store.Store.RevokeToken); err != nil {
		t.Fatal(err)
	}
	letGo()
	if err := <-outcome; !errors.Is(err, store.ErrRevoked) {
		t.Errorf("the request that waited got %v", err)
	}
	if _, err := g.sessions.Get(ctx, r.Hash); !errors.Is(err, store.ErrRevoked) {
		t.Errorf("a later request got %v", err)
	}
}

// Many readers, many revocations, under the race detector: once Revoke has returned, no Get that begins afterwards
// succeeds.
func TestNoRequestPassesAfterARevocation(t *testing.T) {
	g := newGateway(t, func(o *store.SessionOptions) { o.Poll, o.FreshWithin = 5*time.Millisecond, time.Second })
	ctx := t.Context()
	const rounds, readers = 20, 4
	passed := 0
	for range rounds {
		r := g.token(t)
		var revoked atomic.Bool
		var late, early atomic.Int64
		var wait sync.WaitGroup
		stop := make(chan struct{})
		for range readers {
			wait.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					after := revoked.Load()
					if _, err := g.sessions.Get(ctx, r.Hash); err == nil {
						if after {
							late.Add(1)
						} else {
							early.Add(1)
						}
					} else if !errors.Is(err, store.ErrRevoked) && !errors.Is(err, store.ErrUnknownToken) {
						t.Error(err)
					}
				}
			})
		}
		time.Sleep(time.Millisecond)
		if err := g.change(ctx, r.ID, store.Store.RevokeToken); err != nil {
			t.Fatal(err)
		}
		revoked.Store(true)
		time.Sleep(2 * time.Millisecond)
		close(stop)
		wait.Wait()
		if n := late.Load(); n > 0 {
			t.Fatalf("%d requests passed after the revocation returned", n)
		}
		passed += int(early.Load())
	}
	if passed == 0 {
		t.Error("no request passed before a revocation: the test proves nothing")
	}
}

func TestAnotherProcessesRevocationHoldsWithinASecond(t *testing.T) {
	g := newGateway(t, func(o *store.SessionOptions) { o.Poll, o.FreshWithin = 0, 0 }) // the defaults
	ctx := t.Context()
	r := g.token(t)
	if _, err := g.sessions.Get(ctx, r.Hash); err != nil {
		t.Fatal(err)
	}
	if _, err := g.db.RevokeToken(ctx, r.ID, store.Cause{Reason: "leaked", By: "cli:other", At: time.Now()}); err != nil { // past Sessions
		t.Fatal(err)
	}
	began := time.Now()
	for {
		_, err := g.sessions.Get(ctx, r.Hash)
		if errors.Is(err, store.ErrRevoked) {
			break
		}
		if err != nil || time.Since(began) > time.Second {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestATokenMadeElsewhereIsFoundAlthoughItWasUnknown(t *testing.T) {
	g := newGateway(t, nil)
	ctx := t.Context()
	hash := token.Hash{9, 9, 9}
	for range 3 {
		if _, err := g.sessions.Get(ctx, hash); !errors.Is(err, store.ErrUnknownToken) {
			t.Fatal(err)
		}
	}
	if n := g.fault.reads.Load(); n != 1 {
		t.Errorf("%d reads for an unknown token, want 1", n)
	}
	g.token(t, func(r *token.Record) { r.Hash = hash })
	if err := g.sessions.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := g.sessions.Get(ctx, hash); err != nil {
		t.Error(err)
	}
}

func TestUnknownTokensDoNotPushOutKnownOnes(t *testing.T) {
	g := newGateway(t, func(o *store.SessionOptions) { o.MaxEntries, o.MaxUnknown = 100, 100 })
	ctx := t.Context()
	r := g.token(t)
	if _, err := g.sessions.Get(ctx, r.Hash); err != nil {
		t.Fatal(err)
	}
	for i := range 5000 {
		_, _ = g.sessions.Get(ctx, token.Hash{1, byte(i), byte(i >> 8)})
	}
	before := g.fault.reads.Load()
	if _, err := g.sessions.Get(ctx, r.Hash); err != nil || g.fault.reads.Load() != before {
		t.Errorf("the known token was read again (%v)", err)
	}
}

func TestAColdTokenIsReadOnce(t *testing.T) {
	g := newGateway(t, nil)
	r := g.token(t)
	letGo := g.fault.holdReads()
	defer letGo()
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			if _, err := g.sessions.Get(t.Context(), r.Hash); err != nil {
				t.Error(err)
			}
		})
	}
	time.Sleep(20 * time.Millisecond)
	letGo()
	wait.Wait()
	if n := g.fault.reads.Load(); n != 1 {
		t.Errorf("%d reads, want 1", n)
	}
}

func TestWithoutTheStoreNothingCachedStaysFresh(t *testing.T) {
	g := newGateway(t, func(o *store.SessionOptions) { o.FreshWithin = time.Second })
	ctx := t.Context()
	r := g.token(t)
	if _, err := g.sessions.Get(ctx, r.Hash); err != nil {
		t.Fatal(err)
	}
	g.fault.down.Store(true)
	t.Run("within a second the cache serves", func(t *testing.T) {
		if _, err := g.sessions.Get(ctx, r.Hash); err != nil {
			t.Error(err)
		}
	})
	g.clock.move(1100 * time.Millisecond)
	t.Run("after a second the request fails", func(t *testing.T) {
		if _, err := g.sessions.Get(ctx, r.Hash); !errors.Is(err, errDown) {
			t.Errorf("error %v, want the store's", err)
		}
	})
	g.fault.down.Store(false)
	t.Run("a store that answers is read each time until a poll succeeds", func(t *testing.T) {
		before := g.fault.reads.Load()
		for range 3 {
			if _, err := g.sessions.Get(ctx, r.Hash); err != nil {
				t.Fatal(err)
			}
		}
		if n := g.fault.reads.Load() - before; n != 3 {
			t.Errorf("%d reads, want 3", n)
		}
		if err := g.sessions.Sync(ctx); err != nil {
			t.Fatal(err)
		}
		_, _ = g.sessions.Get(ctx, r.Hash)
		if n := g.fault.reads.Load() - before; n > 4 {
			t.Errorf("%d reads after the poll", n)
		}
	})
}

func TestANewCatalogueRecompilesGrants(t *testing.T) {
	var current atomic.Pointer[routes.Catalogue]
	first := catalogueOf(t, nil, "read", "run")
	current.Store(first)
	g := newGateway(t, func(o *store.SessionOptions) { o.Catalogue = current.Load })
	ctx := t.Context()
	r := g.token(t)
	s, err := g.sessions.Get(ctx, r.Hash)
	if err != nil {
		t.Fatal(err)
	}
	read, _ := first.Find("read_job")
	run, _ := first.Find("run_job")
	if p := &s.Grant.Scopes[0].Permissions; !p.Has(read) || !p.Has(run) {
		t.Fatalf("grant %+v", s.Grant)
	}
	current.Store(catalogueOf(t, first, "read")) // an overlay took run_job away
	if s, err = g.sessions.Get(ctx, r.Hash); err != nil {
		t.Fatal(err)
	}
	if p := &s.Grant.Scopes[0].Permissions; !p.Has(read) || p.Has(run) {
		t.Errorf("grant %+v", s.Grant)
	}
	current.Store(catalogueOf(t, first, "erase"))
	if s, err = g.sessions.Get(ctx, r.Hash); err != nil || len(s.Grant.Scopes) != 0 {
		t.Errorf("a token whose permissions are all gone: %+v, %v", s.Grant, err)
	}
}

// A Get that meets a new catalogue while another one is about to drop the cache must not be given what is still in it.
func TestAGrantOfAnOldCatalogueIsNeverGiven(t *testing.T) {
	var current atomic.Pointer[routes.Catalogue]
	first := catalogueOf(t, nil, "read", "run")
	current.Store(first)
	g := newGateway(t, func(o *store.SessionOptions) { o.Catalogue = current.Load })
	r := g.token(t)
	if _, err := g.sessions.Get(t.Context(), r.Hash); err != nil {
		t.Fatal(err)
	}
	second := catalogueOf(t, first, "read")
	current.Store(second)
	g.sessions.NoticeCatalogue(second)
	s, err := g.sessions.Get(t.Context(), r.Hash)
	if err != nil {
		t.Fatal(err)
	}
	if run, _ := first.Find("run_job"); s.Grant.Scopes[0].Permissions.Has(run) {
		t.Error("the grant holds a permission that the new catalogue does not have")
	}
}

func TestACredentialThatDoesNotOpenIsAFailure(t *testing.T) {
	g := newGateway(t, nil)
	r := g.token(t)
	if _, err := g.db.ReplaceCredential(t.Context(), g.cred, sealedElsewhere(g)); err != nil {
		t.Fatal(err)
	}
	if err := g.sessions.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := g.sessions.Get(t.Context(), r.Hash); !errors.Is(err, seal.ErrDamaged) || s != nil {
		t.Errorf("session %+v, %v", s, err)
	}
}

// After the failover to a server that lacks the last changes nothing cached counts, and it is said aloud.
func TestASequenceThatGoesBackDropsEverything(t *testing.T) {
	var told atomic.Pointer[error]
	g := newGateway(t, func(o *store.SessionOptions) {
		o.Poll = time.Hour
		o.FreshWithin = time.Hour
		o.Report = func(err error) { told.Store(&err) }
	})
	r := g.token(t)
	for range 2 {
		if _, err := g.sessions.Get(t.Context(), r.Hash); err != nil {
			t.Fatal(err)
		}
	}
	before := g.fault.reads.Load()
	g.fault.back.Store(1)
	if err := g.sessions.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := told.Load(); err == nil || !errors.Is(*err, store.ErrWentBack) {
		t.Errorf("nobody was told: %v", err)
	}
	if n := g.sessions.WentBack(); n != 1 {
		t.Errorf("counted %d times", n)
	}
	if _, err := g.sessions.Get(t.Context(), r.Hash); err != nil || g.fault.reads.Load() != before+1 {
		t.Errorf("%d reads, %v", g.fault.reads.Load()-before, err)
	}
}

// A store that does not answer is not waited for without end.
func TestAReadOfTheStoreIsBounded(t *testing.T) {
	g := newGateway(t, func(o *store.SessionOptions) { o.Patience = 10 * time.Millisecond })
	r := g.token(t)
	g.fault.mute.Store(true)
	if _, err := g.sessions.Get(context.WithoutCancel(t.Context()), r.Hash); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}
