package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/forge"
	"patgate/store"
)

// A session is good on every node and after a restart, with all that it had, and ends on all of them.
func TestASessionIsOfTheFleet(t *testing.T) {
	w := newWorld(t)
	one, two := w.node(t, nil), w.node(t, nil)
	cookie := begin(t, one, 42)
	here, there := find(t, one, cookie), find(t, two, cookie)
	if here == nil || there == nil || there.UserID != 42 || there.CSRF != here.CSRF || !there.SameForm(here.CSRF) || there.SameForm("") {
		t.Fatalf("%+v, %+v", here, there)
	}
	o, due := there.Owner(one.o.Now())
	if o.UserID() != 42 || o.Username() != "alice" || len(o.Scopes()) != 1 || !due {
		t.Errorf("%+v, %v: what another node was told is not asked again", o, due)
	}
	if _, due := here.Owner(one.o.Now()); due {
		t.Error("the node that has just asked the forge asks again")
	}
	there.Confirmed(o, one.o.Now())
	if _, due := find(t, two, cookie).Owner(one.o.Now()); due {
		t.Error("it asks the forge with each page")
	}
	if err := two.End(t.Context(), cookie); err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]*Sessions{"there": one, "here": two, "after a restart": w.node(t, nil)} {
		if s := find(t, a, cookie); s != nil {
			t.Errorf("%s: it has not ended", name)
		}
	}
	if _, _, err := here.Once(t.Context(), "form"); !errors.Is(err, store.ErrUnknownSignIn) {
		t.Errorf("a page that was under way makes a token: %v", err)
	}
}

func TestAFormIsSentOnce(t *testing.T) {
	w := newWorld(t)
	one, two := w.node(t, nil), w.node(t, nil)
	cookie := begin(t, one, 42)
	once := func(a *Sessions, wantID int64, wantBefore bool) {
		t.Helper()
		id, before, err := find(t, a, cookie).Once(t.Context(), "form")
		if err != nil || id != wantID || before != wantBefore {
			t.Errorf("%d, %v, %v", id, before, err)
		}
	}
	once(one, 0, false)
	once(two, 0, true)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	// The browser has gone.
	if err := find(t, one, cookie).Ended(gone, "form", nil, tokens.ErrForbidden); err != tokens.ErrForbidden {
		t.Errorf("%v", err)
	}
	once(two, 0, false)
	made := &tokens.Created{}
	made.ID = 7
	if err := find(t, two, cookie).Ended(gone, "form", made, nil); err != nil {
		t.Error(err)
	}
	once(one, 7, true)
}

// A form can be sent again when it is certain that nothing came of it, and not when that is not known.
func TestWhatIsKnownToHaveBeenRefused(t *testing.T) {
	w := newWorld(t)
	a := w.node(t, nil)
	s := find(t, a, begin(t, a, 42))
	for i, c := range []struct {
		err   error
		known bool
	}{
		{&terms.Invalid{}, true},
		{fmt.Errorf("it is: %w", tokens.ErrConflict), true},
		{tokens.ErrUnknownCaller, true},
		{tokens.ErrForbidden, true},
		{tokens.ErrNotFound, true},
		{tokens.ErrContainer, true},
		{forge.ErrBudget, true},
		{forge.ErrCredential, true},
		{fmt.Errorf("%w: %w", forge.ErrTimeout, context.DeadlineExceeded), true},
		{forge.ErrUnavailable, true},
		{store.ErrNoRoom, true},
		{fmt.Errorf("storing: %w", store.ErrUnreachable), false},
		{fmt.Errorf("%w: %w", tokens.ErrConflict, store.ErrUnreachable), false},
		{store.ErrMoved, false},
		{store.ErrLocked, false},
		{context.Canceled, false},
		{context.DeadlineExceeded, false},
		{errFails, false},
	} {
		name := fmt.Sprint("form ", i)
		if _, before, err := s.Once(t.Context(), name); err != nil || before {
			t.Fatalf("%v, %v", before, err)
		}
		err := s.Ended(t.Context(), name, nil, c.err)
		if !errors.Is(err, c.err) || errors.Is(err, ErrUnknown) == c.known {
			t.Errorf("%v: %v", c.err, err)
		}
		if _, before, err := s.Once(t.Context(), name); err != nil || before == c.known {
			t.Errorf("%v: sent before: %v, %v", c.err, before, err)
		}
	}
}

// A notice is for the page that comes next, and not for one that is loaded here long after that was loaded elsewhere.
func TestANoticeIsShownSoonOrNever(t *testing.T) {
	w := newWorld(t)
	a := w.node(t, nil)
	cookie := begin(t, a, 42)
	for _, c := range []struct {
		after time.Duration
		want  string
	}{{0, "done"}, {8 * time.Second, "done"}, {12 * time.Second, ""}} {
		find(t, a, cookie).Say("done")
		w.pass(c.after)
		if got := find(t, a, cookie).Heard(); got != c.want {
			t.Errorf("after %s: %q", c.after, got)
		}
		if got := find(t, a, cookie).Heard(); got != "" {
			t.Errorf("once more: %q", got)
		}
	}
}

