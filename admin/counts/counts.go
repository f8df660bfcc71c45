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
	// Counting tells that not all tokens were judged yet: Broad and Unused may be too low.
	Counting bool
}

// Of counts the tokens that s.List would list for the caller.
func Of(ctx context.Context, s *tokens.Service, c tokens.Caller, all bool) (n Counts, err error) {
	for _, of := range []struct {
		state store.State
		badge string
		into  *int
	}{
		{store.StateActive, "", &n.Active},
		{store.StatePaused, "", &n.Paused},
		{store.StateExpired, "", &n.Expired},
		{store.StateRevoked, "", &n.Revoked},
		{store.StateActive, "expiring_soon", &n.Soon},
		{store.StateActive, "broad", &n.Broad},
		{store.StateActive, "report_mode", &n.Reports},
		{store.StateActive, "unused_permissions", &n.Unused},
	} {
		q := tokens.Query{Filter: store.Filter{State: of.state, CountOnly: true}, All: all, Badge: of.badge}
		if _, *of.into, err = s.Inspect(ctx, c, q); err != nil {
			return n, err
		}
	}
	n.Total = n.Active + n.Paused + n.Expired + n.Revoked // each token is in one of these states
	n.Counting, err = s.Judging(ctx)
	return n, err
}
