package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"patgate/admin/tokens"
	"patgate/forge"
	"patgate/store"
	"patgate/store/seal"
	"patgate/token"
)

const (
	// patience bounds how long a page waits for the store.
	patience = 3 * time.Second
	// touchPatience bounds how long it waits to store that a session is used.
	touchPatience = time.Second
	// touched is how often, at the most, that is stored.
	touched = time.Minute
	// readsAtOnce bounds the sessions that are looked up at a time, so that made-up cookies take no connection from tokens.
	readsAtOnce = 4
	// tended is how often what is over is dropped, at the least.
	tended = 5 * time.Minute
)

// ErrStore says that the store does not tell who is signed in. Nobody is signed out by that, and nobody passes.
var ErrStore = errors.New("the store does not say who is signed in")

// Options say where sessions are kept, their bounds, and where time and chance come from. All are required.
type Options struct {
	Store   store.SignIns
	Keyring *seal.Keyring
	// Origin is that of the forge, to which alone the credentials go.
	Origin string
	// Idle is after how long without a request a session ends, Lifetime after how long in any case.
	Idle, Lifetime time.Duration
	// Most is how many there may be, MostOfUser how many of one forge user. The oldest go.
	Most, MostOfUser int
	Now              func() time.Time
	Random           io.Reader
	// Report is called with failures that no caller gets.
	Report func(error)
}

// Sessions are those who are signed in. It is safe for concurrent use.
type Sessions struct {
	o      Options
	joint  *seal.Joint
	memory memory
	turns  chan struct{} // of looking up
}

// New keeps sessions.
func New(o Options) *Sessions {
	return &Sessions{o: o, joint: o.Keyring.Joint("console sign-ins"), memory: memory{all: map[[32]byte]*notes{}},
		turns: make(chan struct{}, readsAtOnce)}
}

// failed marks a failure of the store. A session that has ended is not one, and a store without room keeps its own error.
func failed(err error) error {
	if err == nil || errors.Is(err, store.ErrUnknownSignIn) || errors.Is(err, store.ErrNoRoom) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrStore, err)
}

// watched is how long a watcher's session lasts at most: the forge is not asked about it again.
const watched = time.Hour

// Begin makes a session for the owner of a credential that was just shown, and gives the cookie's value. A watcher's
// credential is not kept.
func (a *Sessions) Begin(ctx context.Context, o *tokens.Owner, credential token.Secret) (cookie string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if cookie, err = Random(a.o.Random); err != nil {
		return "", err
	}
	now, identity := a.o.Now(), o.Identity()
	lifetime := a.o.Lifetime
	if o.Watches() {
		credential, lifetime = token.Secret{}, min(lifetime, watched)
	}
	row := store.SignIn{ID: idOf(cookie), UserID: o.UserID(), MadeAt: now, UsedAt: now, EndsAt: now.Add(lifetime)}
	err = a.store(&row, cookie, &identity, credential, func() error {
		return a.o.Store.AddSignIn(ctx, row, store.SignInBounds{Idle: a.o.Idle, Most: a.o.Most, MostOfUser: a.o.MostOfUser})
	})
	if err != nil {
		return "", failed(err)
	}
	n := a.memory.of(row.ID, now, a.o.Most)
	n.mu.Lock()
	n.identity, n.checked = &identity, now
	n.mu.Unlock()
	return cookie, nil
}

// store seals a row and stores it. Where the sealing key was rotated meanwhile, it is read and the row sealed once more.
func (a *Sessions) store(row *store.SignIn, cookie string, identity *forge.Identity, credential token.Secret,
	put func() error) error {
	for again := false; ; again = true {
		if err := a.seal(row, cookie, identity, credential); err != nil {
			return err
		}
		err := put()
		if !errors.Is(err, store.ErrKeyRetired) || again {
			return err
		}
		if err := a.o.Keyring.Reload(); err != nil {
			return fmt.Errorf("reading the sealing keys again: %w", err)
		}
	}
}