// What is used stays, what is not ends, everything ends after a time; and use is stored now and then.
func TestHowLongSessionsLive(t *testing.T) {
	w := newWorld(t)
	kept := &failing{SignIns: w.store}
	a := w.node(t, func(o *Options) { o.Store = kept })
	cookie := begin(t, a, 42)
	for range 16 {
		w.pass(29 * time.Minute)
		for range 5 {
			if find(t, a, cookie) == nil {
				t.Fatal("it has ended")
			}
			w.pass(time.Second)
		}
	}
	if n := kept.touches.Load(); n != 16 {
		t.Errorf("its use was stored %d times", n)
	}
	w.pass(20 * time.Minute)
	if find(t, a, cookie) != nil {
		t.Error("it outlives its time")
	}
	cookie = begin(t, a, 42)
	w.pass(30 * time.Minute)
	if find(t, a, cookie) != nil {
		t.Error("it does not end when nobody uses it")
	}
	short := w.node(t, func(o *Options) { o.Lifetime = time.Hour })
	cookie = begin(t, a, 42)
	w.pass(25 * time.Minute)
	find(t, a, cookie)
	w.pass(25 * time.Minute)
	find(t, a, cookie)
	w.pass(10 * time.Minute)
	if find(t, short, cookie) != nil || find(t, a, cookie) == nil {
		t.Error("a node that was started with a shorter life takes it for longer")
	}
}

// What nobody comes back to is dropped with what is sealed, and what this node remembers of it.
func TestSessionsThatAreOverAreDropped(t *testing.T) {
	w := newWorld(t)
	a := w.node(t, nil)
	gone := begin(t, a, 42)
	w.pass(20 * time.Minute)
	stays := begin(t, a, 42)
	w.pass(10 * time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { a.Tend(ctx); close(done) }()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := w.store.SignIn(t.Context(), idOf(gone)); errors.Is(err, store.ErrUnknownSignIn) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("it is kept")
		}
	}
	cancel()
	<-done
	if find(t, a, stays) == nil {
		t.Error("one that is used is dropped")
	}
	if a.memory.sweep(a.o.Now()); len(a.memory.all) > 1 {
		t.Errorf("%d are remembered", len(a.memory.all))
	}
}

// However many sessions a node sees, it remembers so many.
func TestWhatANodeRemembersIsBounded(t *testing.T) {
	var m memory
	m.all = map[[32]byte]*notes{}
	now := time.Now()
	for i := range 20 {
		m.of([32]byte{byte(i)}, now.Add(time.Duration(i)), 5)
	}
	if len(m.all) != 5 || m.all[[32]byte{15}] == nil || m.all[[32]byte{19}] == nil {
		t.Errorf("%d are kept", len(m.all))
	}
}

// Nobody is signed out, and nobody passes, while the store does not say who is signed in.
func TestAStoreThatDoesNotAnswer(t *testing.T) {
	w := newWorld(t)
	kept := &failing{SignIns: w.store}
	a := w.node(t, func(o *Options) { o.Store = kept })
	cookie := begin(t, a, 42)
	kept.read.Store(true)
	for range readsAtOnce + 1 {
		if s, err := a.Find(t.Context(), cookie); s != nil || !errors.Is(err, ErrStore) || !errors.Is(err, errFails) {
			t.Errorf("%+v, %v", s, err)
		}
	}
	kept.read.Store(false)
	kept.touch.Store(true)
	w.pass(2 * time.Minute)
	if find(t, a, cookie) == nil {
		t.Error("it ends because its use is not stored")
	}
	if said := w.faults(); len(said) != 1 || !errors.Is(said[0], errFails) || !errors.Is(said[0], ErrStore) {
		t.Errorf("reported: %v", said)
	}
	gone, cancel := context.WithCancel(t.Context())
	kept.touching = cancel // the browser goes
	if s, err := a.Find(gone, cookie); s == nil || err != nil {
		t.Errorf("%v, %v", s, err)
	}
	if said := w.faults(); len(said) != 0 || gone.Err() == nil {
		t.Errorf("reported of a browser that has gone: %v", said)
	}
	for _, made := range []string{"", "x", strings.Repeat("A", 42), strings.Repeat("A", 44)} {
		kept.read.Store(true)
		if s, err := a.Find(t.Context(), made); s != nil || err != nil {
			t.Errorf("the store is asked for %q: %v", made, err)
		}
	}
}

// The end of the sealing key signs everybody out; nodes go on under the new one without a restart.
func TestTheSealingKeyIsRotated(t *testing.T) {
	w := newWorld(t)
	one, two := w.node(t, nil), w.node(t, nil)
	cookie := begin(t, one, 42)
	ring := w.ring(t) // of the command that rotates
	if _, err := store.RotateKey(t.Context(), w.store, ring, time.Now()); err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]*Sessions{"one": one, "two": two, "after a restart": w.node(t, nil)} {
		if find(t, a, cookie) != nil {
			t.Errorf("%s: it outlives its key", name)
		}
	}
	cookie = begin(t, one, 42) // it has not read the new key yet
	if find(t, two, cookie) == nil {
		t.Error("a session under the new key is not taken")
	}
	if said := w.faults(); len(said) > 0 {
		t.Errorf("reported: %v", said)
	}
}

// An owner whom an operator removes, or whom the forge has blocked, is signed out.
func TestAnOwnerIsRemoved(t *testing.T) {
	w := newWorld(t)
	a := w.node(t, nil)
	for name, end := range map[string]func(int64) error{
		"removed": func(id int64) error {
			_, err := w.store.RemoveOwner(t.Context(), id, store.Cause{Reason: "gone", By: "cli", At: time.Now()})
			return err
		},
		"blocked": func(id int64) error {
			_, err := w.store.RevokeOwned(t.Context(), id, store.Cause{Reason: "blocked", By: "patgate", At: time.Now()})
			return err
		},
	} {
		o, err := w.store.PutOwner(t.Context(), store.Owner{Origin: origin, UserID: int64(100 + len(name)), Username: name,
			CreatedAt: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		cookie, other := begin(t, a, o.UserID), begin(t, a, 7)
		if err := end(o.ID); err != nil || find(t, a, cookie) != nil || find(t, a, other) == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
