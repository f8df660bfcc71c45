package policy

import (
	"slices"

	"patgate/routes"
)

// possibleEntries tells whether the grant could reach some entry of the answer with the row's permissions.
func (g *Grant) possibleEntries(r *routes.Route) bool {
	for _, e := range r.Entries {
		if g.couldReach(e, &r.NeedSet) {
			return true
		}
	}
	return false
}

// listed gives the entries of a row whose answer always holds such.
func listed(r *routes.Route) *routes.Entries { return r.Spanned(func(string) string { return "" }) }

// chosen tells whether it depends on a parameter if the entries of a row that spans can be judged.
func chosen(r *routes.Route) bool { return r.Spans && len(r.Entries) > 0 && listed(r) == nil }

// onEntries adjusts the denial of an answer whose entries can be judged one by one: the missing permission is needed on the
// containers of the entries.
func (d *Decision) onEntries(e *routes.Entries) {
	if e != nil {
		d.Under = Accesses(0).with(AccessSelectedMemberships)
		d.Boundary = e.Of[0].Row.Boundaries[0]
	}
}

func (g *Grant) couldReach(e *routes.Entries, needs *routes.PermissionSet) bool {
	for i := range e.Of {
		for _, b := range e.Of[i].Row.Boundaries {
			if g.held(b).Contains(needs) {
				return true
			}
		}
	}
	return false
}

// filtered decides the row's own acts for an answer that is passed on without the entries that the grant does not reach. A row
// that names a container needs its permissions there; one that names a user must name the token's owner, because the forge's
// answer tells whether there is such a user. d is the denial of the whole answer, and stays when it is denied.
func (g *Grant) filtered(q *Question, l look, d *Decision) (allowed bool) {
	r := q.Route
	if g.olderThan(r) || !g.couldReach(q.Entries, &r.NeedSet) {
		return false
	}
	first := -1
	for i := range q.Acts {
		a := &q.Acts[i]
		if a.Kind != ActOwn {
			continue
		}
		if a.Reference.Kind == routes.RefUser && !a.Self || !offers(r, a.Boundary) {
			return false
		}
		if first < 0 {
			first = i
		}
	}
	if first < 0 {
		return false
	}
	own := Decision{Scope: -1, Act: first, Boundary: firstBoundary(r)}
	if r.Find.From != routes.FindNowhere && !g.ownActs(q, l, &own) {
		*d = own
		return false
	}
	*d = own
	d.Verdict, d.Reason, d.Scope = Allow, ReasonFiltered, -1 // each entry has scopes of its own
	return true
}

// Reachable says which entries of a list a grant may reach, so that the forge need not be asked about the others.
type Reachable struct {
	// Facts: it depends on membership, or on a project's owner, so each container has to be looked at.
	Facts bool
	// Capped: a ceiling on groups may forbid it, so that all groups above what is reached have to be known.
	Capped bool
	// Groups are the ids of the groups below which containers are reached, each once.
	Groups []int64
}

// Reaches says what lets the grant reach entries of a row.
func (g *Grant) Reaches(r *routes.Route) (out Reachable) {
	useful := func(n int32) bool {
		for i := range r.NeedSet {
			if g.Scopes[n].Permissions[i]&r.NeedSet[i] != 0 {
				return true
			}
		}
		return false
	}
	for i := range g.bounds {
		b := &g.bounds[i]
		out.Capped = out.Capped || len(b.Groups) > 0 && b.forbids(&r.NeedSet)
	}
	for _, n := range g.broad {
		a := g.Scopes[n].Access
		out.Facts = out.Facts || (a == AccessAllMemberships || a == AccessPersonalProjects) && useful(n)
	}
	for _, named := range g.namedGroups {
		if useful(named.scope) {
			out.Groups = append(out.Groups, named.id)
		}
	}
	out.Groups = slices.Compact(out.Groups) // they are sorted
	return out
}
