// Package counts counts tokens, for those who look at all of them.
package counts

import (
	"context"

	"patgate/admin/tokens"
	"patgate/store"
)

// Counts are how many tokens there are, by what they are now and what is to be said of them.
type Counts struct {
	Active, Paused, Expired, Revoked, Total int
	// Soon, Broad, Reports and Unused count active tokens: expiring soon, broad, in report mode, and unused or with unused
	// permissions.
	Soon, Broad, Reports, Unused int
}

// Of counts the tokens that s.List would list for the caller.
func Of(ctx context.Context, s *tokens.Service, c tokens.Caller, all bool) (n Counts, err error) {
	now := s.Now()
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
	active, total, err := s.Inspect(ctx, c,
		tokens.Query{Filter: store.Filter{State: store.StateActive, Limit: tokens.MostJudged}, All: all})
	if err != nil {
		return n, err
	}
	n.Active = total
	for i := range active {
		for badge, into := range map[string]*int{"expiring_soon": &n.Soon, "broad": &n.Broad, "report_mode": &n.Reports,
			"unused_permissions": &n.Unused} {
			if active[i].Wears(badge) {
				*into++
			}
		}
	}
	return n, nil
}
