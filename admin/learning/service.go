package learning

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"patgate/admin/sight"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/learn"
	"patgate/learn/propose"
	"patgate/policy"
	"patgate/store"
	"patgate/token"
)

// Service answers. It is safe for concurrent use.
type Service struct {
	tokens  *tokens.Service
	turn    chan struct{} // proposals are made one at a time: one takes a processor
	damaged atomic.Int64
}

// New makes a service.
func New(t *tokens.Service) *Service { return &Service{tokens: t, turn: make(chan struct{}, 1)} }

// Damaged is how many kept observations could not be read.
func (s *Service) Damaged() int64 { return s.damaged.Load() }

// standardWindow is how far back is looked when nothing is said.
const standardWindow = 30

// Proposed is a proposal for a token or for a credential of the forge's own.
type Proposed struct {
	// TokenID is the token, SubjectID the credential; the other is 0.
	TokenID   int64  `json:"token_id,omitempty"`
	SubjectID int64  `json:"subject_id,omitempty"`
	Name      string `json:"name"`
	Username  string `json:"username"` // whose it is
	// Yours: it is the caller's own, so the caller can make a token in its place.
	Yours bool `json:"yours"`
	Days  int  `json:"window_days"`
	// Damaged are observations that could not be read.
	Damaged int `json:"damaged,omitempty"`
	propose.Proposal
	// NotAsked are groups to which somebody said yes and which the proposal does not ask about. They are not in it.
	NotAsked []int64 `json:"groups_not_asked,omitempty"`
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
	// Groups are granted in the place of their projects, and for requests whose group alone is known.
	Groups []int64
	// Suspect takes in what was first seen from a new network, or shortly before a leak was reported.
	Suspect bool
}

// GroupList writes the groups with commas between.
func (c *Choices) GroupList() string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(c.Groups), " ", ","), "[]")
}

// Propose makes the smallest grant for what a subject did in some days.
func (s *Service) Propose(ctx context.Context, c tokens.Caller, id int64, days int, said Choices) (*Proposed, error) {
	x, list, err := s.seen(ctx, c, id, days)
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
	out := &Proposed{Name: x.Name, Username: x.Username, Yours: yours(c, x.subject), Days: x.days, Damaged: x.damaged}
	ask := propose.Ask{Observations: list, Since: s.first(x.days), Today: s.today(), Owner: x.UserID, Accept: said.Accept,
		Groups: said.Groups, AcceptSuspect: said.Suspect, Over: ctx.Err}
	if x.Token != nil {
		if ask.Present, err = s.tokens.GrantOf(x.Token); err != nil {
			return nil, err
		}
		ask.Reports = reported(&x.Token.Record, ask.Today)
		out.TokenID, out.Holds, ask.Suspect = id, x.Token.Scopes, leakedFrom(x.Token)
	} else {
		out.SubjectID, out.Name = id, cmp.Or(x.Name, "forge token")
	}
	p, err := s.make(ctx, ask)
	if errors.Is(err, propose.ErrNothing) {
		return nil, x.nothing()
	}
	if err != nil {
		return nil, err
	}
	p.Groups = s.groups(ctx, c, x.subject, p.Groups)
	ask.Groups = nil
	for _, id := range said.Groups {
		if p.Asks(id) {
			ask.Groups = append(ask.Groups, id)
		} else {
			out.NotAsked = append(out.NotAsked, id)
		}
	}
	if len(out.NotAsked) > 0 { // one of them may be in it: of its projects less than half were used
		asked := p.Groups
		if p, err = s.make(ctx, ask); err != nil {
			return nil, err
		}
		p.Groups = asked
	}
	out.Proposal, out.Suggested = *p, s.suggest(out.Name, p.Confidence.Days)
	return out, nil
}

