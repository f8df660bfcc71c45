// Package counts counts tokens, for those who look at all of them.
package counts

import (
	"context"

	"patgate/admin/marks"
	"patgate/admin/tokens"
	"patgate/store"
)

// Counts are how many tokens there are, by their state and their badges.
type Counts struct {
	Active, Paused, Expired, Revoked, Total int
	// Soon, Broad, Dangerous, Reports and Unused count active tokens: expiring soon, broad, those that look dangerous, in report
	// mode, and unused or with unused permissions.
	Soon, Broad, Dangerous, Reports, Unused int
	// Counting tells that not all tokens were judged yet: Broad, Dangerous and Unused may be too low.
	Counting bool
}

// Of counts the tokens that s.List would list for an owner; all is for administrators.
func Of(ctx context.Context, s *tokens.Service, c *tokens.Owner, all bool) (n Counts, err error) {
	if _, n.Reports, err = s.List(ctx, c, 0, all, store.Filter{Mark: store.MarkReports, CountOnly: true}); err != nil {
		return n, err
	}
	_, _ = s.Marks().Changed(ctx) // the answer is made from what is kept; the keeper reports errors
	t, err := s.Tally(ctx, c, all)
	if err != nil {
		return n, err
	}
	now := s.Now()
	kept, err := s.Units().ObservingSince(ctx, now)
	if err != nil {
		return n, err
	}
	n.Active, n.Paused, n.Expired, n.Revoked = t.Active, t.Paused, t.Expired(), t.Revoked
	n.Total = t.Tokens
	n.Soon, n.Broad, n.Dangerous, n.Unused = t.Soon, t.Broad, t.Dangerous, t.Unused
	if marks.Unobserved(kept, now) {
		n.Unused = t.NeverUsed
	}
	n.Counting, err = s.Judging(ctx)
	return n, err
}
