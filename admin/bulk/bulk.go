// Package bulk does the same thing to several tokens, one by one, through admin/tokens. When it is not allowed for one of them,
// or fails, the result says so, and the others are done.
package bulk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"patgate/admin/tokens"
	"patgate/policy"
	"patgate/store"
)

// Action is what to do to each token.
type Action string

// The actions.
const (
	Pause  Action = "pause"
	Revoke Action = "revoke"
	Narrow Action = "narrow" // takes permissions away
)

// Most is how many tokens one order of the console may name.
const Most = 100

// Parse reads an action; ok is false for any other text.
func Parse(text string) (a Action, ok bool) {
	a = Action(text)
	return a, a == Pause || a == Revoke || a == Narrow
}

// Order is an action with its parameters.
type Order struct {
	Action Action
	Reason string   // of a pause or a revocation
	Take   []string // the permissions that a narrowing takes away
}

// Done is the result for one token.
type Done struct {
	ID    int64
	Name  string
	Owner string
	Err   error // nil: it is done
	// Already tells that there was nothing to do.
	Already bool
}

// ErrNothingLeft says that a narrowing would leave a token nothing.
var ErrNothingLeft = errors.New("nothing would be left: revoke it")

// Do carries out an order on tokens, one after the other. When the context ends, the rest is not begun, and gets the context's
// error. The log has the order before the first token, and the outcome after the last. If the process ends in between, the
// tokens with a line of their own were done.
func Do(ctx context.Context, s *tokens.Service, c tokens.Caller, o Order, ids []int64) (all []Done) {
	s.Ordered(c, "several_ordered", fmt.Sprintf("%s tokens %s", o.Action, listed(ids)))
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			all = append(all, Done{ID: id, Err: err})
			continue
		}
		all = append(all, one(ctx, s, c, o, id))
	}
	s.Ordered(c, "several_done", outcome(o.Action, all))
	return all
}

// outcome puts the results of an order into words.
func outcome(a Action, all []Done) string {
	var done, already, left []int64
	for i := range all {
		switch {
		case all[i].Err != nil:
			left = append(left, all[i].ID)
		case all[i].Already:
			already = append(already, all[i].ID)
		default:
			done = append(done, all[i].ID)
		}
	}
	return fmt.Sprintf("%s: done to %s; nothing to do for %s; not done to %s", a, listed(done), listed(already), listed(left))
}

// listed writes ids one behind the other.
func listed(ids []int64) string {
	if len(ids) == 0 {
		return "none"
	}
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.FormatInt(id, 10))
	}
	return b.String()
}

func one(ctx context.Context, s *tokens.Service, c tokens.Caller, o Order, id int64) (d Done) {
	d.ID = id
	l, err := s.Show(ctx, c, id)
	if err != nil {
		d.Err = err
		return d
	}
	d.Name, d.Owner = l.Name, l.Owner.Username
	switch o.Action {
	case Pause:
		if d.Already = !l.PausedAt.IsZero() || !l.RevokedAt.IsZero(); !d.Already {
			_, d.Err = s.Pause(ctx, c, id, o.Reason)
		}
	case Revoke:
		if d.Already = !l.RevokedAt.IsZero(); !d.Already {
			_, d.Err = s.Revoke(ctx, c, id, o.Reason)
		}
	case Narrow:
		d.Already, d.Err = narrow(ctx, s, c, &l, o.Take)
	default:
		d.Err = fmt.Errorf("unknown action %q", o.Action)
	}
	return d
}

// narrow takes permissions from a token, as it was read: one that is changed meanwhile is left as it is.
func narrow(ctx context.Context, s *tokens.Service, c tokens.Caller, l *store.Listed, take []string) (already bool, err error) {
	left, taken := Without(l.Scopes, take)
	switch {
	case taken == 0:
		return true, nil
	case len(left) == 0:
		return false, ErrNothingLeft
	}
	_, err = s.Narrow(ctx, c, l.ID, l.Revision, left)
	return false, err
}

// Without gives scopes without some permissions, and how many were taken. A scope that holds nothing any more is left out.
func Without(scopes []policy.ScopeSpec, take []string) (left []policy.ScopeSpec, taken int) {
	for _, s := range scopes {
		kept := []string{}
		for _, name := range s.Permissions {
			if slices.Contains(take, name) {
				taken++
			} else {
				kept = append(kept, name)
			}
		}
		if s.Permissions = kept; len(kept) > 0 {
			left = append(left, s)
		}
	}
	return left, taken
}

// Permissions are those that any of some tokens holds, in order.
func Permissions(list []tokens.Inspected) (all []string) {
	had := map[string]bool{}
	for i := range list {
		for j := range list[i].Scopes {
			for _, name := range list[i].Scopes[j].Permissions {
				if !had[name] {
					had[name], all = true, append(all, name)
				}
			}
		}
	}
	slices.SortFunc(all, strings.Compare)
	return all
}
