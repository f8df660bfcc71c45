package policy

import "patgate/routes"

// Question is one request, read and resolved: a list of acts, all of which must be allowed. Among acts of one kind, the order
// says which denial is told first. The changes of refs stand last: each is asked with all that stands before it. Decide keeps
// nothing of a Question, so it may be reused.
type Question struct {
	Route *routes.Route
	Acts  []Act
	// Entries say how the entries of the answer name their containers, when it may hold entries of other containers than the acts
	// are about, and each can be judged. It is nil when they cannot be judged, or there are none.
	Entries *routes.Entries
}

// spans tells whether the answer reaches over all memberships.
func (q *Question) spans() bool { return q.Route.Spans || q.Entries != nil }

// shown gives the boundary that a denial may name. What a namespace reference or a global id stands for is told only to a
// grant that reaches it; everyone else is told the same as for a container that does not exist.
func (q *Question) shown(a *Act, reached bool) routes.Boundary {
	known := a.Reference.Kind != routes.RefNamespace
	switch {
	case a.Kind == ActTarget && (known || reached):
		return a.Boundary
	case a.Kind == ActTarget:
		return routes.BoundaryGroup
	case !offers(q.Route, a.Boundary):
		return firstBoundary(q.Route)
	case reached || known && !q.lookedUp(a):
		return a.Boundary
	}
	return firstBoundary(q.Route)
}

// lookedUp tells whether a look-up found the container of an own act, or did not.
func (q *Question) lookedUp(a *Act) bool {
	return q.Route.Find.From == routes.FindByLookup ||
		q.Route.ByActs && a.Boundary.InContainer() && !a.Elsewhere && a.Reference.Kind == routes.RefNone
}

// public tells whether the row needs no permission because every container of its own boundary is public.
func (q *Question) public() bool {
	if !readableByAll(q.Route) {
		return false
	}
	own := 0
	for i := range q.Acts {
		a := &q.Acts[i]
		if a.Kind != ActOwn {
			continue
		}
		own++
		if !a.Boundary.InContainer() || !offers(q.Route, a.Boundary) || a.Container == nil ||
			a.Container.Boundary != a.Boundary || a.Container.Visibility != VisibilityPublic {
			return false
		}
	}
	return own > 0
}

// offers tells whether the boundary is one of the row's alternatives.
func offers(r *routes.Route, b routes.Boundary) bool {
	for _, alternative := range r.Boundaries {
		if alternative == b && b != routes.BoundaryNone {
			return true
		}
	}
	return false
}
