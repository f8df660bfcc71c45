package policy

import "patgate/routes"

// Plan decides what needs no facts: it denies what no scope of the grant could ever allow on that row, whatever the
// containers turn out to be, so that the forge is not asked for them. It never denies what Decide would allow.
//
// Allow with ReasonOpen is final. Allow with ReasonNone means "go on": resolve the containers and ask Decide.
func Plan(g *Grant, r *routes.Route) (d Decision) {
	if g == nil {
		g = &Grant{}
	}
	if settle(r, &d) {
		return d
	}
	if !readableByAll(r) && !g.possibleEntries(r) && !chosen(r) {
		if !g.claim(&Question{Route: r, Entries: listed(r)}, r.Spans, look{}, &d) {
			return d
		}
		if !g.possible(r) {
			first := firstBoundary(r)
			d.deny(ReasonOutOfBounds, -1, first)
			d.missing(&r.NeedSet, g.held(first))
			if first.InContainer() && r.Find.From == routes.FindNowhere {
				d.Reason = ReasonNotFindable
				d.missing(&r.NeedSet, &g.all)
			}
			return d
		}
	}
	for i := range r.Targets {
		t := &r.Targets[i]
		if t.Required && (t.NeedSet.Empty() || !g.any.Contains(&t.NeedSet)) {
			d.deny(ReasonTargetDenied, -1, routes.BoundaryNone)
			d.missing(&t.NeedSet, &g.any)
			return d
		}
	}
	if g.bounds != nil {
		if d, denied := g.planned(r); denied {
			return d
		}
	}
	return Decision{Verdict: Allow, Scope: -1, Act: -1}
}

// possible tells whether the grant could hold the row's permissions on one of its alternatives.
func (g *Grant) possible(r *routes.Route) bool {
	for _, b := range r.Boundaries {
		held := g.held(b)
		if b.InContainer() && r.Find.From == routes.FindNowhere {
			held = &g.all
		}
		if held.Contains(&r.NeedSet) {
			return true
		}
	}
	return false
}

// settle decides what the row alone decides, whatever the grant is.
func settle(r *routes.Route, d *Decision) (settled bool) {
	switch {
	case r == nil || r.Kind == routes.KindNone:
		d.deny(ReasonNone, -1, routes.BoundaryNone)
	case r.Refused != "":
		d.deny(ReasonRefused, -1, routes.BoundaryNone)
	case r.Kind == routes.KindOpen:
		*d = Decision{Verdict: Allow, Reason: ReasonOpen, Scope: -1, Act: -1, Anonymous: true}
	case r.Kind == routes.KindOtherCredential:
		d.deny(ReasonOtherCredential, -1, routes.BoundaryNone)
	case r.Withheld():
		d.deny(ReasonMints, -1, firstBoundary(r))
	case r.Kind != routes.KindPermission || r.NeedSet.Empty() != r.ByActs || len(r.Boundaries) == 0:
		// A row that needs nothing, or nothing on anything, is no row: it would otherwise pass by containing the empty set.
		d.deny(ReasonNone, -1, routes.BoundaryNone)
	default:
		return false
	}
	return true
}

// claim checks what a grant must have for a row wherever the containers are: the permissions in some scope, a table
// version that knows the row, and for an answer that spans them all_memberships and what the row needs besides.
func (g *Grant) claim(q *Question, spans bool, l look, d *Decision) (ok bool) {
	r := q.Route
	switch {
	case !g.any.Contains(&r.NeedSet):
		d.deny(ReasonPermissionMissing, -1, firstBoundary(r))
		d.missing(&r.NeedSet, &g.any)
		if spans {
			d.Under, _ = g.under(r, l)
			d.onEntries(q.Entries)
		}
	case g.olderThan(r):
		d.deny(ReasonNewerThanToken, -1, firstBoundary(r))
	case spans:
		under, missing := g.under(r, l)
		if under == 0 {
			return true
		}
		d.deny(ReasonSpans, -1, firstBoundary(r))
		d.Under, d.Missing = under, missing
		d.onEntries(q.Entries)
	default:
		return true
	}
	return false
}

// olderThan tells whether a row came after the grant, and does what a token must not get with an upgrade: it writes, or hands out
// a credential.
func (g *Grant) olderThan(r *routes.Route) bool {
	return r.Since > g.TableVersion && (r.Writes() || r.Mints != "")
}

// under gives the accesses under which the permissions of a row that spans are not held, and the permissions that are missing.
// all_memberships covers the entries, and user or instance the row itself when it has no container.
func (g *Grant) under(r *routes.Route, l look) (under Accesses, missing routes.PermissionSet) {
	lacks := func(a Access, held *routes.PermissionSet) {
		if held.Contains(&r.NeedSet) {
			return
		}
		under = under.with(a)
		for i := range missing {
			missing[i] |= r.NeedSet[i] &^ held[i]
		}
	}
	lacks(AccessAllMemberships, g.underAll(l))
	if r.Find.From == routes.FindNowhere && len(r.Boundaries) == 1 {
		switch r.Boundaries[0] {
		case routes.BoundaryUser:
			lacks(AccessUser, &g.user)
		case routes.BoundaryInstance:
			lacks(AccessInstance, &g.instance)
		}
	}
	return under, missing
}

// readableByAll tells whether a public container would make the row readable without any permission.
func readableByAll(r *routes.Route) bool {
	if !r.Public || r.Find.From == routes.FindNowhere {
		return false
	}
	for _, b := range r.Boundaries {
		if b.InContainer() {
			return true
		}
	}
	return false
}

// deny makes d a denial with nothing missing.
func (d *Decision) deny(reason Reason, act int, b routes.Boundary) {
	*d = Decision{Reason: reason, Scope: -1, Act: act, Boundary: b}
}

// missing writes what is wanted and not held.
func (d *Decision) missing(want, held *routes.PermissionSet) {
	for i := range d.Missing {
		d.Missing[i] = want[i] &^ held[i]
	}
}

// firstBoundary is what a denial names when the request chose no boundary that may be shown.
func firstBoundary(r *routes.Route) routes.Boundary {
	if len(r.Boundaries) == 0 {
		return routes.BoundaryNone
	}
	return r.Boundaries[0]
}
