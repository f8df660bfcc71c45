// Package trustwatch says what people may see of trusts: what their files ask for and grant, how that differs from what was
// allowed, and what became of recent ID tokens. A trust is shown to its owner and to administrators of patgate, who also revoke
// trusts through this package. For everybody else it does not exist.
package trustwatch

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"patgate/admin/tokens"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
	"patgate/token"
	"patgate/trust"
	"patgate/trust/exchange"
)

// Options are what a Service works with. All are required.
type Options struct {
	Tokens   *tokens.Service
	Store    store.Store
	Policies func() *trust.Set
	// Audience is what ID tokens are made for, without the name of a policy.
	Audience string
}

// Service gives trusts and their outcomes. It is safe for concurrent use; a nil Service notes nothing.
type Service struct {
	o       Options
	refused atomic.Pointer[[]routes.Problem]
	came    outcomes
}

// New makes a service.
func New(o Options) *Service { return &Service{o: o} }

// Refused notes the problems that keep the present files from being in force; none when they are in force.
func (s *Service) Refused(problems []routes.Problem) {
	if s != nil {
		s.refused.Store(&problems)
	}
}

// Problems gives what Refused noted; nil has none.
func (s *Service) Problems() []routes.Problem {
	if s == nil || s.refused.Load() == nil {
		return nil
	}
	return *s.refused.Load()
}

// Audience is what ID tokens for a trust are made for.
func (s *Service) Audience(name string) string {
	return (&trust.Policy{Name: name}).Audience(s.o.Audience)
}

// Stale tells whether the files, as they are now, are not in force.
func (s *Service) Stale() bool { return len(s.Problems()) > 0 }

// Standing is what a trust does now.
type Standing uint8

// The zero value gives nothing, because no file has the trust. Open gives tokens; what stands between needs something first.
const (
	Gone       Standing = iota // no file has it any more
	Unallowed                  // its owner has not allowed it
	OtherOwner                 // somebody else than the owner whom the file names has allowed it
	Widened                    // the file reaches further than what was allowed
	Paused                     // by its file
	Audit                      // by its file
	Open
)

// One is a trust as people see it.
type One struct {
	Name     string
	Policy   *trust.Policy      // nil: no file has it any more
	Allowed  *store.TrustListed // nil: nobody has allowed it
	Standing Standing
	// Rules and Power are what it asks for and grants: by its file, and where that is gone, as it was allowed.
	Rules *trust.Rules
	Power []policy.ScopeSpec
	// Own: it is the caller's.
	Own bool
	// Differs says, a line each, how the file differs from what was allowed.
	Differs []string
	Came    []Outcome
	// Alive is how many tokens of it there are, as far as the caller may end them.
	Alive int

	hidden bool // somebody else has allowed it, whose tokens and claims are not the caller's business
}

