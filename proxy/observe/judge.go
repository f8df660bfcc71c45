package observe

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"patgate/audit"
	"patgate/forge"
	"patgate/policy"
	"patgate/proxy/asking"
	"patgate/proxy/header"
	"patgate/proxy/legacy"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/token"
)

var (
	// errNothing: no grant decides on what the request did.
	errNothing = errors.New("no grant decides on that")
	// errIdentity: it is not known whose the credential is.
	errIdentity = errors.New("it is not known whose the credential is")
)

// judge has the request judged as one of a token that may do everything its owner may, and notes in the event what it did. That
// decides nothing: it was answered. whole is false when its projects and groups could not be found out. The forge is not asked
// about what has no row, nor about what anybody may do.
func (o *Observer) judge(r *Copy, j *surface.Judgement, e *audit.Event) (whole bool, err error) {
	q := &surface.Request{Table: o.o.Table(), Dialect: o.o.Dialect, Surface: r.surface, Upstream: r.upstream, Method: r.method,
		IsHead: r.head, Target: r.target, Path: header.Before(r.target, '?'), Client: r.client, Start: time.Now()}
	for _, f := range r.fields {
		q.Fields.Add(f.name, f.value)
	}
	q.Credential.Dialect, q.Credential.Auth = q.Dialect, r.auth
	if j.Visit, err = q.Surface.Classify(q, &j.Op); err != nil {
		return false, err
	}
	if !r.mayBeUse(j.Op.Route) {
		return false, errNothing
	}
	h, ok := o.identify(r, r.proves(q))
	if !ok {
		return false, errIdentity
	}
	e.TokenID, e.OwnerID = h.ID, h.UserID
	grant, err := o.everything(q.Table, h.UserID)
	if err != nil {
		return false, err
	}
	b := &surface.Body{}
	defer b.Release()
	if r.body != nil {
		b.Open(&o.limits, r.body.reader(), -1)
	} else {
		b.Open(&o.limits, nil, 0)
	}
	j.Begin(&o.rules, &token.Session{TokenID: h.ID, OwnerUserID: h.UserID, Username: h.Username, Grant: grant,
		Credential: r.credential, CredentialID: h.ID}, e)
	err = j.Judge(q, b)
	e.Route = j.Op.Route
	return did(j, e, err, r.body != nil && r.body.cut)
}

// mayBeUse tells whether a grant may decide on a request of a row, by the answer that it got. Without a row that is found out
// later.
func (r *Copy) mayBeUse(row *routes.Route) bool {
	if row == nil {
		return !r.outcome.isDownload()
	}
	return row.Kind != routes.KindOpen && !row.NeedSet.Empty() && (row.Redirects || !r.outcome.isDownload())
}

// proves tells whether the answer shows that the forge has looked at the credential and accepted it, and not another one in the
// body.
func (r *Copy) proves(q *surface.Request) bool {
	s, is := q.Surface.(surface.Proves)
	switch {
	case r.outcome.Accepted:
		return true
	case !is, r.auth == routes.AuthNone, r.outcome.Status < 200, r.outcome.Status >= 300:
		return false
	}
	if b := r.body; b != nil && !legacy.HoldsNothing(q.Fields.Get(header.ContentType)) {
		if b.cut || q.Fields.Has(header.ContentEncoding) {
			return false
		}
		in := legacy.FindInBody(q.Fields.Get(header.ContentType), b.kept)
		if in.Unclear || in.Ours || len(in.Secrets) > 0 {
			return false
		}
	}
	return s.Proves(q, &surface.Body{})
}

// did notes what an answered request did, whatever was decided on it. cut: not all of its body was there.
func did(j *surface.Judgement, e *audit.Event, err error, cut bool) (whole bool, _ error) {
	row := e.Route
	judged := j.Decision.Reason != policy.ReasonNone
	switch {
	case row == nil && err != nil:
		return false, err
	case row == nil, row.Kind == routes.KindOpen, row.NeedSet.Empty() && !row.ByActs:
		return false, errNothing
	case row.ByActs && len(e.Acts) == 0 && err != nil:
		return false, err // nothing says what it did
	case !judged && (cut || errors.Is(err, forge.ErrCredential)):
		e.Verdict, e.Used, e.Acts = policy.Allow, &row.NeedSet, nil
		return false, nil // its body is not all there, or the credential may do it but not ask about it
	case !judged && err != nil:
		return false, err
	case e.Verdict == policy.Allow && e.Used == nil && len(e.Acts) == 0:
		return false, errNothing
	}
	if e.Verdict != policy.Allow {
		used := row.NeedSet
		for i := range e.Acts {
			if e.Acts[i].Needs != nil {
				used.Union(e.Acts[i].Needs)
			}
		}
		e.Verdict, e.Used, e.Permission = policy.Allow, &used, ""
	}
	return found(row, e.Acts), nil
}

