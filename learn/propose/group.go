package propose

import (
	"maps"
	"slices"

	"patgate/policy"
	"patgate/routes"
)

// GroupAfter is of how many of its projects a group may stand in the place.
const GroupAfter = 5

// Group is a question: whether to grant the group in the place of its projects.
type Group struct {
	ID       int64   `json:"group_id"`
	Projects []int64 `json:"projects"` // of it or below it, that were used
	// Of is how many projects lie below the group; 0 when that is not known. A proposal does not know it: the caller that shows
	// the proposal may find out, see Group.Among.
	Of     int  `json:"of_projects,omitempty"`
	Chosen bool `json:"chosen,omitempty"` // it stands in their place
}

// Among takes the projects below the group, and tells whether the question remains: at least GroupAfter of them were used, and
// half of them. complete says that these are all projects; else the question remains as long as that may be so.
func (g *Group) Among(projects []int64, complete bool) bool {
	used := slices.DeleteFunc(slices.Clone(g.Projects), func(id int64) bool { return !slices.Contains(projects, id) })
	if complete {
		g.Projects, g.Of = used, len(projects)
	}
	return 2*len(g.Projects) >= len(projects) && (!complete || len(used) >= GroupAfter)
}

// groups gives the groups with so many used projects that the user may want the whole group, but not groups that have no more of
// them than a group below. It marks the chosen ones.
func groups(events []event, chosen []int64) (found []Group) {
	used, above := map[int64]map[int64]bool{}, map[int64]map[int64]bool{}
	for i := range events {
		for j := range events[i].question.Acts {
			c := events[i].question.Acts[j].Container
			if c == nil || c.Boundary != routes.BoundaryProject || c.ID == somewhere {
				continue
			}
			for n, id := range c.Ancestors {
				if used[id] == nil {
					used[id], above[id] = map[int64]bool{}, map[int64]bool{}
				}
				used[id][c.ID] = true
				for _, higher := range c.Ancestors[n+1:] {
					above[id][higher] = true
				}
			}
		}
	}
	same := map[int64]bool{}
	for id, higher := range above {
		for other := range higher {
			if len(used[other]) == len(used[id]) {
				same[other] = true
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(used)) {
		if len(used[id]) >= GroupAfter && !same[id] {
			projects := slices.Sorted(maps.Keys(used[id]))
			found = append(found, Group{ID: id, Projects: projects, Chosen: slices.Contains(chosen, id)})
		}
	}
	return found
}

// groupAt is the place of a group that is named.
func groupAt(id int64) place {
	return place{policy.AccessSelectedMemberships, routes.BoundaryGroup, id}
}

// widen puts a group in the place of its projects.
func (d *draft) widen(g Group) {
	to := groupAt(g.ID)
	for e := range maps.Clone(d.parts) {
		if e.boundary != routes.BoundaryProject || !slices.Contains(g.Projects, e.id) {
			continue
		}
		delete(d.parts, e)
		e.place = to
		d.parts[e] = true
	}
}
