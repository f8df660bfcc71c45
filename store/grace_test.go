package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"patgate/cache"
	"patgate/store"
	"patgate/token"
)

// While the store is lost, what was fresh goes on for as long as the grace lasts, marked, and nothing else does.
func TestGrace(t *testing.T) {
	g := newGateway(t, func(o *store.SessionOptions) {
		o.TTL, o.FreshWithin, o.Grace = 2*time.Hour, time.Hour, 10*time.Hour
	})
	ctx := t.Context()
	day := func(r *token.Record) { r.ExpiresAt = g.clock.now().Add(24 * time.Hour) }
	stale, known, other := g.token(t, day), g.token(t, day), g.token(t, day)
	ending := g.token(t, func(r *token.Record) { r.ExpiresAt = g.clock.now().Add(5 * time.Hour) })
	passes := func(name string, r token.Record, grace bool) {
		t.Helper()
		s, err := g.sessions.Get(ctx, r.Hash)
		if err != nil || s.Grace != grace || s.Grant == nil || s.Credential.Reveal() != upstream {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	refused := func(name string, hash token.Hash, want error) {
		t.Helper()
		if s, err := g.sessions.Get(ctx, hash); !errors.Is(err, want) || s != nil && s.Grant != nil {
			t.Errorf("%s: %+v, %v, want %v", name, s, err, want)
		}
	}
	passes("one that is not used again", stale, false)
	g.clock.move(110 * time.Minute)
	if err := g.sessions.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	passes("known", known, false)
	passes("ending", ending, false)
	g.clock.move(20 * time.Minute)
	if err := g.sessions.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	g.fault.down.Store(true)
	g.clock.move(30 * time.Minute)
	passes("before the store counts as lost", known, false)
	if err := g.sessions.Ready(ctx); errors.Is(err, store.ErrGrace) || err == nil {
		t.Errorf("ready: %v", err)
	}
	g.clock.move(90 * time.Minute) // known was read more than its lifetime ago, and was fresh when the store was lost
	passes("known", known, true)
	passes("again", known, true)
	refused("not fresh when the store was lost", stale.Hash, errDown)
	refused("never used here", other.Hash, errDown)
	refused("made up", token.Hash{1, 2, 3}, errDown)
	if _, err := g.sessions.Get(cache.WithoutLoading(ctx), known.Hash); !errors.Is(err, cache.ErrNotKept) {
		t.Errorf("who does not wait is given %v", err)
	}
	if err := g.sessions.Ready(ctx); !errors.Is(err, store.ErrGrace) || !errors.Is(err, errDown) {
		t.Errorf("ready: %v", err)
	}
	if _, err := g.db.RevokeToken(ctx, known.ID, store.Cause{Reason: "elsewhere", At: g.clock.now()}); err != nil {
		t.Fatal(err)
	}
	passes("revoked elsewhere, which nobody here can know", known, true)
	g.clock.move(2 * time.Hour)
	refused("expired meanwhile", ending.Hash, store.ErrExpired)
	g.clock.move(8 * time.Hour)
	refused("after the grace", known.Hash, errDown)
	if err := g.sessions.Ready(ctx); errors.Is(err, store.ErrGrace) || err == nil {
		t.Errorf("ready: %v", err)
	}
	g.fault.down.Store(false)
	if err := g.sessions.Sync(ctx); err != nil {
		t.Fatal(err)
	}
	refused("as soon as the store is back", known.Hash, store.ErrRevoked)
	passes("other", other, false)
}

// Without a grace nothing goes on, and what is kept is not kept longer.
func TestNoGrace(t *testing.T) {
	g := newGateway(t, func(o *store.SessionOptions) { o.FreshWithin = time.Hour })
	r := g.token(t)
	if _, err := g.sessions.Get(t.Context(), r.Hash); err != nil {
		t.Fatal(err)
	}
	g.fault.down.Store(true)
	g.clock.move(61 * time.Minute)
	if _, err := g.sessions.Get(t.Context(), r.Hash); !errors.Is(err, errDown) {
		t.Errorf("%v", err)
	}
}

// A change whose outcome is not known ends the grace on its node: it may have been made.
func TestAChangeEndsTheGrace(t *testing.T) {
	g := newGateway(t, func(o *store.SessionOptions) { o.TTL, o.FreshWithin, o.Grace = time.Hour, time.Minute, 10*time.Hour })
	r := g.token(t)
	if _, err := g.sessions.Get(t.Context(), r.Hash); err != nil {
		t.Fatal(err)
	}
	g.fault.down.Store(true)
	g.clock.move(2 * time.Minute)
	if err := g.change(t.Context(), r.ID, store.Store.PauseToken); err != nil {
		t.Fatal(err)
	}
	if _, err := g.sessions.Get(t.Context(), r.Hash); !errors.Is(err, errDown) {
		t.Errorf("%v", err)
	}
}

// A clock that is too far from the database's is told, once when it begins.
func TestAClockThatIsWrong(t *testing.T) {
	var told []string
	g := newGateway(t, func(o *store.SessionOptions) { o.Report = func(err error) { told = append(told, err.Error()) } })
	g.fault.clocked.Store(true)
	ctx := t.Context()
	for _, step := range []struct {
		name  string
		by    time.Duration
		wrong bool
	}{
		{"right", 0, false}, {"a little ahead", time.Second, false}, {"an hour ahead", time.Hour, true}, {"still", 0, true},
		{"right again", -time.Hour, false}, {"an hour behind", -time.Hour, true}, {"right at last", time.Hour, false},
	} {
		g.clock.move(step.by)
		if err := g.sessions.Sync(ctx); err != nil {
			t.Fatal(err)
		}
		if err := g.sessions.Clock(ctx); errors.Is(err, store.ErrClock) != step.wrong {
			t.Errorf("%s: %v, skew %s", step.name, err, g.sessions.Skew())
		}
	}
	if all := strings.Join(told, "\n"); len(told) != 2 || !strings.Contains(all, "ahead of") || !strings.Contains(all, "behind") {
		t.Errorf("told: %q", told)
	}
}
