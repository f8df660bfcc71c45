package tokens

import (
	"context"

	"patgate/admin/places"
	"patgate/admin/terms"
	"patgate/policy"
	"patgate/store"
)

// Narrow leaves a token only the scopes left, which name places by ids. What its own scopes do not cover is ErrForbidden, and
// another revision of the token ErrConflict. The forge is not asked.
func (s *Service) Narrow(ctx context.Context, c Caller, id, revision int64, left []policy.ScopeSpec) (*Edited, error) {
	scopes := terms.AsScopes(left)
	return s.Edit(ctx, c, id, Changes{Scopes: &scopes, Revision: revision, only: true})
}

// keepBefore has what a token may do kept when an edit narrows it, so that this can be undone.
func (s *Service) keepBefore(c Caller, l *store.Listed, e *store.Edit, q *Changes, found *places.Found) {
	before := &store.Narrowing{Scopes: l.Scopes, TableVersion: l.TableVersion, At: s.now(), By: c.by()}
	switch {
	case q.ForGood:
		e.Forget = true
	case !before.Kept():
		e.Forget = true
		found.Warnings = append(found.Warnings, "its scopes are too long to be kept: this narrowing cannot be undone")
	default:
		e.Before = before
	}
}

// Undoing is a token whose last narrowing shall be undone, with what it could do before.
type Undoing struct {
	store.Listed
	Before store.Narrowing
}

// Undoing reads a token for a caller who may undo a narrowing: an operator, or its owner with a credential as strong as its own.
func (s *Service) Undoing(ctx context.Context, c Caller, id int64) (u Undoing, err error) {
	if u.Listed, err = s.vouched(ctx, c, id); err == nil {
		u.Before, err = s.o.Store.Narrowing(ctx, id)
	}
	return u, err
}

// Restore gives a token back what it might do before, if it is still as it was read. It decides nothing: see admin/learning.
func (s *Service) Restore(ctx context.Context, c Caller, u *Undoing) (out store.Listed, err error) {
	e := store.Edit{Revision: u.Revision, Children: u.Children, Name: u.Name, Description: u.Description, Scopes: u.Before.Scopes,
		TableVersion: u.Before.TableVersion, ExpiresAt: u.ExpiresAt, RenewUntil: u.RenewUntil, Managed: u.Managed,
		Widened: true, Forget: true}
	err = s.Change(ctx, func(ctx context.Context, st store.Store) (err error) {
		out, err = st.EditToken(ctx, u.ID, e, store.Cause{By: c.by(), At: s.now()})
		return err
	})
	if err != nil {
		return out, moved(err)
	}
	s.record("undone", &out, c, "", 0)
	return out, nil
}

// Family gives at most most tokens of a row of rotations, the newest first. The caller checks who may see them.
func (s *Service) Family(ctx context.Context, id int64, most int) ([]store.Listed, error) {
	list, _, err := s.o.Store.Tokens(ctx, store.Filter{FamilyID: id, Limit: most})
	return list, err
}
