package learning

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/learn"
	"patgate/learn/propose"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
)

// Limits are what an operator's configuration allows tokens, and credentials of the forge's own.
type Limits struct {
	MaxLifetime, MaxGrace time.Duration // 0 is no limit
	// RevokeUnusedAfter is how long a token may go unused; 0 is for ever.
	RevokeUnusedAfter time.Duration
	ReportMode        bool // tokens may be in report mode
	AdminOwners       bool // owners may be administrators of the forge
	// Legacy says which requests with a credential of the forge's own pass.
	Legacy LegacyMode
}

// LegacyMode says what passes with a credential of the forge's own. The zero value passes nothing.
type LegacyMode uint8

// The modes: those of the configuration.
const (
	LegacyDeny LegacyMode = iota
	LegacyReadOnly
	LegacyAllow
)

// reads tells whether a request passes where only reading ones do: as package legacy sees it, by the pattern of its row.
func reads(u *learn.Unit) bool {
	switch {
	case strings.Contains(u.Route, "git-receive-pack"), strings.Contains(u.Route, "/users/authenticate"):
		return false
	case strings.HasPrefix(u.Route, "/jwt/auth"):
		return !strings.Contains(u.Route, "push") && !strings.Contains(u.Route, "delete") && !strings.Contains(u.Route, "*")
	}
	return u.Method == "GET" || u.Method == "HEAD" || strings.HasSuffix(u.Route, "/git-upload-pack")
}

// Rules are what decides on requests besides the scopes of tokens.
type Rules struct {
	Table *routes.Table
	Limits
	// Ceilings are the limits that every grant is held to.
	Ceilings policy.Ceilings
}

// ruling is Rules at work.
type ruling struct {
	Rules
	replay  *propose.Replay
	reports routes.PermissionSet // what passes in report mode
}

func (r *Rules) ruling() *ruling {
	return &ruling{Rules: *r, replay: propose.NewReplay(r.Table), reports: terms.InReportMode(r.Table)}
}

// trial asks again what a token did.
func (r *ruling) trial(l *store.Listed, now time.Time) (t propose.Trial, err error) {
	t.Grant, err = store.CompileStored(l.Owner.UserID, l.TableVersion, l.Scopes, r.Table.Catalogue())
	t.Grant = t.Grant.Under(r.Ceilings, store.BearerAt(&l.Record, now))
	if err == nil && r.ReportMode && l.Reports(now) {
		t.Reporting = t.Grant.ReportMode(r.reports)
	}
	return t, err
}

// refuses asks again what a credential of the forge's own did, which no table decides on.
func (r *ruling) refuses(u *learn.Unit) string {
	if r.Legacy == LegacyAllow || r.Legacy == LegacyReadOnly && reads(u) {
		return ""
	}
	return legacy
}

// The names of limits, which are reasons too.
const (
	maxLifetime       = "max_lifetime"
	maxGrace          = "max_grace"
	revokeUnusedAfter = "revoke_unused_after"
	reportMode        = "report_mode"
	allowAdminOwners  = "allow_admin_owners"
	legacy            = "legacy"
)

// bounds gives the days from which on a token would have been denied everything, if the limits had held when it was made and
// edited. successor is the token that it was rotated to, or nil. known is since when all that it did is known; zero when that is
// not known.
func (m *Limits) bounds(l, successor *store.Listed, observations []learn.Observation, known time.Time) (all []propose.Bound) {
	// The rest of a day is the token's: how many requests of a day came after an instant is not known.
	after := func(reason string, begin time.Time, longest time.Duration, end time.Time) {
		if longest > 0 && end.Sub(begin) > longest {
			all = append(all, propose.Bound{From: learn.DayOf(begin.Add(longest)) + 1, Reason: reason})
		}
	}
	if !m.AdminOwners && l.Owner.Admin {
		all = append(all, propose.Bound{Reason: allowAdminOwners})
	}
	if successor != nil {
		after(maxGrace, successor.CreatedAt, m.MaxGrace, l.ExpiresAt)
	} else {
		// A later end was given by an edit at the latest when it was last touched.
		after(maxLifetime, latest(l.CreatedAt, l.TouchedAt), m.MaxLifetime, l.ExpiresAt)
	}
	if m.RevokeUnusedAfter > 0 && !known.IsZero() {
		at := latest(l.CreatedAt, known)
		for _, begin := range activity(l, observations) {
			if begin.Sub(at) > m.RevokeUnusedAfter {
				all = append(all, propose.Bound{From: learn.DayOf(begin), Reason: revokeUnusedAfter})
				break
			}
			at = latest(at, begin.Add(24*time.Hour)) // it may have been used until the day's end
		}
	}
	return all
}

// activity gives the days, in order, on which a token was made, used or changed.
func activity(l *store.Listed, observations []learn.Observation) (days []time.Time) {
	seen := map[learn.Day]bool{learn.DayOf(l.TouchedAt): true}
	for i := range observations {
		for _, c := range observations[i].Days {
			seen[c.Day] = true
		}
	}
	for day := range seen {
		days = append(days, day.Start())
	}
	slices.SortFunc(days, time.Time.Compare)
	return days
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// stricter gives the bounds that the rules in force lack, or have for a later day.
func stricter(bounds, inForce []propose.Bound) []propose.Bound {
	return slices.DeleteFunc(bounds, func(b propose.Bound) bool {
		return slices.ContainsFunc(inForce, func(other propose.Bound) bool {
			return other.Reason == b.Reason && other.From <= b.From
		})
	})
}

// successor reads the token that one was rotated to; nil when there is none.
func (s *Service) successor(ctx context.Context, c tokens.Caller, l *store.Listed) (*store.Listed, error) {
	if l.RotatedTo == 0 {
		return nil, nil
	}
	next, err := s.tokens.Show(ctx, c, l.RotatedTo)
	switch {
	case errors.Is(err, tokens.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &next, nil
}

// allowed tells which observations of a token the rules in force allow. Without rules it allows all, except what only a report
// mode that has ended let through.
func (r *ruling) allowed(l *store.Listed, now time.Time) (func(*learn.Observation) bool, error) {
	if r == nil {
		return func(o *learn.Observation) bool { return o.Unit.WouldDeny == "" || l.Reports(now) }, nil
	}
	t, err := r.trial(l, now)
	return func(o *learn.Observation) bool { return r.replay.Allows(&t, o) }, err
}
