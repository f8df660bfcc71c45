package tokens

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"patgate/policy"
	"patgate/routes"
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

// Check tells what is wrong with a request for a token, as far as that can be told before anybody is asked anything.
func Check(q Creation, t *routes.Table, l Lifetimes, now time.Time) error {
	l.setDefaults()
	_, err := draft(&q, t, now, l.Standard, l.longest(now))
	return err
}

// draft makes the record that a request asks for. Scopes have ids in place of paths only once the forge has been asked.
func draft(q *Creation, t *routes.Table, now time.Time, standard time.Duration, limit bound) (token.Record, error) {
	problems := &Invalid{}
	r := token.Record{Name: strings.TrimSpace(q.Name), Description: q.Description, CreatedAt: now, TableVersion: t.Version()}
	problems.text("name", r.Name, MaxName, true)
	problems.text("description", r.Description, MaxDescription, false)
	r.ExpiresAt = problems.end("expires_at", q.ExpiresAt, now, standard, limit)
	r.RenewUntil = problems.renewal(q.RenewUntil, now, r.ExpiresAt, limit)
	var err error
	if r.Scopes, err = problems.scopes(q.Scopes, t); err == nil {
		err = problems.Err()
	}
	return r, err
}

// Create makes a token. On an owner's word it may reach whatever the owner may; on another token's word only what that
// token may, for no longer than that token lives.
func (s *Service) Create(ctx context.Context, c Caller, q Creation) (*Created, error) {
	if err := present(c); err != nil {
		return nil, err
	}
	now := s.now()
	limit := s.o.Lifetimes.longest(now)
	maker, byToken := c.(holder)
	if byToken {
		if err := maker.lacks(s, "create_personal_access_token"); err != nil {
			return nil, err
		}
		limit = limit.within(maker.ExpiresAt, "the token that makes it expires then")
	}
	table := s.o.Table()
	r, err := draft(&q, table, now, s.o.Lifetimes.Standard, limit)
	if err != nil {
		return nil, err
	}
	b, err := c.authority(ctx, s, &q)
	if err != nil {
		return nil, err
	}
	_, patient := c.(operator)
	found, err := s.resolve(ctx, b.session(), q.Scopes, r.Scopes, patient)
	if err != nil {
		return nil, err
	}
	if byToken {
		r.TableVersion = min(r.TableVersion, maker.Grant.TableVersion)
	}
	grant, err := policy.Compile(b.owner.UserID, r.TableVersion, r.Scopes, table.Catalogue())
	if err != nil {
		return nil, invalid(err)
	}
	if byToken {
		if err := s.beyond(grant, maker.Grant, found, "the token that makes it"); err != nil {
			return nil, err
		}
	}
	return s.store(ctx, c, b, r, found.warnings)
}

// store seals what is to be sealed and stores the token.
func (s *Service) store(ctx context.Context, c Caller, b *binding, r token.Record, warnings []string) (*Created, error) {
	secret, hash, err := s.mint()
	if err != nil {
		return nil, err
	}
	out := &Created{Secret: secret, Warnings: warnings}
	maker, byToken := c.(holder)
	if !byToken {
		sealed, err := s.keep(ctx, b)
		if err != nil {
			return nil, err
		}
		if sealed {
			out.Warnings = append(out.Warnings, b.sealedNote())
		}
	}
	r.Hash, r.LastFour, r.OwnerID, r.CredentialID = hash, token.LastFour(secret), b.owner.ID, b.credential.ID
	err = s.change(ctx, func(ctx context.Context, st store.Store) (err error) {
		if !byToken {
			r, err = st.CreateToken(ctx, r)
			return err
		}
		r.ParentID = maker.TokenID
		r, err = st.CreateChild(ctx, r, maker.Record.Revision)
		return err
	})
	if err != nil {
		return nil, moved(err)
	}
	out.Warnings = append(append(out.Warnings, b.ends(&r)...), b.onlyReads(&r, s.o.Table())...)
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
func (e *Invalid) scopes(scopes []Scope, t *routes.Table) ([]policy.ScopeSpec, error) {
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
	return e.expandAll(scopes, t)
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
