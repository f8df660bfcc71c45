package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"patgate/cache"
	"patgate/policy"
	"patgate/routes"
	"patgate/store/seal"
	"patgate/token"
	"patgate/token/limits"
)

// FreshWithin is how long after the last good poll a cached session may be used, unless the options say otherwise. Within this
// time a stored change is in force on every node.
const FreshWithin = time.Second

// SessionOptions says how Sessions caches. Store, Keyring and Catalogue are required.
type SessionOptions struct {
	Store     Store
	Keyring   *seal.Keyring
	Catalogue func() *routes.Catalogue // the catalogue of the current route table; called on every Get

	// ReportMode gives the permissions that pass in report mode, by the numbers of a catalogue; false when the route table has
	// another catalogue by now. Nil: there is no report mode, and every grant is enforced.
	ReportMode func(*routes.Catalogue) (routes.PermissionSet, bool)

	// Ceilings gives those that every grant is held to; called on every Get. Nil: there are none.
	Ceilings func() *policy.Ceilings

	MaxEntries int64         // tokens kept; 100,000 when zero
	TTL        time.Duration // longest time without reading the store; a minute when zero
	MaxUnknown int64         // unknown tokens remembered; 8,192 when zero
	UnknownTTL time.Duration // how long; 10 s when zero
	Poll       time.Duration // how often the change sequence is read; 250 ms when zero
	Patience   time.Duration // how long one read of the store may take; 3 s when zero
	// Grace is how long, while the store cannot be reached, sessions are still given that were fresh before; 0 is not at all.
	Grace       time.Duration
	FreshWithin time.Duration // nothing cached counts as fresh this long after the last good poll; the constant when zero
	Now         func() time.Time
	// Report gets failures of polls in the background. It must not block. It may be nil.
	Report func(error)
}

// Sessions gives the session of a token's hash: its record, its grant compiled against the current catalogue, and its
// owner's credential, opened. It reads through a bounded cache.
//
// What holds: a change made through Sessions is in force on this node when the call returns, even while a read that
// began earlier is under way; a change made by another process is in force after the next poll; and when the store could
// not be polled for FreshWithin, every Get reads the store itself, or fails, but for what Grace lets pass. Each Get judges
// validity by the clock.
type Sessions struct {
	o         SessionOptions
	known     *cache.Cache[token.Hash, *session]
	unknown   *cache.Cache[token.Hash, struct{}] // apart, so that made-up tokens cannot push real ones out
	start     time.Time
	polled    atomic.Int64 // when the last good poll began, in nanoseconds since start
	catalogue atomic.Pointer[routes.Catalogue]
	ceilings  atomic.Pointer[policy.Ceilings]

	wentBack atomic.Int64          // how often the change sequence did
	lost     atomic.Pointer[error] // why the store cannot be reached, since a poll has found that; nil when it can
	graced   atomic.Int64          // how many sessions Grace let pass

	polling  sync.Mutex
	sequence int64 // newest change that the caches know of; guarded by polling
	keysRead bool  // since that change; guarded by polling

	background context.Context // ends with Close
	stop       context.CancelFunc
	running    sync.WaitGroup
}

// session is what the cache holds of a token. It is not changed after it was made.
type session struct {
	token.Session
	catalogue *routes.Catalogue
	ceilings  *policy.Ceilings
	// until is when the token is too old for one of the ceilings that it is not too old for yet; zero for never.
	until time.Time
	// refused is why the token cannot be used whatever its validity; nil for most.
	refused error
	// bare sessions have no grant and no credential, because the token was not valid when it was read.
	bare bool
}

