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
	if !readableByAll(r) {
		if !g.claim(r, look{}, &d) {
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
	case r.Kind != routes.KindPermission || r.NeedSet.Empty() || len(r.Boundaries) == 0:
		// A row that needs nothing, or nothing on anything, is no row: it would otherwise pass by containing the empty set.
		d.deny(ReasonNone, -1, routes.BoundaryNone)
	default:
		return false
	}
	return true
}

// claim checks what a grant must have for a row wherever the containers are: the permissions in some scope, a table
// version that knows the row, and all_memberships for an answer that spans them.
func (g *Grant) claim(r *routes.Route, l look, d *Decision) (ok bool) {
	switch {
	case !g.any.Contains(&r.NeedSet):
		d.deny(ReasonPermissionMissing, -1, firstBoundary(r))
		d.missing(&r.NeedSet, &g.any)
	case (r.Writes() || r.Mints != "") && r.Since > g.TableVersion:
		d.deny(ReasonNewerThanToken, -1, firstBoundary(r))
	case r.Spans && !g.underAll(l).Contains(&r.NeedSet):
		d.deny(ReasonSpans, -1, firstBoundary(r))
		d.missing(&r.NeedSet, g.underAll(l))
	default:
		return true
	}
	return false
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
