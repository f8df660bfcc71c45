package tokens

import (
	"context"
	"fmt"

	"patgate/admin/marks"
	"patgate/store"
	"patgate/token/limits"
)

// Show reads one token. A token may always describe itself, and is not told what places are called.
func (s *Service) Show(ctx context.Context, c Caller, id int64) (store.Listed, error) {
	l, err := c.find(ctx, s, id)
	if _, held := c.(holder); held {
		l.Names = nil
	}
	if err != nil {
		return l, err
	}
	s.readUse(ctx, &l)
	return l, nil
}

// readUse reads how much of a token's limits is used up. When that cannot be read, it is left out.
func (s *Service) readUse(ctx context.Context, l *store.Listed) {
	if !l.Limits.Sums() {
		return
	}
	if uses, bytes, err := s.o.Store.LimitUse(ctx, l.FamilyID, limits.DayOf(s.now())); err == nil {
		l.LimitUse = l.Limits.Used(uses, bytes)
	}
}

// List lists the tokens of the caller's user; those of userID, or of everyone when that is 0, for an administrator and an
// operator who ask for all. Somebody else's are ErrUnknownCaller to everyone else, as with GitLab.
func (s *Service) List(ctx context.Context, c Caller, userID int64, all bool, f store.Filter) ([]store.Listed, int, error) {
	h, held := c.(holder)
	if held {
		if err := h.lacks(s, "read_personal_access_token"); err != nil {
			return nil, 0, err
		}
		if f.Naming.Path != "" { // the outcome would tell the name of a place
			return nil, 0, refuse(ErrForbidden, "a token looks for others by the ids of projects and groups, not by their paths")
		}
	}
	f.WithNames, f.SearchPlaces = f.WithNames && !held, !held
	everyone := c.administrates(s)
	_, onMachine := c.(operator)
	switch {
	case onMachine:
	case userID == 0 && all && everyone:
	case userID == 0:
		userID = c.UserID()
	case userID != c.UserID() && !everyone:
		return nil, 0, refuse(ErrUnknownCaller, "401 Unauthorized")
	}
	if f.Now.IsZero() {
		f.Now = s.now()
	}
	if ok, err := s.marked(ctx, &f); err != nil || !ok {
		return nil, 0, err
	}
	if userID != 0 {
		o, err := s.owner(ctx, userID)
		if err != nil {
			return nil, 0, err
		}
		if o.ID == 0 {
			return nil, 0, nil
		}
		f.OwnerID = o.ID
	}
	return s.o.Store.Tokens(ctx, f)
}

// marked completes a filter by badge, and an order by blast radius: what was changed is judged first. ok is false where no token
// wears the badge.
func (s *Service) marked(ctx context.Context, f *store.Filter) (ok bool, err error) {
	if f.Mark.Judged() || f.Sort == store.SortReachAsc || f.Sort == store.SortReachDesc {
		if _, err := s.marks.Changed(ctx); err != nil && s.o.Report != nil { // the answer is made from what is kept
			s.o.Report(fmt.Errorf("judging tokens before they are listed: %w", err))
		}
	}
	f.ReportsAreBroad = s.o.AllowReportMode
	switch f.Mark {
	case store.MarkReports:
		return s.o.AllowReportMode, nil
	case store.MarkHeldBack:
		f.TableVersion = s.Table().Version()
	case store.MarkUnused:
		kept, err := s.o.Store.ObservingSince(ctx, f.Now)
		f.Unobserved = marks.Unobserved(kept, f.Now)
		return err == nil, err
	}
	return true, nil
}

// Incomplete tells whether what a filter leaves may lack tokens: older ones that were not looked through yet, or tokens that were
// not judged.
func (s *Service) Incomplete(ctx context.Context, f *store.Filter) (bool, error) {
	if f.Mark.Judged() {
		if judging, err := s.Judging(ctx); judging || err != nil {
			return judging, err
		}
	}
	if f.Search == "" && f.Naming.Empty() && f.Holds == "" && f.Reach == nil && f.Networked == nil && !f.From.IsValid() {
		return false, nil
	}
	return s.o.Store.Unfilled(ctx)
}

// Uses tells how often each permission of a token was used.
func (s *Service) Uses(ctx context.Context, c Caller, id int64) (store.Listed, []store.PermissionUse, error) {
	l, err := s.Show(ctx, c, id)
	if err != nil {
		return l, nil, err
	}
	uses, err := s.o.Store.PermissionUses(ctx, id)
	return l, uses, err
}

// LimitsOf gives all limits of a token that the caller may see: its own, and those of the tokens that it comes from.
func (s *Service) LimitsOf(ctx context.Context, c Caller, id int64) (*limits.Held, error) {
	if _, err := c.find(ctx, s, id); err != nil {
		return nil, err
	}
	return store.HeldTo(ctx, s.o.Store, id)
}