// NewSessions reads the change sequence once, which must succeed, and starts polling.
func NewSessions(ctx context.Context, o SessionOptions) (*Sessions, error) {
	if o.Store == nil || o.Keyring == nil || o.Catalogue == nil {
		return nil, errors.New("making sessions: store, keyring and catalogue are required")
	}
	setDefault(&o.MaxEntries, 100_000)
	setDefault(&o.TTL, time.Minute)
	setDefault(&o.MaxUnknown, 8192)
	setDefault(&o.UnknownTTL, 10*time.Second)
	setDefault(&o.Poll, 250*time.Millisecond)
	setDefault(&o.Patience, 3*time.Second)
	setDefault(&o.FreshWithin, FreshWithin)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Report == nil {
		o.Report = func(error) {}
	}
	s := &Sessions{o: o, start: o.Now()}
	var err error
	s.known, err = cache.New[token.Hash, *session](cache.Options{
		Name:       "sessions",
		MaxEntries: o.MaxEntries,
		TTL:        o.TTL + o.Grace,
		Now:        o.Now,
	})
	if err != nil {
		return nil, err
	}
	s.unknown, err = cache.New[token.Hash, struct{}](cache.Options{
		Name: "unknown tokens", MaxEntries: o.MaxUnknown, TTL: o.UnknownTTL, NegativeTTL: o.UnknownTTL, Now: o.Now,
	})
	if err != nil {
		s.known.Close()
		return nil, err
	}
	if err := s.Sync(ctx); err != nil {
		s.known.Close()
		s.unknown.Close()
		return nil, err
	}
	s.background, s.stop = context.WithCancel(context.Background())
	s.running.Add(1)
	go s.pollLoop()
	return s, nil
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Get gives the session of a token that may be used now. The errors are ErrUnknownToken, ErrExpired,
// ErrRevoked (ErrRotated), ErrPaused, ErrCredentialInvalid, or a failure to read or open it, after which nothing may be
// forwarded. With ErrExpired, ErrRevoked and ErrPaused the session is given too, without grant and credential, to name the token
// for the record. The session is shared: it must not be changed. A hit allocates nothing.
func (s *Sessions) Get(ctx context.Context, hash token.Hash) (*token.Session, error) {
	return s.GetAt(ctx, hash, s.o.Now())
}

// GetAt is Get for a caller who has just read the clock, which is a third of what a hit costs. With a context of
// cache.WithoutLoading it asks nobody: a session that is not in the cache is cache.ErrNotKept.
func (s *Sessions) GetAt(ctx context.Context, hash token.Hash, now time.Time) (*token.Session, error) {
	catalogue := s.o.Catalogue()
	if s.catalogue.Load() != catalogue { // the route table was reloaded: grants hold numbers of the old catalogue
		s.known.InvalidateAll()
		s.catalogue.Store(catalogue)
	}
	if s.o.Ceilings != nil {
		if ceilings := s.o.Ceilings(); s.ceilings.Load() != ceilings { // as above: grants are held to the old ones
			s.known.InvalidateAll()
			s.ceilings.Store(ceilings)
		}
	}
	e, graced, err := s.find(ctx, hash, catalogue, now)
	if err != nil {
		return nil, err
	}
	if graced { // it may have waited for the store
		now = s.o.Now()
	}
	if err := e.usable(&hash, now); err != nil {
		if !errors.Is(err, errReread) {
			return e.shown(err), err
		}
		if e, err = s.read(ctx, hash, -1); err != nil {
			return nil, err
		}
		graced = false
		if err := e.usable(&hash, now); err != nil {
			return e.shown(err), err
		}
	}
	if graced {
		marked := e.Session
		marked.StoreLost = true
		s.graced.Add(1)
		return &marked, nil
	}
	return &e.Session, nil
}

// find gives the session from the cache or the store. graced tells that the store cannot be reached, and that the session was
// fresh before.
func (s *Sessions) find(ctx context.Context, hash token.Hash, c *routes.Catalogue, now time.Time) (
	e *session, graced bool, err error) {
	maxAge := time.Duration(0)
	if s.o.Grace > 0 { // what is kept for longer is not fresh for longer
		maxAge = s.o.TTL
	}
	if !s.synced(now) {
		if maxAge = -1; s.o.Grace > 0 && s.lost.Load() != nil {
			if e := s.lately(hash, c, now); e != nil {
				return e, true, nil
			}
		}
	}
	e, found, ok := s.known.PeekAt(hash, maxAge, now)
	if ok && found && s.current(e, c) {
		return e, false, nil
	}
	if ok && found { // the new catalogue, or the new limits, have not reached the cache yet
		maxAge = -1
	}
	if e, err = s.read(ctx, hash, maxAge); errors.Is(err, ErrUnreachable) && s.o.Grace > 0 { // before a poll has found it
		if e := s.lately(hash, c, s.o.Now()); e != nil {
			return e, true, nil
		}
	}
	return e, false, err
}

// lately gives a session that was fresh when the last good poll began, as long as Grace lasts. Nil: there is none.
func (s *Sessions) lately(hash token.Hash, c *routes.Catalogue, now time.Time) *session {
	age := now.Sub(s.start) - time.Duration(s.polled.Load())
	if age < 0 || age > s.o.FreshWithin+s.o.Grace {
		return nil
	}
	e, found, ok := s.known.PeekAt(hash, s.o.TTL+age, now)
	if !ok || !found || !s.current(e, c) {
		return nil
	}
	return e
}

// errReread: the cached session was made when the token was not valid, and by the clock it is now.
var errReread = errors.New("session must be read again")

// usable tells, by an error, why the session may not be used at now.
func (e *session) usable(hash *token.Hash, now time.Time) error {
	if !e.Record.Hash.Equal(*hash) { // in constant time
		return ErrUnknownToken
	}
	if err := Usable(e.Record, now); err != nil {
		return err
	}
	if e.refused != nil {
		return e.refused
	}
	if e.bare || !e.until.IsZero() && !now.Before(e.until) {
		return errReread
	}
	return nil
}

// current tells whether a session was made by a catalogue and by the ceilings in force.
func (s *Sessions) current(e *session, c *routes.Catalogue) bool {
	return e.catalogue == c && (s.o.Ceilings == nil || e.ceilings == s.o.Ceilings())
}

// shown gives the part of a session that may be shown when its token cannot be used.
func (e *session) shown(err error) *token.Session {
	if errors.Is(err, ErrUnknownToken) || errors.Is(err, errReread) {
		return nil
	}
	c := e.Session
	c.Grant, c.ReportMode, c.Credential = nil, nil, token.Secret{}
	return &c
}

// synced tells whether the caches heard of all changes up to FreshWithin ago.
func (s *Sessions) synced(now time.Time) bool {
	age := now.Sub(s.start) - time.Duration(s.polled.Load())
	return age >= 0 && age <= s.o.FreshWithin
}

// read gives the session through the store.
func (s *Sessions) read(ctx context.Context, hash token.Hash, maxAge time.Duration) (*session, error) {
	if _, found, ok := s.unknown.Peek(hash, maxAge); ok && !found {
		return nil, ErrUnknownToken
	}
	e, found, err := s.known.Get(ctx, hash, maxAge, func(ctx context.Context) (*session, bool, error) {
		ctx, cancel := context.WithTimeout(ctx, s.o.Patience)
		defer cancel()
		mark := s.unknown.Mark()
		b, err := s.o.Store.TokenByHash(ctx, hash)
		if errors.Is(err, ErrUnknownToken) {
			s.unknown.Put(hash, mark, struct{}{}, false)
			return nil, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		e, err := s.open(ctx, &b)
		return e, err == nil, err
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, ErrUnknownToken
	}
	return e, nil
}

// open makes a session of what the store holds.
func (s *Sessions) open(ctx context.Context, b *Bound) (*session, error) {
	r := b.Record
	e := &session{catalogue: s.o.Catalogue(), Session: token.Session{
		TokenID: r.ID, TokenName: r.Name, OwnerUserID: b.Owner.UserID, Username: b.Owner.Username,
		CredentialID: b.Credential.ID, Scopes: b.Credential.Scopes, ExpiresAt: r.ExpiresAt, Record: &r,
	}}
	switch {
	case r.Validity(s.o.Now()) != token.Valid:
		e.bare = true
		return e, nil
	case !b.Owner.RemovedAt.IsZero() || b.Credential.Status != CredentialValid:
		e.bare = true
		e.refused = ErrCredentialInvalid
		return e, nil
	}
	grant, err := CompileStored(b.Owner.UserID, r.TableVersion, r.Scopes, e.catalogue)
	if err != nil {
		return nil, fmt.Errorf("compiling the grant of token %d: %w", r.ID, err)
	}
	grant = s.hold(e, grant)
	plain, err := s.o.Keyring.Unseal(b.Credential.Binding(&b.Owner), b.Credential.KeyID, b.Credential.Sealed)
	if err != nil {
		return nil, fmt.Errorf("opening credential %d: %w", b.Credential.ID, err)
	}
	e.Grant, e.Credential = grant, token.NewSecret(string(plain))
	clear(plain)
	if e.Limits, err = s.heldTo(ctx, &r); err != nil {
		return nil, err
	}
	e.ReportMode, err = s.reportMode(ctx, e)
	return e, err
}

// heldTo gives the limits of use of a token. For a token without limits that comes from no other, it reads nothing.
func (s *Sessions) heldTo(ctx context.Context, r *token.Record) (*limits.Held, error) {
	if r.Limits.Empty() && r.ParentID == 0 {
		return nil, nil
	}
	return HeldTo(ctx, s.o.Store, r.ID)
}

// hold holds the grant of a session to the ceilings in force.
func (s *Sessions) hold(e *session, grant *policy.Grant) *policy.Grant {
	if s.o.Ceilings == nil {
		return grant
	}
	e.ceilings = s.o.Ceilings()
	b := BearerAt(e.Record, s.o.Now())
	if age, turns := e.ceilings.Turns(b); turns {
		e.until = e.Record.Birth().Add(time.Duration(age) * time.Second)
	}
	return grant.Under(*e.ceilings, b)
}

// BearerAt gives what ceilings look at in a token at an instant.
func BearerAt(r *token.Record, now time.Time) policy.Bearer {
	return policy.Bearer{Age: int64(now.Sub(r.Birth()) / time.Second), Networks: r.Limits.Networks}
}

// reportMode gives report mode of a session.
func (s *Sessions) reportMode(ctx context.Context, e *session) (*token.ReportMode, error) {
	now := s.o.Now()
	if s.o.ReportMode == nil || !e.Record.Reports(now) {
		return nil, nil
	}
	passes, ok := s.o.ReportMode(e.catalogue)
	if !ok {
		return nil, nil
	}
	seen, err := s.o.Store.LastSeen(ctx, e.TokenID)
	if err != nil { // not as an error of a lost store: the store has just given the token
		return nil, fmt.Errorf("reading when token %d was last seen: %v", e.TokenID, err)
	}
	return token.NewReportMode(e.Record, e.Grant.ReportMode(passes), seen, now), nil
}

// Close stops. The store stays open.
func (s *Sessions) Close() error {
	s.stop()
	s.running.Wait()
	s.known.Close()
	s.unknown.Close()
	return nil
}
