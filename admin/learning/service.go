package learning

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/learn"
	"patgate/learn/propose"
	"patgate/policy"
	"patgate/store"
)

// Service answers. It is safe for concurrent use.
type Service struct {
	tokens *tokens.Service
	turn   chan struct{} // proposals are made one at a time: one takes a processor
}

// New makes a service.
func New(t *tokens.Service) *Service { return &Service{tokens: t, turn: make(chan struct{}, 1)} }

// standardWindow is how far back is looked when nothing is said.
const standardWindow = 30

// Proposed is a proposal for a token.
type Proposed struct {
	TokenID int64  `json:"token_id"`
	Name    string `json:"name"`
	Days    int    `json:"window_days"`
	// Damaged are observations that could not be read.
	Damaged int `json:"damaged,omitempty"`
	propose.Proposal
	// Holds are the scopes of the token now.
	Holds []policy.ScopeSpec `json:"holds"`
	// Suggested is how a token with the scopes could begin.
	Suggested Suggestion `json:"suggested"`
}

// Suggestion is a name and a lifetime for the token that a proposal becomes.
type Suggestion struct {
	Name      string `json:"name"`
	ExpiresIn string `json:"expires_in"`
}

// suggest gives the token twice the time for which its job was seen, from a week to 90 days and never more than tokens may live.
func (s *Service) suggest(name string, seen int) Suggestion {
	const least, most = 7, 90
	life := min(time.Duration(min(max(2*seen, least), most))*24*time.Hour, s.tokens.MaxLifetime())
	const tail = ", least"
	if letters := []rune(name); len(letters)+len(tail) > terms.MaxName {
		name = string(letters[:terms.MaxName-len(tail)])
	}
	return Suggestion{Name: name + tail, ExpiresIn: terms.WriteSpan(life)}
}

// Choices are what somebody said to a proposal that asked.
type Choices struct {
	// Accept are permissions that may be in it although they are dangerous.
	Accept []string
	// Groups are those that shall stand in the place of their projects.
	Groups []int64
}

// GroupList writes the groups with commas between.
func (c *Choices) GroupList() string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(c.Groups), " ", ","), "[]")
}

// Propose makes the smallest grant for what a token did in some days.
func (s *Service) Propose(ctx context.Context, c tokens.Caller, id int64, days int, said Choices) (*Proposed, error) {
	l, list, damaged, err := s.seen(ctx, c, id, &days)
	if err != nil {
		return nil, err
	}
	problems := &terms.Invalid{}
	table := s.tokens.Table()
	for _, name := range said.Accept {
		if _, known := table.Catalogue().Find(name); !known {
			problems.Add("accept", "unknown permission %q", name)
		}
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	present, err := s.tokens.GrantOf(&l)
	if err != nil {
		return nil, err
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	today := learn.DayOf(s.tokens.Now())
	p, err := propose.NewReplay(table).Make(propose.Ask{
		Observations: list,
		Since:        today - learn.Day(days) + 1,
		Today:        today,
		Owner:        l.Owner.UserID,
		Present:      present,
		Accept:       said.Accept,
		Groups:       said.Groups,
		Over:         ctx.Err,
	})
	if errors.Is(err, propose.ErrNothing) {
		problems.Add("since", "the token was not seen to do anything in the last %d days", days)
		return nil, problems
	}
	if err != nil {
		return nil, err
	}
	return &Proposed{TokenID: id, Name: l.Name, Days: days, Damaged: damaged, Proposal: *p, Holds: l.Scopes,
		Suggested: s.suggest(l.Name, p.Confidence.Days)}, nil
}

// Simulated is what other scopes of a token would have done.
type Simulated struct {
	TokenID int64 `json:"token_id"`
	Days    int   `json:"window_days"`
	Damaged int   `json:"damaged,omitempty"`
	propose.Outcome
}

// Simulate tells which requests of a token in some days other scopes would have denied. Nil scopes are those that it has: what
// the table of now denies.
func (s *Service) Simulate(ctx context.Context, c tokens.Caller, id int64, days int, scopes *[]terms.Scope) (*Simulated, error) {
	l, list, damaged, err := s.seen(ctx, c, id, &days)
	if err != nil {
		return nil, err
	}
	var grant *policy.Grant
	if scopes != nil {
		grant, err = s.tokens.Planned(ctx, c, id, *scopes)
	} else {
		grant, err = s.tokens.GrantOf(&l)
	}
	if err != nil {
		return nil, err
	}
	today := learn.DayOf(s.tokens.Now())
	out := propose.NewReplay(s.tokens.Table()).Simulate(grant, list, today-learn.Day(days)+1)
	return &Simulated{TokenID: id, Days: days, Damaged: damaged, Outcome: out}, nil
}

// seen reads a token that the caller may read, and what it was seen to do in some days, 0 for the standard.
func (s *Service) seen(ctx context.Context, c tokens.Caller, id int64, days *int) (l store.Listed, list []learn.Observation,
	damaged int, err error) {
	if *days == 0 {
		*days = standardWindow
	}
	if *days < 0 || *days > learn.DaysKept {
		problems := &terms.Invalid{}
		problems.Add("since", "must be from 1 to %d days", learn.DaysKept)
		return l, nil, 0, problems
	}
	return s.tokens.Observed(ctx, c, id, (learn.DayOf(s.tokens.Now()) - learn.Day(*days) + 1).Start())
}
