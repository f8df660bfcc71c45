package tokens

import (
	"context"
	"fmt"
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
	// Badge keeps only tokens that wear it, or look dangerous; unused_permissions takes in those that were never used at all.
	Badge string
}

// marksOf gives the mark of each badge that has one. A token does not wear the badge dangerous: its permissions are marked.
func marksOf() map[string]store.Mark {
	return map[string]store.Mark{"broad": store.MarkBroad, "makes_credentials": store.MarkMints, "dangerous": store.MarkDangerous,
		"unused_permissions": store.MarkUnused, "unused": store.MarkNeverUsed, "expiring_soon": store.MarkSoon,
		"newer_routes_held_back": store.MarkHeldBack, "credential_invalid": store.MarkRests}
}

// asks narrows a filter to the tokens that wear a badge. ok is false where none does.
func (q *Query) asks(s *Service, f *store.Filter) (ok bool) {
	switch q.Badge {
	case "report_mode":
		f.State, f.Reporting = store.StateActive, true
		return s.o.AllowReportMode
	case "newer_routes_held_back":
		f.TableVersion = s.o.Table().Version()
	}
	f.Mark, f.ReportsAreBroad = marksOf()[q.Badge], s.o.AllowReportMode
	return f.Mark != store.MarkNone || q.Badge == ""
}

// Inspect lists tokens as List does, with states, badges and uses. total counts all matches; by unused rights, as of a day ago.
func (s *Service) Inspect(ctx context.Context, c Caller, q Query) (list []Inspected, total int, err error) {
	found, total, err := s.Matching(ctx, c, q)
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

// Matching lists tokens as Inspect does, without badges and uses.
func (s *Service) Matching(ctx context.Context, c Caller, q Query) (list []store.Listed, total int, err error) {
	f := q.Filter
	f.Now = s.now()
	if !q.asks(s, &f) {
		return nil, 0, nil
	}
	if f.Mark != store.MarkNone || f.Sort == store.SortReachAsc || f.Sort == store.SortReachDesc {
		if _, err := s.marks.Changed(ctx); err != nil && s.o.Report != nil { // the answer is made from what is kept
			s.o.Report(fmt.Errorf("judging tokens before they are listed: %w", err))
		}
	}
	kept, err := s.o.Store.ObservingSince(ctx, f.Now)
	if err != nil {
		return nil, 0, err
	}
	f.Unobserved = marks.Unobserved(kept, f.Now)
	return s.List(ctx, c, q.UserID, q.All, f)
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
