package tokens

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"patgate/admin/names"
	"patgate/admin/places"
	"patgate/admin/terms"
	"patgate/policy"
	"patgate/store"
	"patgate/token"
	"patgate/token/limits"
)

// Changes says what to change in a token; nil fields stay.
type Changes struct {
	Name, Description     *string
	ExpiresAt, RenewUntil *string
	ReportUntil           *string // empty ends report mode
	// Managed says which file the token is kept by; what it came to is filled in.
	Managed *token.Managed
	Scopes  *[]terms.Scope
	Limits  *limits.Spec // whole; an empty one ends them
	// Add are scopes beside what the token holds when the edit is decided. Only an owner adds, and Scopes is nil then.
	Add *[]terms.Scope
	// Revision, when it is not 0, is that of the token as it was read: one that was changed since is not edited.
	Revision int64
	// ForGood: a narrowing is not kept to be undone, because the token or its forge credential leaked, say.
	ForGood bool
	// only is set by Narrow: Scopes stand by ids for what is left of those that the token had at Revision.
	only bool
}

// Edited is a token after an edit.
type Edited struct {
	store.Listed
	// Widened tells that it may do more, or for longer, than before.
	Widened bool
	// Revoked are tokens made below it that would have held more than it, and are revoked.
	Revoked  []int64
	Warnings []string
	found    *places.Found // when the scopes were given anew
}

// maxTries bounds how often an edit is decided anew because the token changed meanwhile.
const maxTries = 3

// Edit changes the name of a token and what it may do. Every caller who may change the token may narrow it. Widening, in
// permissions, places, constraints or time, needs a forge credential of the owner that reaches as far as the token's. Tokens
// that were made below it never keep more than it has.
func (s *Service) Edit(ctx context.Context, c Caller, id int64, q Changes) (*Edited, error) {
	for range maxTries {
		out, err := s.edit(ctx, c, id, &q)
		if !errors.Is(err, store.ErrConflict) {
			return out, err
		}
	}
	return nil, moved(store.ErrConflict)
}

