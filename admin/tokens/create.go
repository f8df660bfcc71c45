package tokens

import (
	"context"
	"errors"
	"strings"
	"time"

	"patgate/admin/names"
	"patgate/admin/places"
	"patgate/admin/terms"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
	"patgate/token"
	"patgate/token/limits"
)

// Creation describes a new token.
type Creation struct {
	Name, Description string
	// ExpiresAt is a date, a time or a duration; empty is the standard lifetime.
	ExpiresAt string
	// RenewUntil is how far the token may be renewed on its own word, in the same forms; empty is until it expires.
	RenewUntil string
	// ReportUntil is until when the token is in report mode, in the same forms; empty is not at all.
	ReportUntil string
	Scopes      []terms.Scope
	Limits      limits.Spec
	// Seal has the forge credential of an owner's request kept sealed. CredentialID names a sealed one instead.
	Seal         bool
	CredentialID int64
	// Managed says which file the token is kept by; what it came to is filled in. Nil: it is made by hand.
	Managed *token.Managed
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
func Check(q Creation, t *routes.Table, l terms.Lifetimes, now time.Time) error {
	l.SetDefaults()
	_, err := draft(&q, t, now, l.Standard, l.LongestEnd(now), nil)
	return err
}

// draft makes the record that a request asks for. Scopes have ids in place of paths only once the forge has been asked.
func draft(q *Creation, t *routes.Table, now time.Time, standard time.Duration, limit terms.Bound,
	above *limits.Held) (token.Record, error) {
	problems := &terms.Invalid{}
	r := token.Record{Name: strings.TrimSpace(q.Name), Description: q.Description, CreatedAt: now, TableVersion: t.Version()}
	problems.Text("name", r.Name, terms.MaxName, true)
	problems.Text("description", r.Description, terms.MaxDescription, false)
	r.ExpiresAt = problems.End("expires_at", q.ExpiresAt, now, standard, limit)
	r.RenewUntil = problems.Renewal(q.RenewUntil, now, r.ExpiresAt, limit)
	if r.ReportUntil = problems.ReportMode(q.ReportUntil, now, time.Time{}, r.ExpiresAt); !r.ReportUntil.IsZero() {
		r.ReportFrom = now
	}
	r.Limits = problems.Limits("limits", q.Limits, above)
	var err error
	if r.Scopes, err = problems.Scopes(q.Scopes, t); err == nil {
		err = problems.Err()
	}
	return r, err
}

// Create makes a token. An owner may give it what the owner may do; a token no more than it has itself, nor a longer life.
func (s *Service) Create(ctx context.Context, c Caller, q Creation) (*Created, error) {
	if err := present(c); err != nil {
		return nil, err
	}
	now := s.now()
	limit := s.o.Lifetimes.LongestEnd(now)
	var above *limits.Held
	maker, byToken := c.(holder)
	if byToken {
		above = maker.Limits
		if err := maker.lacks(s, "create_personal_access_token"); err != nil {
			return nil, err
		}
		limit = limit.Within(maker.ExpiresAt, "the token that makes it expires then")
	}
	table := s.o.Table()
	r, err := draft(&q, table, now, s.o.Lifetimes.Standard, limit, above)
	if err != nil {
		return nil, err
	}
	if _, r.OwnersWord = c.(*Owner); !r.ReportUntil.IsZero() {
		if err := s.mayReport(c, &r); err != nil {
			return nil, err
		}
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
		return nil, terms.OfSpec(err)
	}
	if byToken {
		if err := s.beyond(grant, maker.Grant, found, "the token that makes it"); err != nil {
			return nil, err
		}
	}
	r.Managed = q.Managed.With(&r)
	return s.store(ctx, c, b, r, found)
}

// store seals the credential, if that is asked for, and stores the token.
func (s *Service) store(ctx context.Context, c Caller, b *binding, r token.Record, found *places.Found) (*Created, error) {
	secret, hash, err := s.mint()
	if err != nil {
		return nil, err
	}
	out := &Created{Secret: secret, Warnings: found.Warnings}
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
	err = s.Change(ctx, func(ctx context.Context, st store.Store) (err error) {
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
	out.Warnings = append(append(out.Warnings, b.ends(&r)...), terms.OnlyReads(b.credential.Scopes, &r, s.o.Table())...)
	if s.o.RegistryApart {
		out.Warnings = append(out.Warnings, terms.Unheld(&r)...)
	}
	out.Listed = store.Listed{Record: r, Owner: b.owner}
	out.Warnings = append(out.Warnings, names.Put(ctx, s.o.Name, &out.Listed, found.All(), s.now())...)
	s.marks.Made(ctx, r.ID)
	s.record("created", &out.Listed, c, terms.Changed(&out.Record, time.Time{}, &limits.Spec{}), r.ParentID)
	return out, nil
}

// CreateBound makes a token that acts with a sealed credential, for a caller that has checked that it may. by names the caller
// for the record, and put stores the token. A record that has a hash already is for a secret that somebody else has made.
func (s *Service) CreateBound(ctx context.Context, by string, owner store.Owner, credentialID int64, r token.Record,
	put func(context.Context, store.Store, token.Record) (token.Record, error)) (*Created, error) {
	b, err := operator(by).authority(ctx, s, &Creation{OwnerID: owner.ID, CredentialID: credentialID})
	if err != nil {
		return nil, err
	}
	out := &Created{}
	if r.Hash.IsZero() {
		if out.Secret, r.Hash, err = s.mint(); err != nil {
			return nil, err
		}
		r.LastFour = token.LastFour(out.Secret)
	}
	r.OwnerID, r.CredentialID = owner.ID, credentialID
	err = s.Change(ctx, func(ctx context.Context, st store.Store) (err error) { r, err = put(ctx, st, r); return err })
	if err != nil {
		return nil, err
	}
	out.Listed, out.Warnings = store.Listed{Record: r, Owner: b.owner}, b.ends(&r)
	s.record("created", &out.Listed, operator(by), r.Description, 0)
	return out, nil
}

// moved turns the store's error for a change that came too late into the caller's.
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

// Missing says that a token lacks a permission on its owner's account, or that a ceiling forbids it. It is ErrForbidden.
type Missing struct {
	Permission string
	Ceiling    *policy.Ceiling
}

// Error gives the refusal in words.
func (e *Missing) Error() string {
	if e.Ceiling != nil {
		return e.Ceiling.Refusal()
	}
	return "the permission " + e.Permission + " is needed on the account (access: user)"
}

// Unwrap gives ErrForbidden.
func (*Missing) Unwrap() error { return ErrForbidden }

// Place finds the container of a reference as the owner of a new token sees it: the zero value where the owner sees none.
func (s *Service) Place(ctx context.Context, c Caller, q Creation, ref routes.Reference) (policy.Container, error) {
	if err := present(c); err != nil {
		return policy.Container{}, err
	}
	b, err := c.authority(ctx, s, &q)
	if err != nil {
		return policy.Container{}, err
	}
	return s.o.Forge.Resolve(ctx, b.session(), ref, 0)
}
