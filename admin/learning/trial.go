package learning

import (
	"context"
	"time"

	"patgate/admin/tokens"
	"patgate/learn"
	"patgate/learn/propose"
	"patgate/store"
)

// Attempt is a set of rules to try on what all tokens were seen to do.
type Attempt struct {
	Days  int // 0 for the standard
	Tried Rules
	// InForce, when not nil, are the present rules: requests that these deny as well are not counted. Without them every request
	// counts that was allowed when it was made.
	InForce *Rules
	// Origin is the address of the forge whose own credentials are tried too; empty: no such credentials.
	Origin string
}

// Tried is the result of an attempt for a token, or for a credential of the forge's own.
type Tried struct {
	// TokenID is the token, SubjectID the credential; the other is 0.
	TokenID   int64  `json:"token_id,omitempty"`
	SubjectID int64  `json:"subject_id,omitempty"`
	Name      string `json:"name"`
	Username  string `json:"username"` // of its owner
	// State is the token's now. Tokens that have ended are tried too: the next token for the same job will ask for the same.
	State string `json:"state,omitempty"`
	// Limits are the names of the limits that a token would not have kept.
	Limits  []string `json:"limits,omitempty"`
	Damaged int      `json:"damaged,omitempty"` // observations that could not be read
	propose.Outcome
}

// Sum is the result of an attempt for all of them together.
type Sum struct {
	Days int `json:"window_days"`
	// Tokens and ForgeTokens are those that were seen, Denied how many of both would have been denied something.
	Tokens      int   `json:"tokens"`
	ForgeTokens int   `json:"forge_tokens"`
	Denied      int   `json:"tokens_denied"`
	Requests    int64 `json:"requests"`
	Kinds       int   `json:"kinds"`
	Observed    int64 `json:"observed"`
	Unclear     int64 `json:"unclear,omitempty"`
	Before      int64 `json:"denied_already,omitempty"`
	Damaged     int   `json:"damaged,omitempty"`
}

// add adds what was tried on one.
func (s *Sum) add(one *Tried) {
	if one.Requests > 0 {
		s.Denied++
	}
	s.Requests += one.Requests
	s.Kinds += one.Kinds
	s.Observed += one.Observed
	s.Unclear += one.Unclear
	s.Before += one.Before
	s.Damaged += one.Damaged
}

// triedAtOnce is how many tokens are in memory at a time, without what they did, which is read token by token.
const triedAtOnce = 5000

// attempt is an Attempt under way.
type attempt struct {
	*Service
	ctx            context.Context
	tried, inForce *ruling // inForce may be nil
	days           int
	since          learn.Day
	now            time.Time
	observing      time.Time // since when what tokens do is kept
	sum            Sum
	each           func(*Tried) error
}

// Try tells which observed requests other rules would have denied. each is called for every token that would have been denied
// something, one by one. Memory does not grow with the number of tokens.
func (s *Service) Try(ctx context.Context, by string, q Attempt, each func(*Tried) error) (*Sum, error) {
	days, err := windowDays(q.Days)
	if err != nil {
		return nil, err
	}
	a := &attempt{Service: s, ctx: ctx, tried: q.Tried.ruling(), days: days, each: each}
	a.since = s.first(days)
	a.now = s.tokens.Now()
	a.sum.Days = days
	if q.InForce != nil {
		a.inForce = q.InForce.ruling()
	}
	if a.observing, err = s.tokens.Units().ObservingSince(ctx, a.now); err != nil {
		return nil, err
	}
	c := tokens.Operator(by)
	all := func(f store.Filter) ([]store.Listed, int, error) { return s.tokens.List(ctx, c, 0, true, f) }
	err = store.Filter{Limit: triedAtOnce, Now: a.now}.Walk(all, func(list []store.Listed) error {
		for i := range list {
			if err := a.token(c, &list[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if q.InForce == nil || q.Origin == "" {
		return &a.sum, nil
	}
	for after := int64(0); ; {
		list, err := s.tokens.Units().SubjectsAfter(ctx, q.Origin, after, triedAtOnce)
		if err != nil {
			return nil, err
		}
		for i := range list {
			if err := a.credential(&list[i]); err != nil {
				return nil, err
			}
		}
		if len(list) < triedAtOnce {
			return &a.sum, nil
		}
		after = list[len(list)-1].ID
	}
}

// token tries what a token did.
func (a *attempt) token(c tokens.Caller, l *store.Listed) error {
	// Requests before the window tell whether it was unused for too long.
	from := a.since - learn.Day((a.tried.RevokeUnusedAfter+24*time.Hour-1)/(24*time.Hour))
	list, damaged, err := a.tokens.Units().Observations(a.ctx, l.ID, max(from, 0).Start())
	if err != nil || len(list)+damaged == 0 {
		return err
	}
	t, err := a.tried.trial(l, a.now)
	if err != nil {
		return err
	}
	if t.InForce, err = a.inForce.allowed(l, a.now); err != nil {
		return err
	}
	next, err := a.successor(a.ctx, c, l)
	if err != nil {
		return err
	}
	known := a.observing
	if !known.IsZero() {
		known = latest(known, max(from, 0).Start())
	}
	t.Since, t.Bounds = a.since, a.tried.bounds(l, next, list, known)
	if a.inForce != nil {
		t.Bounds = stricter(t.Bounds, a.inForce.bounds(l, next, list, known))
	}
	one := &Tried{TokenID: l.ID, Name: l.Name, Username: l.Owner.Username, Damaged: damaged}
	one.State, _ = l.State(a.now)
	for _, b := range t.Bounds {
		one.Limits = append(one.Limits, b.Reason)
	}
	if !a.tried.ReportMode && l.Reports(a.now) {
		one.Limits = append(one.Limits, reportMode)
	}
	one.Outcome = a.tried.replay.Try(t, list)
	if one.Observed > 0 || damaged > 0 {
		a.sum.Tokens++
	}
	return a.tell(one)
}

// credential tries what a credential of the forge's own did.
func (a *attempt) credential(x *learn.Subject) error {
	list, damaged, err := a.tokens.Units().Observations(a.ctx, x.ID, a.since.Start())
	if err != nil || len(list)+damaged == 0 {
		return err
	}
	one := &Tried{SubjectID: x.ID, Name: x.Name, Username: x.Username, Damaged: damaged}
	t := propose.Trial{Refuses: a.tried.refuses, Since: a.since}
	if a.inForce != nil {
		t.InForce = func(o *learn.Observation) bool { return a.inForce.refuses(&o.Unit) == "" }
	}
	one.Outcome = a.tried.replay.Try(t, list)
	if one.Requests > 0 {
		one.Limits = []string{legacy}
	}
	a.sum.ForgeTokens++
	return a.tell(one)
}

// tell adds to the sum, and reports a token that would have been denied something.
func (a *attempt) tell(one *Tried) error {
	a.sum.add(one)
	if one.Requests == 0 {
		return a.ctx.Err()
	}
	return a.each(one)
}