// over tells whether a session has ended by the clock.
func (a *Sessions) over(r *store.SignIn, now time.Time) bool {
	return now.Sub(r.UsedAt) >= a.o.Idle || now.Sub(r.MadeAt) >= a.o.Lifetime || !now.Before(r.EndsAt)
}

// Find gives the session of a cookie; nil when there is none any more. It asks the store each time, so a session that was ended
// on any node has ended here. When the store does not answer, the error is ErrStore.
func (a *Sessions) Find(ctx context.Context, cookie string) (*Session, error) {
	if len(cookie) != cookieLength {
		return nil, nil
	}
	id := idOf(cookie)
	row, err := a.read(ctx, id)
	switch {
	case errors.Is(err, store.ErrUnknownSignIn):
		a.memory.forget(id)
		return nil, nil
	case err != nil:
		return nil, err
	}
	now := a.o.Now()
	if a.over(&row, now) {
		a.memory.forget(id)
		return nil, nil
	}
	identity, credential, err := a.open(&row, cookie)
	switch {
	case errors.Is(err, seal.ErrWrongKey):
		return nil, nil // the key was rotated, which signs everybody out
	case errors.Is(err, seal.ErrDamaged), errors.Is(err, store.ErrDamaged):
		a.o.Report(fmt.Errorf("opening a session of user %d, which is refused: %w", row.UserID, err))
		return nil, nil
	case err != nil:
		return nil, failed(err)
	}
	if now.Sub(row.UsedAt) >= min(touched, a.o.Idle/10) && !a.touch(ctx, row, cookie, &identity, credential, now) {
		return nil, nil
	}
	return &Session{UserID: row.UserID, CSRF: FormToken(cookie, "session"), all: a, id: id, identity: identity,
		credential: credential, notes: a.memory.of(id, now, a.o.Most)}, nil
}

// read reads a session's row, when it is its turn.
func (a *Sessions) read(ctx context.Context, id store.SignInID) (store.SignIn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case a.turns <- struct{}{}:
		defer func() { <-a.turns }()
	case <-ctx.Done():
		return store.SignIn{}, failed(ctx.Err())
	}
	row, err := a.o.Store.SignIn(ctx, id)
	return row, failed(err)
}

// touch stores that a session is used; false when it has ended meanwhile. When the store does not take it, the session ends
// earlier.
func (a *Sessions) touch(ctx context.Context, row store.SignIn, cookie string, identity *forge.Identity, credential token.Secret,
	now time.Time) bool {
	within, cancel := context.WithTimeout(ctx, touchPatience)
	defer cancel()
	row.UsedAt = now
	err := a.store(&row, cookie, identity, credential, func() error { return a.o.Store.TouchSignIn(within, row) })
	if err != nil && !errors.Is(err, store.ErrUnknownSignIn) {
		if ctx.Err() == nil { // the browser has not gone
			a.o.Report(failed(err))
		}
		return true
	}
	return err == nil
}

// End ends the session of a cookie, on every node. One that is not there is no error.
func (a *Sessions) End(ctx context.Context, cookie string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if len(cookie) != cookieLength {
		return nil
	}
	id := idOf(cookie)
	a.memory.forget(id)
	return failed(a.o.Store.EndSignIn(ctx, id))
}

// Tend drops what is over, although nobody comes by, until the context is done.
func (a *Sessions) Tend(ctx context.Context) {
	tick := time.NewTicker(max(time.Second, min(tended, a.o.Idle)))
	defer tick.Stop()
	for {
		if err := a.Sweep(ctx); err != nil && ctx.Err() == nil {
			a.o.Report(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Sweep drops once what Tend drops.
func (a *Sessions) Sweep(ctx context.Context) error {
	now := a.o.Now()
	a.memory.sweep(now.Add(-a.o.Idle))
	for {
		dropped, err := a.o.Store.ForgetSignIns(ctx, now, a.o.Idle)
		if err != nil || dropped == 0 {
			return err
		}
	}
}
