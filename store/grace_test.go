package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"patgate/store"
	"patgate/token"
)

// awaitLost waits until a poll has found that the store cannot be reached.
func (g *gateway) awaitLost(t *testing.T) (until time.Time) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		until, err := g.sessions.Lost()
		if errors.Is(err, store.ErrUnreachable) {
			return until
		}
		if time.Now().After(end) {
			t.Fatal("no poll has found it")
		}
	}
}

// While the store cannot be reached, what was fresh before passes for as long as the operator says, and nothing else.
func TestGrace(t *testing.T) {
	const grace = 5 * time.Minute
	g := newGateway(t, func(o *store.SessionOptions) {
		o.Grace, o.FreshWithin, o.TTL, o.Poll = grace, time.Second, time.Minute, 5*time.Millisecond
	})
	ctx := t.Context()
	known, old, unseen := g.token(t), g.token(t), g.token(t)
	expiring := g.token(t, func(r *token.Record) { r.ExpiresAt = g.clock.now().Add(4 * time.Minute) })
	if err := g.sessions.Sync(ctx); err != nil { // a poll that comes later would have them read anew
		t.Fatal(err)
	}
	get := func(r token.Record) (*token.Session, error) {
		t.Helper()
		return g.sessions.Get(ctx, r.Hash)
	}
	passes := func(name string, r token.Record, lost bool) {
		t.Helper()
		if s, err := get(r); err != nil || s.StoreLost != lost || s.Grant == nil || s.Credential.Reveal() != upstream {
			t.Errorf("%s: %v, %+v", name, err, s)
		}
	}
	fails := func(name string, r token.Record, want error) {
		t.Helper()
		if s, err := get(r); !errors.Is(err, want) || s != nil && s.Grant != nil {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	passes("at first", old, false)
	g.clock.move(61 * time.Second)
	for _, r := range []token.Record{known, expiring} {
		passes("at first", r, false)
	}
	if err := g.sessions.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	g.fault.down.Store(true)
	passes("within a second", known, false)
	until := g.awaitLost(t)
	g.clock.move(1100 * time.Millisecond)
	passes("after a second", known, true)
	fails("one that was too old when the store was lost", old, store.ErrUnreachable)
	fails("one that was not in use", unseen, store.ErrUnreachable)
	fails("one that nobody knows", token.Record{Hash: token.Hash{1}}, store.ErrUnreachable)
	g.clock.move(2 * time.Minute)
	passes("longer than it would be kept otherwise", known, true)
	passes("a moment before its end", expiring, true)
	g.clock.move(time.Minute)
	fails("one that expired meanwhile", expiring, store.ErrExpired)
	passes("as long as the grace lasts", known, true)
	if n := g.sessions.Graced(); n != 4 {
		t.Errorf("%d were counted, want 4", n)
	}
	g.clock.move(until.Sub(g.clock.now()) + 2*time.Second)
	fails("after it", known, store.ErrUnreachable)
	g.fault.down.Store(false)
	if err := g.sessions.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := g.sessions.Lost(); err != nil {
		t.Error(err)
	}
	passes("when the store is back", known, false)
}

// Before a poll has found that the store is lost, a request finds it.
func TestGraceBeforeAPoll(t *testing.T) {
	g := newGateway(t, func(o *store.SessionOptions) { o.Grace, o.FreshWithin, o.Poll = time.Minute, time.Second, time.Hour })
	r := g.token(t)
	if _, err := g.sessions.Get(t.Context(), r.Hash); err != nil {
		t.Fatal(err)
	}
	g.fault.down.Store(true)
	g.clock.move(2 * time.Second)
	if s, err := g.sessions.Get(t.Context(), r.Hash); err != nil || !s.StoreLost {
		t.Errorf("%+v, %v", s, err)
	}
}

// What was changed before the store was lost, here or elsewhere, is in force, and a store that answers decides.
func TestGraceBringsNothingBack(t *testing.T) {
	for name, tc := range map[string]struct {
		grace time.Duration
		lose  func(t *testing.T, g *gateway, id int64)
		want  error
	}{
		"revoked here": {time.Minute, func(t *testing.T, g *gateway, id int64) {
			if err := g.change(t.Context(), id, store.Store.RevokeToken); err != nil {
				t.Fatal(err)
			}
			g.fault.down.Store(true)
		}, store.ErrUnreachable},
		"revoked elsewhere, and polled": {time.Minute, func(t *testing.T, g *gateway, id int64) {
			if _, err := g.db.RevokeToken(t.Context(), id, store.Cause{At: time.Now()}); err != nil {
				t.Fatal(err)
			}
			if err := g.sessions.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
			g.fault.down.Store(true)
		}, store.ErrUnreachable},
		"a change that was made, after which the store was lost": {time.Minute, func(t *testing.T, g *gateway, id int64) {
			err := g.sessions.Change(t.Context(), func(ctx context.Context, st store.Store) error {
				_, err := st.RevokeToken(ctx, id, store.Cause{At: time.Now()})
				g.fault.down.Store(true)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}, store.ErrUnreachable},
		"a store that fails in another way": {time.Minute, func(_ *testing.T, g *gateway, _ int64) { g.fault.broken.Store(true) }, errBroken},
		"no grace":                          {0, func(_ *testing.T, g *gateway, _ int64) { g.fault.down.Store(true) }, store.ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, func(o *store.SessionOptions) {
				o.Grace, o.FreshWithin, o.Poll = tc.grace, time.Second, 5*time.Millisecond
			})
			r := g.token(t)
			if _, err := g.sessions.Get(t.Context(), r.Hash); err != nil {
				t.Fatal(err)
			}
			tc.lose(t, g, r.ID)
			g.clock.move(1100 * time.Millisecond)
			time.Sleep(20 * time.Millisecond)
			if s, err := g.sessions.Get(t.Context(), r.Hash); !errors.Is(err, tc.want) || s != nil {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
}

// A change that nobody was told of, because the store was lost in it, ends the grace of no token. What is cached counts as no longer
// fresh at once.
func TestAFailedChangeEndsNoGrace(t *testing.T) {
	g := newGateway(t, func(o *store.SessionOptions) { o.Grace, o.FreshWithin, o.Poll = time.Minute, time.Second, time.Hour })
	r := g.token(t)
	if _, err := g.sessions.Get(t.Context(), r.Hash); err != nil {
		t.Fatal(err)
	}
	g.fault.down.Store(true)
	for range 100 {
		err := g.sessions.Change(t.Context(), func(context.Context, store.Store) error { return errDown })
		if !errors.Is(err, errDown) {
			t.Fatal(err)
		}
	}
	if s, err := g.sessions.Get(t.Context(), r.Hash); err != nil || !s.StoreLost {
		t.Errorf("%+v, %v", s, err)
	}
	g.clock.move(59 * time.Second)
	if _, err := g.sessions.Get(t.Context(), r.Hash); err != nil {
		t.Error(err)
	}
	g.clock.move(2 * time.Second)
	if _, err := g.sessions.Get(t.Context(), r.Hash); !errors.Is(err, store.ErrUnreachable) {
		t.Error(err)
	}
}

// A change that was refused, while somebody else's was made, is told: nothing that it tells of passes for the sake of grace.
func TestARefusedChangeIsNotGraced(t *testing.T) {
	g := newGateway(t, func(o *store.SessionOptions) { o.Grace, o.FreshWithin, o.Poll = time.Minute, time.Second, time.Hour })
	r := g.token(t)
	if _, err := g.sessions.Get(t.Context(), r.Hash); err != nil {
		t.Fatal(err)
	}
	if _, err := g.db.RevokeToken(t.Context(), r.ID, store.Cause{At: time.Now()}); err != nil { // on another node
		t.Fatal(err)
	}
	err := g.sessions.Change(t.Context(), func(ctx context.Context, st store.Store) error {
		_, err := st.PauseToken(ctx, r.ID, store.Cause{At: time.Now()})
		g.fault.down.Store(true)
		return err
	})
	if !errors.Is(err, store.ErrRevoked) {
		t.Fatal(err)
	}
	if s, err := g.sessions.Get(t.Context(), r.Hash); err == nil {
		t.Errorf("%+v passes", s)
	}
}
