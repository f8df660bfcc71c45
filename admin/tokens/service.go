package tokens

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"patgate/admin/marks"
	"patgate/admin/names"
	"patgate/admin/terms"
	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
	"patgate/store/seal"
	"patgate/token"
)

// Forge answers the questions that a Service asks the forge.
type Forge interface {
	Resolve(ctx context.Context, s *token.Session, ref routes.Reference, maxAge time.Duration) (policy.Container, error)
	Identify(ctx context.Context, credential token.Secret) (forge.Identity, error)
}

// noForge is asked where no forge is given.
type noForge struct{}

var errNoForge = errors.New("the forge is not known here")

func (noForge) Resolve(context.Context, *token.Session, routes.Reference, time.Duration) (policy.Container, error) {
	return policy.Container{}, errNoForge
}

func (noForge) Identify(context.Context, token.Secret) (forge.Identity, error) {
	return forge.Identity{}, errNoForge
}

// Options say what a Service works with. Store is required. Without Table, Forge and Origin a Service lists, shows, pauses,
// resumes and revokes for operators.
type Options struct {
	Store store.Store
	// Keyring seals credentials; nil makes everything that needs one fail.
	Keyring *seal.Keyring
	// Change runs a change of the store and returns when it is in force here; nil runs it alone.
	Change func(ctx context.Context, f func(context.Context, store.Store) error) error
	Table  func() *routes.Table
	Forge  Forge
	// Origin is the forge's address, to which owners belong.
	Origin string

	Lifetimes terms.Lifetimes
	// AllowAdminOwners takes credentials of the forge's administrators, and those with the scopes sudo or admin_mode.
	AllowAdminOwners bool
	// AllowReportMode lets owners put their tokens into report mode.
	AllowReportMode bool
	// Ceilings gives those that every grant is held to when it is used; nil: there are none.
	Ceilings func() *policy.Ceilings
	// RegistryApart: the container registry is not behind patgate, and its clients use what the forge signs there.
	RegistryApart bool
	// Administrators are the forge user ids of those who may see and revoke everyone's tokens.
	Administrators []int64
	// Name stores what the places are called that a new token was given. The answer with the secret waits. Nil is names.Direct.
	Name names.Keep
	// Record, when not nil, is called after every change.
	Record func(Change)
	// Report, when not nil, is called with failures that did not keep an answer from being given.
	Report func(error)
	Now    func() time.Time
	Random io.Reader
}

// Change is something that was done to a token, for the log. It holds no secret and no name.
type Change struct {
	// created, rotated, edited, undone, revoked, family_revoked, trust_revoked, paused, resumed, confirmed, credential_sealed
	What    string
	TokenID int64
	OwnerID int64 // the forge user id
	By      string
	Reason  string
	// Other is the id of the token that took this one's place, or of the one that made it.
	Other int64
}

// Service does what this package is for. It is safe for concurrent use.
type Service struct {
	o     Options
	marks *marks.Keeper
}

// New makes a service.
func New(o Options) (*Service, error) {
	if o.Store == nil || o.Forge != nil && o.Origin == "" || o.Forge != nil && o.Table == nil {
		return nil, errors.New("making the token service: the store is required, and table, forge and origin together")
	}
	if o.Forge == nil {
		o.Forge = noForge{}
	}
	if o.Change == nil {
		o.Change = func(ctx context.Context, f func(context.Context, store.Store) error) error { return f(ctx, o.Store) }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Name == nil {
		o.Name = names.Direct(o.Store, o.Origin)
	}
	if o.Record == nil {
		o.Record = func(Change) {}
	}
	o.Lifetimes.SetDefaults()
	s := &Service{o: o}
	s.marks = marks.NewKeeper(o.Store, o.Table, s.now)
	return s, nil
}

// now gives the time to the millisecond, as it is stored.
func (s *Service) now() time.Time { return s.o.Now().UTC().Truncate(time.Millisecond) }

// Units gives what tokens and credentials of the forge's own were seen to do. The caller checks who may see it.
func (s *Service) Units() store.Subjects { return s.o.Store }

// Marks is the keeper of the tokens' marks.
func (s *Service) Marks() *marks.Keeper { return s.marks }

// Judging tells whether there are tokens that were not judged yet, so that lists by badge may lack some.
func (s *Service) Judging(ctx context.Context) (bool, error) { return s.o.Store.Unjudged(ctx) }

// Origin is the forge's address.
func (s *Service) Origin() string { return s.o.Origin }

// Now gives the service's clock.
func (s *Service) Now() time.Time { return s.now() }

// Table gives the present route table.
func (s *Service) Table() *routes.Table { return s.o.Table() }

// MaxLifetime is how long a token may live at most.
func (s *Service) MaxLifetime() time.Duration { return s.o.Lifetimes.Longest }

// StandardLifetime is how long a token lives when nothing is said.
func (s *Service) StandardLifetime() time.Duration { return s.o.Lifetimes.Standard }

// MaxGrace is for how long the old secret of a rotated token may still work at most.
func (s *Service) MaxGrace() time.Duration { return s.o.Lifetimes.Grace }

// Change runs a change of the store, and returns when it is in force here.
func (s *Service) Change(ctx context.Context, f func(context.Context, store.Store) error) error {
	return s.o.Change(ctx, f)
}

// Recorded records a change that was made without the service.
func (s *Service) Recorded(c Change) { s.o.Record(c) }

// Ordered records what a caller ordered for several tokens (several_ordered), or the outcome (several_done).
func (s *Service) Ordered(c Caller, what, text string) {
	s.o.Record(Change{What: what, OwnerID: c.UserID(), By: c.by(), Reason: text})
}

// record records a change.
func (s *Service) record(what string, l *store.Listed, c Caller, reason string, other int64) {
	s.o.Record(Change{What: what, TokenID: l.ID, OwnerID: l.Owner.UserID, By: c.by(), Reason: reason, Other: other})
}

// mint makes a secret with its hash.
func (s *Service) mint() (token.Secret, token.Hash, error) {
	secret, err := token.Mint(s.o.Random)
	if err != nil {
		return token.Secret{}, token.Hash{}, fmt.Errorf("making a token: %w", err)
	}
	hash, err := token.Parse([]byte(secret.Reveal()))
	if err != nil {
		return token.Secret{}, token.Hash{}, fmt.Errorf("making a token: %w", err)
	}
	return secret, hash, nil
}
