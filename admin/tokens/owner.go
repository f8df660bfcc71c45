package tokens

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"patgate/admin/catalogue"
	"patgate/forge"
	"patgate/store"
	"patgate/token"
)

// Owner is a forge user who shows a credential of his own that the forge has identified.
type Owner struct {
	identity forge.Identity
	secret   token.Secret
	// remembered: the credential was presented a while ago, and is kept for this caller.
	remembered bool
	// watches: the forge has named this caller, and no credential is kept.
	watches bool
}

// Identify asks the forge whose credential this is. It takes an active legacy personal access token with the scopes that
// patgate needs; an administrator's where allowed. Errors are ErrUnknownCaller, ErrForbidden and those of the forge.
func Identify(ctx context.Context, f Forge, credential token.Secret, allowAdmins bool) (*Owner, error) {
	id, err := f.Identify(ctx, credential)
	switch {
	case errors.Is(err, forge.ErrCredentialKind):
		return nil, refuse(ErrForbidden, "a legacy personal access token is needed: job, deploy, OAuth and fine-grained tokens "+
			"make no tokens")
	case errors.Is(err, forge.ErrCredential):
		return nil, refuse(ErrUnknownCaller, "%v", err)
	case err != nil:
		return nil, err
	}
	if err := acceptable(&id, allowAdmins); err != nil {
		return nil, err
	}
	return &Owner{identity: id, secret: credential}, nil
}

// Owner identifies the owner of a credential.
func (s *Service) Owner(ctx context.Context, credential token.Secret) (*Owner, error) {
	return Identify(ctx, s.o.Forge, credential, s.o.AllowAdminOwners)
}

// acceptable tells, by an ErrForbidden, why nothing is done on the word of such a credential, nor is it sealed.
func acceptable(id *forge.Identity, allowAdmins bool) error {
	switch {
	case id.Kind != forge.CredentialPersonal:
		return refuse(ErrForbidden, "the forge credential is not a legacy personal access token but %s "+
			"(fix: make one with the scope api or read_api)", id.Kind)
	case !id.Active:
		return refuse(ErrForbidden, "the forge credential is expired or revoked (fix: make a new one)")
	case !id.Asks:
		return refuse(ErrForbidden, "the forge credential has the scopes %s; patgate needs %s to ask the forge for projects",
			strings.Join(id.Scopes, ", "), id.Needs)
	}
	return administers(id, allowAdmins)
}

// administers tells, by an ErrForbidden, that a credential reaches everything at the forge.
func administers(id *forge.Identity, allowed bool) error {
	const allow = "use another token, or set tokens.allow_admin_owners"
	switch {
	case allowed:
		return nil
	case id.HasScope("sudo"):
		return refuse(ErrForbidden, "the forge credential has the scope sudo and could act as anybody (fix: %s)", allow)
	case id.HasScope("admin_mode"):
		return refuse(ErrForbidden, "the forge credential has the scope admin_mode and could change the forge itself "+
			"(fix: %s)", allow)
	case id.Admin:
		return refuse(ErrForbidden, "%s is an administrator of the forge, so the credential reaches everything there (fix: %s)",
			id.Username, allow)
	}
	return nil
}

// Remembered gives an owner whose credential is kept, as in a web session, with what the forge said about it. This caller
// lists, narrows, pauses and revokes; what gives power (making, widening, rotating, resuming) is ErrAgain.
func Remembered(identity forge.Identity, credential token.Secret) *Owner {
	return &Owner{identity: identity, secret: credential, remembered: true}
}

// Again makes a remembered owner an owner once more, on a credential that is presented now and is the same user's.
func (s *Service) Again(ctx context.Context, o *Owner, credential token.Secret) (*Owner, error) {
	fresh, err := s.Owner(forge.On(ctx, o.UserID(), 0), credential)
	if err != nil {
		return nil, err
	}
	if fresh.UserID() != o.UserID() {
		return nil, refuse(ErrForbidden, "that is a credential of %s, and you are signed in as %s",
			fresh.Username(), o.Username())
	}
	return fresh, nil
}

// Still asks the forge whether it still takes a remembered owner's credential, and gives the owner as the forge names it now.
func (s *Service) Still(ctx context.Context, o *Owner) (*Owner, error) {
	fresh, err := s.Again(ctx, o, o.secret)
	if err != nil {
		return nil, err
	}
	return Remembered(fresh.identity, fresh.secret), nil
}

