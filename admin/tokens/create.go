package tokens

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"patgate/policy"
	"patgate/store"
	"patgate/token"
)

// Limits of a request. Those of names and descriptions, in characters, are GitLab's own (constants.js, 19.3).
const (
	MaxName        = 200
	MaxDescription = 255
	maxScopes      = 1000
)

// Creation is what a new token is to be.
type Creation struct {
	Name, Description string
	// ExpiresAt is a date, a time or a duration; empty is the standard lifetime.
	ExpiresAt string
	// RenewUntil is how far the token may be renewed on its own word, in the same forms; empty is until it expires.
	RenewUntil string
	Scopes     []Scope
	// Seal has the forge credential of an owner's request kept sealed. CredentialID names a sealed one instead.
	Seal         bool
	CredentialID int64
	// OwnerID is the stored owner whom an operator's token acts for, with CredentialID.
	OwnerID int64
}

// Created is a new token with its secret, which is never seen again.
type Created struct {
	store.Listed
	Secret   token.Secret
	Warnings []string
}

// Create makes a token. On an owner's word it may reach whatever the owner may; on another token's word only what that
// token may, for no longer than that token lives.
func (s *Service) Create(ctx context.Context, c *Caller, q Creation) (*Created, error) {
	if err := c.giving(); err != nil {
		return nil, err
	}
	now := s.now()
	limit := s.longest(now)
	if c.session != nil {
		if !s.holds(c, "create_personal_access_token") {
			return nil, missing("create_personal_access_token")
		}
		limit = limit.within(c.session.ExpiresAt, "the token that makes it expires then")
	}
	table := s.o.Table()
	problems := &Invalid{}
	q.Name = strings.TrimSpace(q.Name)
	problems.text("name", q.Name, MaxName, true)
	problems.text("description", q.Description, MaxDescription, false)
	r := token.Record{Name: q.Name, Description: q.Description, CreatedAt: now, TableVersion: table.Version()}
	r.ExpiresAt = problems.end("expires_at", q.ExpiresAt, now, s.o.Lifetimes.Standard, limit)
	r.RenewUntil = problems.renewal(q.RenewUntil, now, r.ExpiresAt, limit)
	specs, err := problems.scopes(q.Scopes, s)
	if err == nil {
		err = problems.Err()
	}
	if err != nil {
		return nil, err
	}
	b, err := s.authority(ctx, c, &q)
	if err != nil {
		return nil, err
	}
	found, err := s.resolve(ctx, b.session(), q.Scopes, specs, c.operator != "")
	if err != nil {
		return nil, err
	}
	if c.session != nil {
		r.TableVersion = min(r.TableVersion, c.session.Grant.TableVersion)
	}
	grant, err := policy.Compile(b.owner.UserID, r.TableVersion, specs, table.Catalogue())
	if err != nil {
		if err := problems.scopeProblems(err); err != nil {
			return nil, err
		}
		return nil, problems
	}
	if c.session != nil {
		if err := s.beyond(grant, c.session.Grant, found, "the token that makes it"); err != nil {
			return nil, err
		}
	}
	r.Scopes = specs
	return s.store(ctx, c, b, r, found.warnings)
}

// authority finds what the new token will be bound to.
func (s *Service) authority(ctx context.Context, c *Caller, q *Creation) (*binding, error) {
	switch {
	case c.identity != nil:
		return s.bind(ctx, c, q.CredentialID, q.Seal)
	case c.session != nil:
		l, err := s.o.Store.Token(ctx, c.session.TokenID)
		if err != nil {
			return nil, err
		}
		return &binding{owner: l.Owner, credential: store.Credential{ID: l.CredentialID}, secret: c.session.Credential}, nil
	case c.operator != "":
		owner, err := s.o.Store.Owner(ctx, q.OwnerID)
		if err != nil {
			return nil, err
		}
		credential, err := s.o.Store.Credential(ctx, q.CredentialID)
		if err != nil {
			return nil, err
		}
		if credential.OwnerID != owner.ID {
			return nil, refuse(ErrForbidden, "credential %d is not %s's", credential.ID, owner.Username)
		}
		return s.sealed(ctx, owner, credential)
	}
	return nil, ErrUnknownCaller
}

