package console

import (
	"errors"
	"fmt"
	"strconv"

	"patgate/admin/console/details"
	"patgate/admin/tokens"
	"patgate/store"
)

// nextSteps is what to do with a token that was made for the job of another.
type nextSteps struct {
	Name, Path string // of the other, which says there whether it is still used
	Forge      bool   // it is one of the forge's own, and is revoked there
}

// next gives the steps behind a token that was made for the job of another of the owner's; nil when it was not.
func (q *request) next(after, made int64) *nextSteps {
	if after > 0 && after < store.FirstTokenID && q.o.Learning != nil {
		if l, err := q.seenToken(after); err == nil {
			return &nextSteps{Name: l.Name, Path: "/forge-tokens", Forge: true}
		}
	}
	if after < store.FirstTokenID {
		return nil
	}
	t, err := q.o.Tokens.InspectOne(q.ctx(), q.caller, after)
	if err != nil || t.Owner.UserID != q.caller.UserID() {
		return nil // it is gone, or was never theirs: the new token stands by itself
	}
	return &nextSteps{Name: t.Name, Path: fmt.Sprintf("/tokens/%d?by=%d", after, made)}
}

// replacedBy reads the other token from the address; nil when that names none of the owner's.
func (q *request) replacedBy(t *tokens.Inspected) (*details.Replaced, error) {
	id, err := strconv.ParseInt(q.r.URL.Query().Get("by"), 10, 64)
	if err != nil || id == t.ID || t.State == "revoked" || t.Owner.UserID != q.caller.UserID() {
		return nil, nil
	}
	by, err := q.o.Tokens.InspectOne(q.ctx(), q.caller, id)
	switch {
	case errors.Is(err, tokens.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case by.Owner.UserID != q.caller.UserID():
		return nil, nil
	}
	return &details.Replaced{ID: id, Name: by.Name, Made: q.instant(by.CreatedAt), Last: q.instant(t.LastUsedAt),
		Quiet: !t.LastUsedAt.After(by.CreatedAt)}, nil
}
