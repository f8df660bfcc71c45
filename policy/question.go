package policy

import "patgate/routes"

// Check is one boundary on which a request needs permissions.
type Check struct {
	// Boundary is the effective one. Where a row has alternatives the request has chosen: a reference that is present
	// decides, never what the grant happens to hold. None is for what may be on several: a namespace that was not found,
	// or an object that a lookup did not find; it is reached by no scope.
	Boundary routes.Boundary
	// Needs are the permissions. A check of the row's own boundary needs Route.NeedSet in any case, and what stands here
	// besides; nil adds nothing. A target check needs exactly what stands here, and nothing is not enough.
	Needs *routes.PermissionSet
	// Container is what the forge says of the project or group; its zero value, and nil, mean "not found or not visible".
	// It is nil for the boundaries user and instance, except where the request named the owner's own user namespace.
	Container *Container
	// Reference is how the client named the container. Its zero value is for what was named by no reference, such as the
	// containers that a lookup found.
	Reference routes.Reference
	// Target marks a further container, which a parameter or a later capture names.
	Target bool
}

// Question is one request, read and resolved. Its own checks (not Target) are for the row's boundary: one, or one for each
// container that a lookup found. A Question holds nothing after Decide returned, so it may be reused.
type Question struct {
	Route  *routes.Route
	Checks []Check
	// Commands are what the texts of the request would have the forge do besides.
	Commands []Command
	// Refs are the git refs that the body of a row with RefsListed changes.
	Refs []RefUpdate
}

// shown gives the boundary that a denial may name. What a namespace reference or a global id stands for is told only to a
// grant that reaches it; everyone else is told the same as for a container that does not exist.
func (q *Question) shown(c *Check, reached bool) routes.Boundary {
	known := c.Reference.Kind != routes.RefNamespace
	switch {
	case c.Target && (known || reached):
		return c.Boundary
	case c.Target:
		return routes.BoundaryGroup
	case !offers(q.Route, c.Boundary):
		return firstBoundary(q.Route)
	case reached || known && q.Route.Find.From != routes.FindByLookup:
		return c.Boundary
	}
	return firstBoundary(q.Route)
}

// public tells whether the row needs no permission because every container of its own boundary is public.
func (q *Question) public() bool {
	if !readableByAll(q.Route) {
		return false
	}
	own := 0
	for i := range q.Checks {
		c := &q.Checks[i]
		if c.Target {
			continue
		}
		own++
		if !c.Boundary.InContainer() || !offers(q.Route, c.Boundary) || c.Container == nil ||
			c.Container.Boundary != c.Boundary || c.Container.Visibility != VisibilityPublic {
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