// Watcher gives a user whom the forge has named and whose credential is not kept. This caller looks, pauses and revokes; all
// else is ErrAgain, or needs the credential of an owner.
func Watcher(identity forge.Identity) *Owner {
	return &Owner{identity: identity, remembered: true, watches: true}
}

// SignIn identifies the user who signs in with a credential. An administrator of the forge, who can make nothing, is a Watcher.
func (s *Service) SignIn(ctx context.Context, credential token.Secret) (*Owner, error) {
	o, err := Identify(ctx, s.o.Forge, credential, true)
	if err == nil && administers(&o.identity, s.o.AllowAdminOwners) != nil {
		return Watcher(o.identity), nil
	}
	return o, err
}

// Watches tells that no credential of the caller's is kept.
func (o *Owner) Watches() bool { return o.watches }

// MayMake gives an ErrForbidden when the signed-in user may make no tokens.
func (s *Service) MayMake(o *Owner) error { return administers(&o.identity, s.o.AllowAdminOwners) }

// shown tells, by ErrAgain, that there is no credential with which the forge could be asked.
func (o *Owner) shown() error {
	if o.watches {
		return ErrAgain
	}
	return nil
}

// present tells, by ErrAgain, that a remembered owner's word is not enough for what gives power.
func present(c Caller) error {
	if o, ok := c.(*Owner); ok && o.remembered {
		return ErrAgain
	}
	return nil
}

// Identity is what the forge said about the credential.
func (o *Owner) Identity() forge.Identity { return o.identity }

// UserID is the forge user's id.
func (o *Owner) UserID() int64 { return o.identity.UserID }

// Username is the forge user's name.
func (o *Owner) Username() string { return o.identity.Username }

// Scopes are those of the credential.
func (o *Owner) Scopes() []string { return slices.Clone(o.identity.Scopes) }

func (o *Owner) by() string    { return "user:" + strconv.FormatInt(o.UserID(), 10) }
func (o *Owner) words() string { return o.Username() }

func (o *Owner) administrates(s *Service) bool {
	return slices.Contains(s.o.Administrators, o.UserID())
}

func (o *Owner) find(ctx context.Context, s *Service, id int64) (store.Listed, error) {
	l, err := s.read(ctx, id)
	if err == nil && !o.administrates(s) && !s.belongs(&l, o.UserID()) {
		return store.Listed{}, ErrNotFound
	}
	return l, err
}

func (o *Owner) ending(ctx context.Context, s *Service, id int64) (store.Listed, error) {
	l, err := o.find(ctx, s, id)
	if err == nil && !o.administrates(s) && !o.watches { // the forge has named a watcher, whatever the credential could do
		err = o.Vouch(ctx, s, &l)
	}
	return l, err
}

func (o *Owner) own(ctx context.Context, s *Service, id int64) (store.Listed, error) {
	l, err := o.find(ctx, s, id)
	if err == nil && !s.belongs(&l, o.UserID()) {
		return store.Listed{}, refuse(ErrForbidden, "administrators of patgate may only pause and revoke the tokens of others")
	}
	if err == nil {
		err = o.shown()
	}
	return l, err
}

func (o *Owner) authority(ctx context.Context, s *Service, q *Creation) (*binding, error) {
	return s.bind(ctx, o, q.CredentialID, q.Seal)
}

// Vouch tells, by an error, whether the owner's word counts for a token: the credential must reach as far as the one that
// the token is bound to, or a weak credential would come by a strong one through it.
func (o *Owner) Vouch(ctx context.Context, s *Service, l *store.Listed) error {
	if !s.belongs(l, o.UserID()) {
		return ErrNotFound
	}
	bound, err := s.o.Store.Credential(ctx, l.CredentialID)
	if err != nil {
		return err
	}
	if beyond := catalogue.Broader(bound.Scopes, o.identity.Scopes); len(beyond) > 0 {
		return refuse(ErrForbidden, "the token is bound to a forge credential with the scopes %s, and yours lacks %s: "+
			"use one with the same scopes", strings.Join(bound.Scopes, ", "), strings.Join(beyond, ", "))
	}
	return nil
}
