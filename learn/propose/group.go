package propose

import (
	"maps"
	"slices"

	"patgate/policy"
	"patgate/routes"
)

// widen puts a group in the place of its projects.
func (d *draft) widen(g Group) {
	to := place{policy.AccessSelectedMemberships, routes.BoundaryGroup, g.ID}
	for e := range maps.Clone(d.parts) {
		if e.boundary != routes.BoundaryProject || !slices.Contains(g.Projects, e.id) {
			continue
		}
		delete(d.parts, e)
		if seen := d.rules[e.place]; seen != nil {
			if d.rules[to] == nil {
				d.rules[to] = &rules{}
			}
			d.rules[to].deletes, d.rules[to].tags = d.rules[to].deletes || seen.deletes, d.rules[to].tags || seen.tags
		}
		e.place = to
		d.parts[e] = true
	}
}
