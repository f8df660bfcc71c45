package tokens

import (
	"context"
	"time"

	"patgate/admin/marks"
	"patgate/store"
)

// Inspected is a token with its badges and uses.
type Inspected struct {
	store.Listed
	// State and Reason are those of State.
	State, Reason string
	// Badges are those of Finding; only an active token wears any.
	Badges []string
	Used   []store.PermissionUse
	// Radius says how much its holder could do with it.
	Radius marks.Radius
}

// Query says which tokens are inspected.
type Query struct {
	store.Filter
	// UserID and All are those of List.
	UserID int64
	All    bool
}

// Inspect lists tokens as List does, with states, badges and uses. total counts all matches; by unused rights, as of a day ago.
func (s *Service) Inspect(ctx context.Context, c Caller, q Query) (list []Inspected, total int, err error) {
	found, total, err := s.List(ctx, c, q.UserID, q.All, q.Filter)
	if err != nil || len(found) == 0 {
		return nil, total, err
	}
	kept, err := s.o.Store.ObservingSince(ctx, s.now())
	if err != nil {
		return nil, 0, err
	}
	for i := range found {
		one, err := s.inspect(ctx, &found[i], kept)
		if err != nil {
			return nil, 0, err
		}
		list = append(list, *one)
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
	one := &Inspected{Listed: *l, Radius: s.marks.Judge().Of(l)}
	now := s.now()
	one.State, one.Reason = l.State(now)
	if l.Uses > 0 || !l.LastUsedAt.IsZero() {
		var err error
		if one.Used, err = s.o.Store.PermissionUses(ctx, l.ID); err != nil {
			return nil, err
		}
	}
	if l.Validity(now).String() == "valid" {
		one.Badges, _ = s.marks.Judge().Badges(l, one.Used, s.ReportsNow(l), kept, now)
	}
	return one, nil
}
