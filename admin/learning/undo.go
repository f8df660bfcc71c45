package learning

import (
	"context"
	"time"

	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/policy"
	"patgate/store"
	"patgate/token"
)

// Undoable is what an undo would give a token back.
type Undoable struct {
	// Scopes are what it might do before it was narrowed, and would be all that it may do.
	Scopes []policy.ScopeSpec
	// At and By say when it was narrowed, and who did it.
	At time.Time
	By string
	// Until is when it can no longer be undone.
	Until time.Time

	found tokens.Undoing
}

// Undoable tells what an undo would give back; a tokens.ErrConflict or tokens.ErrForbidden says why there is none.
func (s *Service) Undoable(ctx context.Context, c tokens.Caller, id int64) (*Undoable, error) {
	u, err := s.tokens.Undoing(ctx, c, id)
	if err != nil {
		return nil, err
	}
	now := s.tokens.Now()
	switch v := u.Validity(now); {
	case v == token.Revoked || u.RotatedTo != 0:
		return nil, tokens.Conflict("the token is revoked or rotated: nothing can be undone")
	case v == token.Expired:
		return nil, tokens.Conflict("the token has expired: nothing can be undone")
	case u.ParentID != 0:
		return nil, tokens.Conflict("the token was made by another one and cannot hold more than that one: make a new " +
			"token instead")
	}
	until := u.Before.At.Add(store.UndoWithin)
	if u.Before.At.IsZero() || !now.Before(until) {
		return nil, tokens.Conflict("there is nothing to undo: the token was not narrowed within %s, or that was for good, "+
			"or what it may do was changed since", terms.WriteSpan(store.UndoWithin))
	}
	problems := &terms.Invalid{}
	_, err = problems.Scopes(terms.AsScopes(u.Before.Scopes), s.tokens.Table())
	if err == nil {
		err = problems.Err()
	}
	if err != nil {
		return nil, tokens.Conflict("what the token could do before can no longer be granted: %v", err)
	}
	return &Undoable{Scopes: u.Before.Scopes, At: u.Before.At, By: u.Before.By, Until: until, found: u}, nil
}

// Undo gives a token back exactly what it could do before it was last narrowed. It needs no new approval, because there was one
// for just that. It is for the owner and for operators, within store.UndoWithin, and for a token whose scopes were not changed in
// another way since. Name and lifetime stay as they are, and tokens that ended with the narrowing stay ended.
func (s *Service) Undo(ctx context.Context, c tokens.Caller, id int64) (store.Listed, error) {
	u, err := s.Undoable(ctx, c, id)
	if err != nil {
		return store.Listed{}, err
	}
	return s.tokens.Restore(ctx, c, &u.found)
}