func (s *Service) edit(ctx context.Context, c Caller, id int64, q *Changes) (*Edited, error) {
	l, err := c.own(ctx, s, id)
	if err != nil {
		return nil, err
	}
	now := s.now()
	switch {
	case l.Validity(now) == token.Revoked || l.RotatedTo != 0:
		return nil, refuse(ErrConflict, "the token is revoked or rotated: it cannot be edited")
	case (q.only || q.Revision != 0) && q.Revision != l.Revision:
		return nil, moved(store.ErrConflict)
	}
	limit := s.o.Lifetimes.LongestEnd(now)
	if l.ParentID != 0 {
		limit = limit.Within(l.RenewUntil, "the token was made by another and does not outlive it")
	}
	if q.Add != nil {
		if q, err = s.adding(ctx, c, &l, q); err != nil {
			return nil, err
		}
	}
	problems := &terms.Invalid{}
	e := store.Edit{Revision: l.Revision, Children: l.Children, Name: l.Name, Description: l.Description, Managed: l.Managed}
	e.Scopes, e.TableVersion = l.Scopes, l.TableVersion
	e.ExpiresAt, e.RenewUntil, e.ReportUntil = l.ExpiresAt, l.RenewUntil, l.ReportUntil
	if q.Name != nil {
		e.Name = strings.TrimSpace(*q.Name)
		problems.Text("name", e.Name, terms.MaxName, true)
	}
	if q.Description != nil {
		e.Description = *q.Description
		problems.Text("description", e.Description, terms.MaxDescription, false)
	}
	if q.ExpiresAt != nil {
		e.ExpiresAt = problems.End("expires_at", *q.ExpiresAt, now, s.o.Lifetimes.Standard, limit)
		// A shorter life shortens renewals with it, unless told otherwise.
		e.RenewUntil = e.ExpiresAt
		if q.RenewUntil == nil && l.RenewUntil.After(l.ExpiresAt) && l.RenewUntil.After(e.ExpiresAt) {
			e.RenewUntil = l.RenewUntil
		}
	}
	if q.RenewUntil != nil {
		e.RenewUntil = problems.Renewal(*q.RenewUntil, now, e.ExpiresAt, limit)
	}
	if q.ReportUntil != nil {
		e.ReportUntil = problems.ReportMode(*q.ReportUntil, now, l.ReportFrom, e.ExpiresAt)
	} else if e.ReportUntil.After(e.ExpiresAt) {
		e.ReportUntil = e.ExpiresAt
	}
	if q.Limits != nil {
		fresh := problems.Limits("limits", *q.Limits, nil)
		e.Limits = &fresh
	}
	var specs []policy.ScopeSpec
	if q.Scopes != nil {
		if specs, err = problems.Scopes(*q.Scopes, s.o.Table()); err != nil {
			return nil, err
		}
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	out := &Edited{Widened: e.ExpiresAt.After(l.ExpiresAt) || e.RenewUntil.After(l.RenewUntil)}
	if e.ReportUntil.After(l.ReportUntil) {
		if err := s.mayReport(c, &l.Record); err != nil {
			return nil, err
		}
		out.Widened = true
	}
	if e.Limits != nil {
		wider, err := terms.WiderLimits(e.Limits, &l.Limits)
		if err != nil {
			return nil, err
		}
		out.Widened = out.Widened || wider
	}
	if q.Scopes != nil {
		if err := s.rescope(ctx, c, &l, &e, q, specs, out); err != nil {
			return nil, err
		}
	}
	if q.Managed != nil {
		e.Managed = q.Managed.With(&token.Record{Name: e.Name, Description: e.Description, Scopes: e.Scopes,
			ExpiresAt: e.ExpiresAt, RenewUntil: e.RenewUntil, ReportUntil: e.ReportUntil, Limits: *cmp.Or(e.Limits, &l.Limits)})
	}
	if out.Widened {
		if err := s.mayWiden(ctx, c, &l); err != nil {
			return nil, err
		}
	}
	sooner := e.ExpiresAt.Before(l.ExpiresAt) || e.RenewUntil.Before(l.RenewUntil) || e.ReportUntil.Before(l.ReportUntil)
	e.Narrowed = !out.Widened && (e.Narrowed || sooner || e.Limits != nil || len(e.RevokeBelow) > 0)
	err = s.Change(ctx, func(ctx context.Context, st store.Store) (err error) {
		out.Listed, err = st.EditToken(ctx, id, e, store.Cause{By: c.by(), At: now})
		return err
	})
	if err != nil {
		if errors.Is(err, store.ErrConflict) {
			return nil, err
		}
		return nil, moved(err)
	}
	if out.found != nil {
		out.Warnings = append(out.Warnings, names.Put(ctx, s.o.Name, &out.Listed, out.found.All(), now)...)
	}
	out.Revoked = e.RevokeBelow
	s.marks.Made(ctx, id)
	s.record("edited", &out.Listed, c, terms.Changed(&out.Record, l.ReportUntil, &l.Limits), 0)
	return out, nil
}

// adding gives the changes with Add among the scopes.
func (s *Service) adding(ctx context.Context, c Caller, l *store.Listed, q *Changes) (*Changes, error) {
	owner, is := c.(*Owner)
	if !is || q.Scopes != nil {
		return nil, refuse(ErrForbidden, "only the token's owner may add to what it holds")
	}
	w, err := s.widening(ctx, owner, l, *q.Add)
	if err != nil {
		return nil, err
	}
	scopes := terms.AsScopes(w.Scopes)
	added := *q
	added.Add, added.Scopes = nil, &scopes
	return &added, nil
}

// mayWiden tells, by an ErrForbidden, why the caller's word is not enough to widen a token.
func (s *Service) mayWiden(ctx context.Context, c Caller, l *store.Listed) error {
	owner, ok := c.(*Owner)
	switch {
	case !ok:
		return refuse(ErrForbidden, "this would widen the token, in what it may do or for how long: the "+
			"owner's forge credential is "+
			"needed for that")
	case owner.remembered:
		return ErrAgain
	case l.ParentID != 0:
		return refuse(ErrForbidden, "the token was made by another one and cannot hold more than that one: "+
			"make a new token instead")
	}
	return owner.Vouch(ctx, s, l)
}

// rescope puts new scopes into the edit, tells whether they widen the token, and finds the tokens below that must end.
func (s *Service) rescope(ctx context.Context, c Caller, l *store.Listed, e *store.Edit, q *Changes,
	specs []policy.ScopeSpec, out *Edited) error {
	as, err := s.askingAs(ctx, c, l)
	if err != nil {
		return err
	}
	_, patient := c.(operator)
	found := places.New()
	if !q.only {
		if found, err = s.resolve(ctx, as, *q.Scopes, specs, patient); err != nil {
			return err
		}
	}
	catalogue := s.o.Table().Catalogue()
	fresh, err := policy.Compile(l.Owner.UserID, l.TableVersion, specs, catalogue)
	if err != nil {
		return terms.OfSpec(err)
	}
	old, err := store.CompileStored(l.Owner.UserID, l.TableVersion, l.Scopes, catalogue)
	if err != nil {
		return err
	}
	e.Narrowed = len(policy.Subset(old, fresh, found.Of)) > 0
	switch wider := len(policy.Subset(fresh, old, found.Of)) > 0; {
	case wider && q.only:
		return refuse(ErrForbidden, "that is more than the token has")
	case wider:
		out.Widened, e.Widened, e.Forget = true, true, true
		e.TableVersion = s.o.Table().Version() // the owner has looked at all of it
		fresh.TableVersion = e.TableVersion
	case e.Narrowed:
		s.keepBefore(c, l, e, q, found)
	}
	e.Scopes, out.Warnings, out.found = specs, found.Warnings, found
	below, err := s.o.Store.Descendants(ctx, l.ID)
	if err != nil {
		return err
	}
	for i := range below {
		d := &below[i]
		if v := d.Validity(s.now()); v != token.Valid && v != token.Paused {
			continue
		}
		if err := s.finder(as, false).Facts(ctx, found, d.Scopes); err != nil {
			return err
		}
		grant, err := store.CompileStored(d.Owner.UserID, d.TableVersion, d.Scopes, catalogue)
		if err != nil {
			return err
		}
		if len(policy.Subset(grant, fresh, found.Of)) > 0 && !slices.Contains(e.RevokeBelow, d.ID) {
			e.RevokeBelow = append(e.RevokeBelow, d.ID)
		}
	}
	return nil
}