// store seals what is to be sealed and stores the token.
func (s *Service) store(ctx context.Context, c *Caller, b *binding, r token.Record, warnings []string) (*Created, error) {
	secret, hash, err := s.mint()
	if err != nil {
		return nil, err
	}
	out := &Created{Secret: secret, Warnings: warnings}
	if c.session == nil {
		sealed, err := s.keep(ctx, b, c)
		if err != nil {
			return nil, err
		}
		if sealed {
			out.Warnings = append(out.Warnings, b.sealedNote())
		}
	}
	r.Hash, r.LastFour, r.OwnerID, r.CredentialID = hash, token.LastFour(secret), b.owner.ID, b.credential.ID
	err = s.change(ctx, func(ctx context.Context, st store.Store) (err error) {
		if c.session == nil {
			r, err = st.CreateToken(ctx, r)
			return err
		}
		r.ParentID = c.session.TokenID
		r, err = st.CreateChild(ctx, r, c.session.Record.Revision)
		return err
	})
	if err != nil {
		return nil, moved(err)
	}
	out.Warnings = append(out.Warnings, b.ends(&r)...)
	out.Listed = store.Listed{Record: r, Owner: b.owner}
	s.record("created", &out.Listed, c, "", r.ParentID)
	return out, nil
}

// moved turns what the store says of a change that came too late into what the caller is told.
func moved(err error) error {
	switch {
	case errors.Is(err, store.ErrUnknownToken):
		return ErrNotFound
	case errors.Is(err, store.ErrRotated):
		return refuse(ErrConflict, "the token was rotated already")
	case errors.Is(err, store.ErrRevoked):
		return refuse(ErrConflict, "the token is revoked")
	case errors.Is(err, store.ErrExpired):
		return refuse(ErrConflict, "the token has expired")
	case errors.Is(err, store.ErrPaused):
		return refuse(ErrConflict, "the token is paused")
	case errors.Is(err, store.ErrConflict):
		return refuse(ErrConflict, "the token was changed meanwhile: read it again")
	}
	return err
}

// missing is the refusal of a token that lacks a permission on its owner's account.
func missing(permission string) error { return &Missing{permission} }

// Missing says that a token lacks a permission on its owner's account. It is ErrForbidden.
type Missing struct{ Permission string }

// Error gives the refusal in words.
func (e *Missing) Error() string {
	return "the permission " + e.Permission + " is needed on the account (access: user)"
}

// Unwrap gives ErrForbidden.
func (*Missing) Unwrap() error { return ErrForbidden }

// text refuses names that are missing, too long or would garble a list.
func (e *Invalid) text(field, text string, limit int, required bool) {
	switch {
	case required && text == "":
		e.Add(field, "is missing: say what the token is for")
	case !utf8.ValidString(text):
		e.Add(field, "is not valid UTF-8")
	case utf8.RuneCountInString(text) > limit:
		e.Add(field, "has %d characters, at most %d are possible", utf8.RuneCountInString(text), limit)
	case strings.ContainsFunc(text, unicode.IsControl):
		e.Add(field, "has control characters in it")
	}
}

// scopes checks scopes and gives them with wildcards replaced.
func (e *Invalid) scopes(scopes []Scope, s *Service) ([]policy.ScopeSpec, error) {
	switch {
	case len(scopes) == 0:
		e.Add("granular_scopes", "a token needs at least one scope")
		return nil, nil
	case len(scopes) > maxScopes:
		e.Add("granular_scopes", "has %d scopes, at most %d are possible", len(scopes), maxScopes)
		return nil, nil
	}
	named := 0
	for i := range scopes {
		named += len(scopes[i].ProjectIDs) + len(scopes[i].GroupIDs) + len(scopes[i].Projects) + len(scopes[i].Groups)
	}
	if named > maxScopes {
		e.Add("granular_scopes", "name %d projects and groups, at most %d are possible", named, maxScopes)
		return nil, nil
	}
	return e.expandAll(scopes, s.o.Table())
}

// renewal reads how far a token may be renewed on its own word: not before it expires, and not beyond the bound.
func (e *Invalid) renewal(text string, now, expires time.Time, limit bound) time.Time {
	if text == "" {
		return expires
	}
	at, ok := ParseEnd(text, now)
	switch {
	case !ok:
		e.Add("renew_until", "%q is neither a date nor a duration like 15m, 12h or 30d", text)
	case at.After(limit.at):
		e.Add("renew_until", "is too late: %s", limit.why)
	case at.Before(expires):
		e.Add("renew_until", "lies before expires_at, %s", expires.Format(time.RFC3339))
	}
	return at
}
