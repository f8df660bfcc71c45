package tokens

import (
	"context"
	"slices"
	"time"

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

// Query says which tokens are inspected.
type Query struct {
	store.Filter
	// UserID and All are those of List.
	UserID int64
	All    bool
	// Badge keeps only tokens that wear it; unused_permissions takes in those that were never used at all.
	Badge string
}

// MostJudged bounds how many active tokens are looked at for badges when a list is narrowed by one.
const MostJudged = 5000

// Inspect lists tokens as List does, with their states, badges and uses. total counts all that match.
func (s *Service) Inspect(ctx context.Context, c Caller, q Query) (list []Inspected, total int, err error) {
	f := q.Filter
	f.Now = s.now()
	if q.Badge != "" {
		f.State, f.Limit, f.Offset = store.StateActive, MostJudged, 0
	}
	found, total, err := s.List(ctx, c, q.UserID, q.All, f)
	if err != nil {
		return nil, 0, err
	}
	kept, err := s.o.Store.ObservingSince(ctx, f.Now)
	if err != nil {
		return nil, 0, err
	}
	for i := range found {
		one, err := s.inspect(ctx, &found[i], kept)
		if err != nil {
			return nil, 0, err
		}
		if q.Badge == "" || one.Wears(q.Badge) {
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
	kept, err := s.o.Store.ObservingSince(ctx, s.now())
	if err != nil {
		return nil, err
	}
	return s.inspect(ctx, &l, kept)
}

func (s *Service) inspect(ctx context.Context, l *store.Listed, kept time.Time) (*Inspected, error) {
	one := &Inspected{Listed: *l}
	now := s.now()
	one.State, one.Reason = l.State(now)
	if l.Uses > 0 || !l.LastUsedAt.IsZero() {
		var err error
		if one.Used, err = s.o.Store.PermissionUses(ctx, l.ID); err != nil {
			return nil, err
		}
	}
	if l.Validity(now).String() == "valid" {
		one.Badges, _ = s.badges(l, one.Used, kept, now)
	}
	return one, nil
}

// Wears tells whether a token wears a badge.
func (one *Inspected) Wears(badge string) bool {
	return slices.Contains(one.Badges, badge) || badge == "unused_permissions" && slices.Contains(one.Badges, "unused")
}