// make makes a proposal, in turn.
func (s *Service) make(ctx context.Context, ask propose.Ask) (*propose.Proposal, error) {
	release, err := s.takeTurn(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	return propose.NewReplay(s.tokens.Table()).Make(ask)
}

// daysToDecide is for how long after the end of report mode what passed in it is part of a proposal.
const daysToDecide = 7

// reported tells whether a token is in report mode, or was so lately that nobody need have decided on its scopes since.
func reported(r *token.Record, today learn.Day) bool {
	end := r.ReportEnd()
	return !end.IsZero() && today <= learn.DayOf(end)+daysToDecide
}

// leakedFrom is from when on a token that was reported as leaked may have been a thief's; zero when it was not reported.
func leakedFrom(l *store.Listed) time.Time {
	if strings.HasPrefix(l.RevokeReason, terms.Leaked) {
		return l.RevokedAt.AddDate(0, 0, -learn.LeakDays)
	}
	return time.Time{}
}

// takeTurn waits until no other answer is being worked out. release ends the turn.
func (s *Service) takeTurn(ctx context.Context) (release func(), err error) {
	select {
	case s.turn <- struct{}{}:
		return func() { <-s.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// mostGroups bounds about how many groups the forge is asked for one proposal.
const mostGroups = 5

// groups leaves out groups when less than half of their projects were used. The forge says how many projects of a group the
// owner sees. Where it does not, the question stays and says that the number is not known. A token is not told how large
// groups are.
func (s *Service) groups(ctx context.Context, c tokens.Caller, x *subject, found []propose.Group) (kept []propose.Group) {
	var sight *sight.Sight
	if _, isToken := tokens.OwnGrant(c); len(found) > 0 && !isToken {
		sight = s.sightOf(ctx, c, x)
	}
	for i := range found {
		g := &found[i]
		if sight != nil && i < mostGroups {
			if projects, complete, err := sight.Below(ctx, g.ID); err == nil && !g.Among(projects, complete) {
				continue
			}
		}
		kept = append(kept, *g)
	}
	return kept
}

// sightOf gives what asks the forge as a subject's owner; nil when the caller has nothing to ask it with.
func (s *Service) sightOf(ctx context.Context, c tokens.Caller, x *subject) (as *sight.Sight) {
	if owner, ok := c.(*tokens.Owner); ok && x.Token == nil && owner.UserID() == x.UserID {
		return s.tokens.SeenByOwner(owner)
	}
	if x.Token != nil {
		as, _ = s.tokens.SeenBy(ctx, c, x.Token) // without it the questions stay
	}
	return as
}

// Simulated is what other scopes of a token would have done.
type Simulated struct {
	TokenID int64 `json:"token_id"`
	Days    int   `json:"window_days"`
	Damaged int   `json:"damaged,omitempty"`
	propose.Outcome
}

// Simulate tells which requests of a token in the last days other scopes would have denied. Nil scopes are the token's own: it
// then tells what the present table denies.
func (s *Service) Simulate(ctx context.Context, c tokens.Caller, id int64, days int, scopes *[]terms.Scope) (*Simulated, error) {
	x, list, err := s.seen(ctx, c, id, days)
	switch {
	case err != nil:
		return nil, err
	case x.Token == nil:
		return nil, tokens.ErrNotFound
	}
	var grant *policy.Grant
	if scopes != nil {
		_, grant, err = s.tokens.Planned(ctx, c, id, *scopes)
	} else {
		grant, err = s.tokens.GrantOf(x.Token)
	}
	if err != nil {
		return nil, err
	}
	out := propose.NewReplay(s.tokens.Table()).Simulate(grant, list, s.first(x.days))
	return &Simulated{TokenID: id, Days: x.days, Damaged: x.damaged, Outcome: out}, nil
}

func (s *Service) today() learn.Day { return learn.DayOf(s.tokens.Now()) }

// first is the first day of a window.
func (s *Service) first(days int) learn.Day { return s.today() - learn.Day(days) + 1 }

// window is a subject that is looked at for some days.
type window struct {
	*subject
	days    int
	damaged int // observations that could not be read
}

// seen reads a subject that the caller may see, and what it was seen to do in some days, 0 for the standard.
func (s *Service) seen(ctx context.Context, c tokens.Caller, id int64, days int) (x window, list []learn.Observation, err error) {
	if x.days, err = windowDays(days); err != nil {
		return x, nil, err
	}
	if x.subject, err = s.subjectOf(ctx, c, id); err == nil {
		list, x.damaged, err = s.tokens.Units().Observations(ctx, id, s.first(x.days).Start())
		s.damaged.Add(int64(x.damaged))
	}
	return x, list, err
}

// windowDays gives how many days are looked at, 0 for the standard.
func windowDays(days int) (int, error) {
	if days = cmp.Or(days, standardWindow); days < 0 || days > learn.DaysKept {
		problems := &terms.Invalid{}
		problems.Add("since", "must be from 1 to %d days", learn.DaysKept)
		return 0, problems
	}
	return days, nil
}

// nothing says that nothing was seen.
func (x *window) nothing() error {
	what := "token"
	if x.Token == nil {
		what = "forge token"
	}
	problems := &terms.Invalid{}
	problems.Add("since", "the %s was not seen to do anything in the last %s", what, spell(x.days, "day"))
	return problems
}
