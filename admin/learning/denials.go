package learning

import (
	"context"

	"patgate/admin/tokens"
	"patgate/learn/propose"
)

// mostDenials is how many of a token's denials are told: the latest.
const mostDenials = 20

// Denials tells what was denied to a token in the last days, 0 for the standard, and what would allow it. The caller must be one
// who may read the token.
func (s *Service) Denials(ctx context.Context, c tokens.Caller, id int64, days int) ([]propose.Denied, error) {
	x, list, err := s.seen(ctx, c, id, days)
	switch {
	case err != nil:
		return nil, err
	case x.Token == nil:
		return nil, tokens.ErrNotFound
	}
	grant, err := s.tokens.GrantOf(x.Token)
	if err != nil {
		return nil, err
	}
	all := propose.NewReplay(s.tokens.Table()).Denied(grant, list, s.first(x.days))
	return all[:min(len(all), mostDenials)], nil
}
