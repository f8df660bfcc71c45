package proof

import (
	"slices"

	"patgate/policy"
	"patgate/routes"
)

// Witness is where a grant holds what it should never hold.
type Witness struct {
	Where Representative
	// Row is one by which the permission is used there; nil when the table has none that the grant opens by itself: a later
	// table may have one, and texts and push options may need the permission besides a row.
	Row *routes.Route
}

// Never tells whether no request that the grant allows uses a permission on the container or anything below it, now or
// later; nil is everywhere. Else it gives a witness, one with a row if there is any.
//
// A request uses a permission on a container only if the scopes that reach it hold the permission: Decide asks that of each act,
// of every kind. So the permission is never used when the scopes hold it on no representative of what is within the container.
func Never(g *policy.Grant, t *routes.Table, p routes.Permission, within *policy.Container, facts Facts) (*Witness, bool) {
	var groups []policy.Container
	if within != nil {
		groups = append(groups, *within)
	}
	all := Representatives(facts, groups, g)
	var found *Witness
	for i := range all {
		r := &all[i]
		if within != nil && !r.within(within) || !holds(g, p, r, reads, nil) {
			continue
		}
		if row := using(g, t, p, r, all); row != nil {
			return &Witness{Where: *r, Row: row}, false
		}
		if found == nil {
			found = &Witness{Where: *r}
		}
	}
	return found, found == nil
}

// using gives a row by which the grant uses a permission that it holds on a representative.
func using(g *policy.Grant, t *routes.Table, p routes.Permission, r *Representative, all []Representative) *routes.Route {
	refs := refsOf(g)
	for _, row := range t.Routes() {
		if !row.NeedSet.Has(p) {
			continue
		}
		if row.Refs != routes.RefsListed {
			if opens(g, row, r, all, nil) {
				return row
			}
			continue
		}
		for j := range refs {
			if opens(g, row, r, all, &refs[j]) {
				return row
			}
		}
	}
	return nil
}

// Holding is how a grant holds a permission on a container.
type Holding struct {
	Held bool
	// Constrained: only scopes with constraints hold it, so that it writes no ref but those that they let through.
	Constrained bool
}

// Held tells how a grant holds a permission on a container.
func Held(g *policy.Grant, p routes.Permission, c *policy.Container) (h Holding) {
	r := Representative{Container: *c}
	h.Held = holds(g, p, &r, reads, nil)
	if !h.Held {
		return h
	}
	h.Constrained = !holds(g, p, &r, writes, nil)
	return h
}

// Openings gives the representatives on which the grant allows some request on a row.
func Openings(g *policy.Grant, row *routes.Route, facts Facts) (on []Representative) {
	all := Representatives(facts, nil, g)
	refs := []*policy.RefUpdate{nil}
	if row.Refs == routes.RefsListed {
		refs = nil
		for _, u := range refsOf(g) {
			refs = append(refs, &u)
		}
	}
	for i := range all {
		if slices.ContainsFunc(refs, func(u *policy.RefUpdate) bool { return opens(g, row, &all[i], all, u) }) {
			on = append(on, all[i])
		}
	}
	return on
}