// List gives the trusts of a caller, or with everyone, for administrators, all of them, by their names.
func (s *Service) List(ctx context.Context, c *tokens.Owner, everyone bool) (all []*One, err error) {
	if everyone && !s.o.Tokens.Administrates(c) {
		return nil, tokens.ErrNotFound
	}
	allowed, err := s.o.Store.ListTrusts(ctx, s.o.Tokens.Now())
	if err != nil {
		return nil, err
	}
	set, names := s.o.Policies(), map[string]*One{}
	for _, p := range set.All() {
		names[p.Name] = &One{Name: p.Name, Policy: p}
	}
	for i := range allowed {
		a := &allowed[i]
		if a.Owner.Origin != s.o.Tokens.Origin() {
			continue // of another forge
		}
		if names[a.Name] == nil {
			names[a.Name] = &One{Name: a.Name}
		}
		names[a.Name].Allowed = a
	}
	for _, t := range names {
		if t.Own = t.belongs(c); !t.Own && !everyone {
			continue
		}
		t.see(c, everyone)
		s.judge(t)
		all = append(all, t)
	}
	slices.SortFunc(all, func(a, b *One) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// belongs tells whether a trust is a user's: the user has allowed it, or the file names the user. A username that belongs to
// another user by now counts for nobody.
func (t *One) belongs(c *tokens.Owner) bool {
	if t.Allowed != nil && t.Allowed.Owner.UserID == c.UserID() {
		return true
	}
	recycled := t.Allowed != nil && t.Allowed.Owner.Username == c.Username()
	return t.Policy != nil && !recycled && exchange.IsOwner(t.Policy, c.UserID(), c.Username())
}

// see hides what a caller may not know: all but the owner and administrators see a trust that nobody has allowed, without tokens.
func (t *One) see(c *tokens.Owner, everyone bool) {
	switch {
	case t.Allowed == nil:
	case everyone:
		t.Alive = t.Allowed.Active
	case t.Allowed.Owner.UserID == c.UserID():
		t.Alive = t.Allowed.Own
	default:
		t.Allowed, t.hidden = nil, true
	}
}

// Find gives one trust: tokens.ErrNotFound where there is none, and where it is not for the caller.
func (s *Service) Find(ctx context.Context, c *tokens.Owner, name string) (*One, error) {
	all, err := s.List(ctx, c, s.o.Tokens.Administrates(c))
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(t *One) bool { return t.Name == name })
	if i < 0 {
		return nil, tokens.ErrNotFound
	}
	if !all[i].hidden {
		all[i].Came = s.came.of(name)
	}
	return all[i], nil
}

// judge says what a trust does, and how its file differs from what was allowed. A record that cannot be read allows nothing.
func (s *Service) judge(t *One) {
	p, a := t.Policy, t.Allowed
	rules := &trust.Rules{}
	if a != nil {
		if read, err := trust.ParseRules(a.Rules); err == nil {
			rules = read
		}
		t.Rules, t.Power = rules, a.Scopes
	}
	if p == nil {
		return
	}
	t.Rules, t.Power = p.Rules(s.o.Audience), p.Power
	switch {
	case a == nil:
		t.Standing = Unallowed
		if t.hidden {
			t.Standing = OtherOwner
		}
		return
	case !exchange.IsOwner(p, a.Owner.UserID, a.Owner.Username) || !a.Owner.RemovedAt.IsZero():
		t.Standing = OtherOwner
		return
	}
	now := t.Rules
	beyond, err := exchange.Beyond(&a.Trust, &a.Owner, p.Power, s.o.Tokens.Table())
	wider := now.Beyond(rules)
	if err != nil || beyond { // also for a permission that no longer exists
		wider = cmp.Or(wider, "grant")
	}
	t.Standing = map[trust.Mode]Standing{trust.Enforce: Open, trust.Audit: Audit, trust.Paused: Paused}[p.Mode]
	if wider != "" {
		t.Standing = Widened
		t.Differs = append(t.Differs, "goes further than what was allowed: "+wider)
	}
	file, allowed := now.Lines(), rules.Lines()
	for _, line := range allowed {
		if !slices.Contains(file, line) {
			t.Differs = append(t.Differs, "allowed: "+line)
		}
	}
	for _, line := range file {
		if !slices.Contains(allowed, line) {
			t.Differs = append(t.Differs, "in the file: "+line)
		}
	}
	if wider != "grant" && !token.SameScopes(p.Power, a.Scopes) {
		t.Differs = append(t.Differs, "grants something else than what was allowed")
	}
}

// Made is a token of a trust.
type Made struct {
	store.Listed
	Claims string
}

// Alive gives the newest of the tokens of a trust that are alive, as far as the caller may see them.
func (s *Service) Alive(ctx context.Context, c *tokens.Owner, name string, most int) (all []Made, err error) {
	list, err := s.o.Store.AliveOf(ctx, name, s.o.Tokens.Now(), most)
	if err != nil {
		return nil, err
	}
	for _, one := range list {
		l, err := s.o.Tokens.Show(ctx, c, one.ID)
		if errors.Is(err, tokens.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, Made{l, one.Claims})
	}
	return all, nil
}

// Revoke ends what was allowed to a trust, and revokes its tokens: those of its owner, or everybody's for an administrator. It
// gives the number of the tokens. When it returns, none of them passes on this node. An owner's credential has to reach as far
// as those that the tokens are bound to, as for revoking each of them.
func (s *Service) Revoke(ctx context.Context, c *tokens.Owner, name, reason string) (n int, err error) {
	t, err := s.Find(ctx, c, name)
	if err != nil {
		return 0, err
	}
	if t.Allowed == nil {
		return 0, tokens.Conflict("nobody has allowed the trust %s: it has no tokens", name)
	}
	owners, err := s.ending(ctx, c, t)
	if err != nil {
		return 0, err
	}
	if reason == "" {
		reason = "the trust was revoked by " + c.Username()
	}
	by, whose := "user:"+strconv.FormatInt(c.UserID(), 10), t.Allowed.OwnerID
	if s.o.Tokens.Administrates(c) {
		whose = 0
	}
	var ids []int64
	why := store.Cause{Reason: reason, By: by, At: s.o.Tokens.Now()}
	err = s.o.Tokens.Change(ctx, func(ctx context.Context, st store.Store) error {
		// A revocation that was asked for is carried out, even when the caller goes.
		ids, err = st.RevokeTrust(context.WithoutCancel(ctx), name, whose, why)
		return err
	})
	if err != nil {
		return 0, err
	}
	owner := t.Allowed.Owner.UserID
	s.o.Tokens.Recorded(tokens.Change{What: "trust_revoked", OwnerID: owner, By: by, Reason: name + ": " + reason})
	for _, id := range ids {
		ownerID := cmp.Or(owners[id], owner)
		s.o.Tokens.Recorded(tokens.Change{What: "revoked", TokenID: id, OwnerID: ownerID, By: by, Reason: reason})
	}
	return len(ids), nil
}

// ending gives the owners of the trust's tokens that a caller may see. The error says that the caller's credential is too weak to
// end one of them, or what was allowed.
func (s *Service) ending(ctx context.Context, c *tokens.Owner, t *One) (owners map[int64]int64, err error) {
	alive, err := s.Alive(ctx, c, t.Name, math.MaxInt32)
	if err != nil {
		return nil, err
	}
	all := []store.Listed{{Record: token.Record{CredentialID: t.Allowed.CredentialID}, Owner: t.Allowed.Owner}}
	owners = map[int64]int64{}
	for i := range alive {
		owners[alive[i].ID] = alive[i].Owner.UserID
		all = append(all, alive[i].Listed)
	}
	for i := range all {
		if s.o.Tokens.Administrates(c) || c.Watches() { // the forge has named a watcher, whatever the credential could do
			break
		}
		if err := c.Vouch(ctx, s.o.Tokens, &all[i]); err != nil {
			return nil, err
		}
	}
	return owners, nil
}

// Traded notes the outcome of an ID token.
func (s *Service) Traded(e exchange.Event) {
	if s != nil && e.Trust != "" {
		s.came.add(e, s.o.Tokens.Now(), func(name string) bool { return s.o.Policies().Find(name) != nil })
	}
}
