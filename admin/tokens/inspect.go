package tokens

import (
	"context"
	"slices"

	"patgate/store"
)

// Inspected is a token with what is to be said of it.
type Inspected struct {
	store.Listed
	// State and Reason are those of State.
	State, Reason string
	// Badges are those of Finding; only an active token wears any.
	Badges []string
	Used   []store.PermissionUse
}

// Counts are how many tokens there are, by what they are now and what is to be said of them.
type Counts struct {
	Active, Paused, Expired, Revoked, Total int
	// Soon, Broad and Unused count active tokens: expiring soon, broad, and unused or with unused permissions.
	Soon, Broad, Unused int
}

// Query says which tokens are inspected.
type Query struct {
	store.Filter
	// UserID and All are those of List.
	UserID int64
	All    bool
	// Badge keeps only tokens that wear it; unused_permissions takes in those that were never used at all.
	Badge string
}

// mostJudged bounds how many active tokens are looked at for badges when a list is narrowed by one.
const mostJudged = 5000

// Inspect lists tokens as List does, with their states, badges and uses. total counts all that match.
func (s *Service) Inspect(ctx context.Context, c Caller, q Query) (list []Inspected, total int, err error) {
	f := q.Filter
	f.Now = s.now()
	if q.Badge != "" {
		f.State, f.Limit, f.Offset = store.StateActive, mostJudged, 0
	}
	found, total, err := s.List(ctx, c, q.UserID, q.All, f)
	if err != nil {
		return nil, 0, err
	}
	for i := range found {
		one, err := s.inspect(ctx, &found[i])
		if err != nil {
			return nil, 0, err
		}
		if q.Badge == "" || wears(one, q.Badge) {
			list = append(list, *one)
		}
	}
	if q.Badge != "" {
		total = len(list)
		list = list[min(q.Offset, total):]
		if q.Limit > 0 {
			list = list[:min(q.Limit, len(list))]
		}
	}
	return list, total, nil
}

// InspectOne is Inspect for one token.
func (s *Service) InspectOne(ctx context.Context, c Caller, id int64) (*Inspected, error) {
	l, err := s.Show(ctx, c, id)
	if err != nil {
		return nil, err
	}
	return s.inspect(ctx, &l)
}

func (s *Service) inspect(ctx context.Context, l *store.Listed) (*Inspected, error) {
	one := &Inspected{Listed: *l}
	now := s.now()
	one.State, one.Reason = State(l, now)
	if l.Uses > 0 || !l.LastUsedAt.IsZero() {
		var err error
		if one.Used, err = s.o.Store.PermissionUses(ctx, l.ID); err != nil {
			return nil, err
		}
	}
	if l.Validity(now).String() == "valid" {
		one.Badges, _ = s.badges(l, one.Used, now)
	}
	return one, nil
}

// wears tells whether a token wears a badge.
func wears(one *Inspected, badge string) bool {
	return slices.Contains(one.Badges, badge) || badge == "unused_permissions" && slices.Contains(one.Badges, "unused")
}

// Count counts the tokens that List would list.
func (s *Service) Count(ctx context.Context, c Caller, all bool) (n Counts, err error) {
	now := s.now()
	for _, of := range []struct {
		state store.State
		into  *int
	}{
		{store.StatePaused, &n.Paused},
		{store.StateExpired, &n.Expired},
		{store.StateRevoked, &n.Revoked},
		{store.StateAny, &n.Total},
	} {
		if _, *of.into, err = s.List(ctx, c, 0, all, store.Filter{State: of.state, Now: now, Limit: 1}); err != nil {
			return n, err
		}
	}
	active, total, err := s.Inspect(ctx, c, Query{Filter: store.Filter{State: store.StateActive, Limit: mostJudged}, All: all})
	if err != nil {
		return n, err
	}
	n.Active = total
	for i := range active {
		for badge, into := range map[string]*int{"expiring_soon": &n.Soon, "broad": &n.Broad, "unused_permissions": &n.Unused} {
			if wears(&active[i], badge) {
				*into++
			}
		}
	}
	return n, nil
}
