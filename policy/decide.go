package policy

import "patgate/routes"

// Decide answers whether a grant allows a request. It is a pure function, allocates nothing, and denies a question with
// anything missing.
//
//   - Every act must be allowed. The row's own are decided first, then the targets, then the quick actions; within a kind
//     the first that fails is told. A target that fails is ReasonTargetDenied, a quick action ReasonQuickAction. An act
//     without a kind, or with a ref and no change of it, is ReasonNone.
//   - The scopes of a grant unite: an act is allowed when the scopes that reach its container hold together all that it
//     needs. Access says what a scope reaches. More scopes never turn an allow into a denial.
//   - A container that is not found or not visible answers as one that is out of bounds, so that nobody can ask what
//     exists; ReasonHidden (404) is for what the grant covers without doubt: a numeric id that a scope with the
//     permissions names, and anything at all under all_memberships.
//   - A row whose own boundary cannot be found (FindNowhere) needs its permissions under all_memberships, and so does,
//     besides its own act, a row that spans them, and an own act that may be anywhere.
//   - A row that goes by its acts needs nothing itself: each of its acts has its own needs.
//   - A row marked public needs no permission while all its own containers are public. It is then forwarded without a
//     credential, so that nobody sees more than an anonymous caller. Its targets must still be granted.
//   - A row that spans and whose entries can be judged is allowed without all_memberships, when its own containers are and the
//     grant could reach some entry: ReasonFiltered. Each entry is then a Question of its own, see routes.EntryName.
//   - A quick action needs its permissions like a request for the same thing: on every container of the request, and under
//     all_memberships too when its argument may name another one.
//   - A scope that carries a constraint does not count for a row that writes; a request that only such scopes would allow
//     is ReasonConstrained. Where the body lists the refs that it changes, the scope counts for those that its constraints
//     let through: the other acts must be allowed for each of the refs, and the first for which they are not is ReasonRef.
//     A row that changes no ref is not concerned.
//   - A row that writes and is newer than the token is ReasonNewerThanToken.
//   - What the grant allows and a Ceiling that it is held to forbids is ReasonCeiling, see Grant.Under.
func Decide(g *Grant, q *Question) Decision {
	if g == nil {
		g = &Grant{}
	}
	d := g.unbounded(q)
	if g.bounds != nil {
		g.capped(q, &d)
	}
	return d
}

// unbounded decides without the ceilings.
func (g *Grant) unbounded(q *Question) Decision {
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

// decideRefs decides a request whose body lists the refs that it changes: for each ref, scopes whose constraints let it
// through must allow the other acts.
func (g *Grant) decideRefs(q *Question) Decision {
	d := g.decide(q, look{})
	if d.Verdict == Deny {
		return d
	}
	rest := *q
	for n := len(rest.Acts); n > 0 && rest.Acts[n-1].Kind == ActRef; n-- {
		rest.Acts = rest.Acts[:n-1]
	}
	for i := range q.Acts {
		a := &q.Acts[i]
		if a.Kind == ActRef && g.decide(&rest, look{ref: a.Update}).Verdict == Deny {
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
		switch {
		case q.public():
			d = Decision{Verdict: Allow, Reason: ReasonPublic, Scope: -1, Act: -1, Anonymous: true}
		case q.Entries == nil || !g.filtered(q, l, &d):
			return d
		}
	}
	if g.targets(q, l, &d); d.Verdict == Allow {
		g.further(q, l, &d)
	}
	return d
}

// own decides the row's own acts.
func (g *Grant) own(q *Question, l look, d *Decision) (allowed bool) {
	if !g.claim(q, q.spans(), l, d) {
		return false
	}
	return g.ownActs(q, l, d)
}

// ownActs is own for a grant that may claim the row.
func (g *Grant) ownActs(q *Question, l look, d *Decision) (allowed bool) {
	d.Scope, d.Act = -1, -1
	for i := range q.Acts {
		a := &q.Acts[i]
		if a.Kind != ActOwn {
			continue
		}
		scope, ok := g.onContainer(q, i, l, d)
		if !ok {
			return false
		}
		if !allowed {
			allowed = true
			d.Verdict = Allow
			d.Reason = ReasonGranted
			d.Scope = scope
			d.Act = i
			d.Boundary = a.Boundary
			if a.Container != nil {
				d.Container = a.Container.ID
			}
		}
	}
	return allowed
}

// targets denies unless all targets pass, which must include all that the row requires.
func (g *Grant) targets(q *Question, l look, d *Decision) {
	given := 0
	for i := range q.Acts {
		if q.Acts[i].Kind != ActTarget {
			continue
		}
		given++
		if _, ok := g.onContainer(q, i, l, d); !ok {
			return
		}
	}
	for i := range q.Route.Targets {
		t := &q.Route.Targets[i]
		if !t.Required {
			continue
		}
		if given--; given < 0 || t.NeedSet.Empty() || !q.targeted(&t.NeedSet) {
			d.deny(ReasonTargetDenied, -1, routes.BoundaryNone)
			d.Missing = t.NeedSet
			return
		}
	}
}

// targeted tells whether some target covers the needs of one that the row requires.
func (q *Question) targeted(needs *routes.PermissionSet) bool {
	for i := range q.Acts {
		if a := &q.Acts[i]; a.Kind == ActTarget && a.Needs != nil && a.Needs.Contains(needs) {
			return true
		}
	}
	return false
}

// onContainer decides an own act or a target: it gives the first scope that contributed, or writes the denial.
func (g *Grant) onContainer(q *Question, i int, l look, d *Decision) (scope int, ok bool) {
	a := &q.Acts[i]
	var both routes.PermissionSet
	want, outside := a.Needs, ReasonTargetDenied
	if a.Kind == ActOwn {
		want, outside = &q.Route.NeedSet, ReasonOutOfBounds
		if a.Needs != nil && a.Needs != want {
			both = *want
			both.Union(a.Needs)
			want = &both
		}
	}
	if want == nil || want.Empty() {
		d.deny(outside, i, q.shown(a, false))
		return -1, false
	}
	o := reach{first: -1}
	offered := a.Kind == ActTarget || offers(q.Route, a.Boundary)
	switch {
	case a.Kind == ActOwn && offered && a.Boundary.InContainer() && (q.Route.Find.From == routes.FindNowhere || a.Elsewhere):
		// Nobody can find it: all_memberships is all that covers it.
		outside = ReasonNotFindable
		g.expects(&o, routes.Reference{}, want, l)
	case offered && (a.Kind == ActOwn || a.Container != nil):
		g.reach(&o, a.Boundary, a.Container, want, l)
	}
	if o.touched && o.held.Contains(want) {
		return o.first, true
	}
	d.deny(outside, i, q.shown(a, o.touched))
	d.missing(want, &o.held)
	if outside == ReasonNotFindable {
		d.Boundary = a.Boundary
		return -1, false
	}
	if a.Container != nil {
		d.Container = a.Container.ID
	}
	named := a.Boundary != routes.BoundaryUser && a.Boundary != routes.BoundaryInstance
	switch {
	case (!offered || named && !visible(a.Boundary, a.Container)) && g.covers(a.Reference, want, l):
		d.Reason, d.Missing = ReasonHidden, routes.PermissionSet{}
	case a.Kind == ActOwn && !g.any.Contains(want):
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