// found tells whether everything was found that a request names.
func found(row *routes.Route, acts []policy.Act) bool {
	for i := range acts {
		a := &acts[i]
		missing := !a.Elsewhere && (a.Container == nil || a.Container.Boundary == routes.BoundaryNone)
		if a.Boundary.InContainer() && missing && (a.Kind != policy.ActOwn || row.Find.From != routes.FindNowhere) {
			return false
		}
	}
	return true
}

// everything gives the grant of a token that may do everything, under a table.
func (o *Observer) everything(t *routes.Table, owner int64) (*policy.Grant, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.table != t {
		grant, err := policy.Compile(1, t.Version(), allScopes(t.Catalogue()), t.Catalogue())
		if err != nil {
			return nil, err
		}
		o.grant, o.table = grant, t
	}
	grant := *o.grant
	grant.Owner = owner
	return &grant, nil
}

// allScopes gives scopes with all permissions wherever they can be granted.
func allScopes(c *routes.Catalogue) []policy.ScopeSpec {
	var on [3][]string
	for _, info := range c.All() {
		for i, boundaries := range [][]routes.Boundary{{routes.BoundaryProject, routes.BoundaryGroup}, {routes.BoundaryUser},
			{routes.BoundaryInstance}} {
			if slices.ContainsFunc(boundaries, func(b routes.Boundary) bool { return slices.Contains(info.Boundaries, b) }) {
				on[i] = append(on[i], info.Name)
			}
		}
	}
	var specs []policy.ScopeSpec
	for i, access := range []policy.Access{policy.AccessAllMemberships, policy.AccessUser, policy.AccessInstance} {
		if len(on[i]) > 0 {
			specs = append(specs, policy.ScopeSpec{Access: access.String(), Permissions: on[i]})
		}
	}
	return specs
}

// paced asks no more than so many questions in a second, and of these so many for one owner: one beyond that waits for no turn,
// so that one owner's requests, with many references each, never keep those of all others waiting.
type paced struct {
	asking.Resolver
	ctx   context.Context
	turns *rate.Limiter

	mu     sync.Mutex
	owners map[int64]*rate.Limiter // by forge user id
}

func newPaced(ctx context.Context, r asking.Resolver) *paced {
	return &paced{Resolver: r, ctx: ctx, turns: rate.NewLimiter(questions, questionsAtOnce), owners: map[int64]*rate.Limiter{}}
}

// turn waits for a turn to ask something for an owner.
func (p *paced) turn(owner int64) error {
	if !p.may(owner) {
		return forge.ErrBudget
	}
	if err := p.turns.Wait(p.ctx); err != nil {
		return forge.ErrTimeout
	}
	return nil
}

// may tells whether an owner may have one more question asked now.
func (p *paced) may(owner int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	of := p.owners[owner]
	if of == nil {
		if len(p.owners) >= mostOwners {
			maps.DeleteFunc(p.owners, func(_ int64, l *rate.Limiter) bool { return l.Tokens() >= questionsOfOneAtOnce })
		}
		if len(p.owners) >= mostOwners {
			return false
		}
		of = rate.NewLimiter(questionsOfOne, questionsOfOneAtOnce)
		p.owners[owner] = of
	}
	return of.Allow()
}

// Resolve waits for its turn.
func (p *paced) Resolve(ctx context.Context, s *token.Session, ref routes.Reference, maxAge time.Duration) (policy.Container,
	error) {
	if err := p.turn(s.OwnerUserID); err != nil {
		return policy.Container{}, err
	}
	return p.Resolver.Resolve(ctx, s, ref, maxAge)
}

// Lookup waits for its turn.
func (p *paced) Lookup(ctx context.Context, s *token.Session, route *routes.Route, op *routes.Operation) (forge.LookupResult,
	error) {
	if err := p.turn(s.OwnerUserID); err != nil {
		return forge.LookupResult{}, err
	}
	return p.Resolver.Lookup(ctx, s, route, op)
}

// Denied costs nothing: nothing is denied.
func (*paced) Denied(*token.Session, int) {}
