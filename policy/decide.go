package policy

import "patgate/routes"

// Decide answers whether a grant allows a request. It is a pure function, allocates nothing, and denies whatever it is not
// told in full.
//
//   - The scopes of a grant unite: a check passes when the scopes that reach its container hold together all that it
//     needs. What reaches what is said at Access. More scopes never turn an allow into a denial.
//   - Every check must pass. The row's own come first; a target that fails is ReasonTargetDenied.
//   - A container that is not found or not visible answers as one that is out of bounds, so that nobody can ask what
//     exists; ReasonHidden (404) is for what the grant covers without doubt: a numeric id that a scope with the
//     permissions names, and anything at all under all_memberships.
//   - A row whose own boundary cannot be found (FindNowhere) needs its permissions under all_memberships, and so does,
//     besides its check, a row that spans them.
//   - A row marked public needs no permission while all its own containers are public. It is then forwarded without a
//     credential, so that nobody sees more than an anonymous caller. Its targets must still be granted.
//   - What a command in a text would do needs its permissions like a request for the same thing: on every container
//     of the request, and under all_memberships too when its argument may name another one.
//   - A scope that carries a constraint does not count for a row that writes; a request that only such scopes would allow
//     is ReasonConstrained. Where the body lists the refs that it changes, the scope counts for those that its constraints
//     let through, and one that no scope lets through is ReasonRef; a row that changes no ref is not concerned.
//   - A row that writes and is newer than the token is ReasonNewerThanToken.
func Decide(g *Grant, q *Question) Decision {
	if g == nil {
		g = &Grant{}
	}
	l := look{}
	if g.constrained && q.Route != nil {
		switch {
		case q.Route.Refs == routes.RefsListed:
			return g.decideRefs(q)
		case q.Route.Refs == routes.RefsUnknown:
			l.strict = q.Route.Writes()
		}
	}
	d := g.decide(q, l)
	if l.strict && d.Verdict == Deny && g.decide(q, look{}).Verdict == Allow {
		d.Reason = ReasonConstrained
	}
	return d
}

// decideRefs decides a request whose body lists the refs that it changes: what is allowed at all must be allowed for each
// of them by scopes whose constraints let it through.
func (g *Grant) decideRefs(q *Question) Decision {
	d := g.decide(q, look{})
	if d.Verdict == Deny {
		return d
	}
	for i := range q.Refs {
		if each := g.decide(q, look{ref: &q.Refs[i]}); each.Verdict == Deny {
			container := d.Container
			d.deny(ReasonRef, i, routes.BoundaryNone)
			d.Container = container
			return d
		}
	}
	return d
}

// decide and what it calls write the decision in place: it is large enough for copies to cost more than the rules.
func (g *Grant) decide(q *Question, l look) (d Decision) {
	if settle(q.Route, &d) {
		return d
	}
	if !g.own(q, l, &d) {
		if !q.public() {
			return d
		}
		d = Decision{Verdict: Allow, Reason: ReasonPublic, Scope: -1, Check: -1, Anonymous: true}
	}
	if g.targets(q, l, &d); d.Verdict == Allow {
		g.commands(q, l, &d)
	}
	return d
}

// own decides the row's own boundary.
func (g *Grant) own(q *Question, l look, d *Decision) (allowed bool) {
	if !g.claim(q.Route, l, d) {
		return false
	}
	d.Scope, d.Check = -1, -1
	for i := range q.Checks {
		c := &q.Checks[i]
		if c.Target {
			continue
		}
		scope, ok := g.check(q, i, l, d)
		if !ok {
			return false
		}
		if !allowed {
			allowed = true
			d.Verdict, d.Reason, d.Scope, d.Check, d.Boundary = Allow, ReasonGranted, scope, i, c.Boundary
			if c.Container != nil {
				d.Container = c.Container.ID
			}
		}
	}
	return allowed
}

// targets denies unless all further containers pass, which must include all that the row requires.
func (g *Grant) targets(q *Question, l look, d *Decision) {
	given := 0
	for i := range q.Checks {
		if !q.Checks[i].Target {
			continue
		}
		given++
		if _, ok := g.check(q, i, l, d); !ok {
			return
		}
	}
	for i := range q.Route.Targets {
		t := &q.Route.Targets[i]
		if !t.Required {
			continue
		}
		if given--; given < 0 || !q.checked(&t.NeedSet) {
			d.deny(ReasonTargetDenied, -1, routes.BoundaryNone)
			d.Missing = t.NeedSet
			return
		}
	}
}

// checked tells whether some target check covers the needs of a required target.
func (q *Question) checked(needs *routes.PermissionSet) bool {
	for i := range q.Checks {
		if c := &q.Checks[i]; c.Target && c.Needs != nil && c.Needs.Contains(needs) {
			return true
		}
	}
	return false
}

// check decides one check: it gives the first scope that contributed, or writes the denial.
func (g *Grant) check(q *Question, i int, l look, d *Decision) (scope int, ok bool) {
	c := &q.Checks[i]
	var both routes.PermissionSet
	want, outside := c.Needs, ReasonTargetDenied
	if !c.Target {
		want, outside = &q.Route.NeedSet, ReasonOutOfBounds
		if c.Needs != nil && c.Needs != want {
			both = *want
			both.Union(c.Needs)
			want = &both
		}
	}
	if want == nil || want.Empty() {
		d.deny(outside, i, q.shown(c, false))
		return -1, false
	}
	o := reach{first: -1}
	offered := c.Target || offers(q.Route, c.Boundary)
	switch {
	case !c.Target && offered && c.Boundary.InContainer() && q.Route.Find.From == routes.FindNowhere:
		// Nobody can find it: all_memberships is all that covers it.
		outside = ReasonNotFindable
		g.expects(&o, routes.Reference{}, want, l)
	case offered && (!c.Target || c.Container != nil):
		g.reach(&o, c.Boundary, c.Container, want, l)
	}
	if o.touched && o.held.Contains(want) {
		return o.first, true
	}
	d.deny(outside, i, q.shown(c, o.touched))
	d.missing(want, &o.held)
	if outside == ReasonNotFindable {
		d.Boundary = c.Boundary
		return -1, false
	}
	if c.Container != nil {
		d.Container = c.Container.ID
	}
	named := c.Boundary != routes.BoundaryUser && c.Boundary != routes.BoundaryInstance
	switch {
	case (!offered || named && !visible(c.Boundary, c.Container)) && g.covers(c.Reference, want, l):
		d.Reason, d.Missing = ReasonHidden, routes.PermissionSet{}
	case !c.Target && !g.any.Contains(want):
		d.Reason = ReasonPermissionMissing
	}
	return -1, false
}

// covers tells whether the grant holds the permissions for what a reference names, seen or not.
func (g *Grant) covers(ref routes.Reference, want *routes.PermissionSet, l look) bool {
	o := reach{first: -1}
	g.expects(&o, ref, want, l)
	return o.touched && o.held.Contains(want)
}
