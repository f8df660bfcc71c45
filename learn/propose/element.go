package propose

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"patgate/policy"
	"patgate/routes"
)

// place is where a permission is granted.
type place struct {
	access   policy.Access
	boundary routes.Boundary // of a container that is named
	id       int64
}

// element is the smallest part of a grant: a permission in a place, or a ref pattern of a place. Elements with refs set are
// of the scope that is limited to the place's patterns.
type element struct {
	place
	permission routes.Permission // 0 for a pattern
	refs       bool
	pattern    string
}

// parts is a grant as a set of elements.
type parts map[element]bool

// rules are what the limited scope of a container forbids.
type rules struct{ deletes, tags bool }

// draft is what becomes a grant.
type draft struct {
	parts parts
	rules map[place]*rules // whether refs were deleted, and tags moved
	free  []place          // to which so many refs were pushed that pushes are not limited to them
}

// specs writes the elements as scopes: places that hold the same stand in one.
func (d *draft) specs(c *routes.Catalogue, without *element) []policy.ScopeSpec {
	type held struct {
		names    []string
		patterns []string
	}
	free, limited := map[place]*held{}, map[place]*held{}
	for e := range d.parts {
		if without != nil && e == *without {
			continue
		}
		to := free
		if e.refs {
			to = limited
		}
		h := to[e.place]
		if h == nil {
			h = &held{}
			to[e.place] = h
		}
		if e.pattern != "" {
			h.patterns = append(h.patterns, e.pattern)
		} else {
			h.names = append(h.names, c.Name(e.permission))
		}
	}
	scopes := map[string]*policy.ScopeSpec{}
	put := func(at place, h *held, constraints policy.ConstraintSpec) {
		slices.Sort(h.names)
		key := strings.Join([]string{at.access.String(), strings.Join(h.names, " "), strings.Join(constraints.RefPatterns, " ")}, "|")
		if constraints.ForbidRefDeletes {
			key += "|deletes"
		}
		if constraints.ForbidTagChanges {
			key += "|tags"
		}
		s := scopes[key]
		if s == nil {
			s = &policy.ScopeSpec{Access: at.access.String(), Permissions: h.names, Constraints: constraints}
			scopes[key] = s
		}
		switch at.boundary {
		case routes.BoundaryProject:
			s.ProjectIDs = append(s.ProjectIDs, at.id)
		case routes.BoundaryGroup:
			s.GroupIDs = append(s.GroupIDs, at.id)
		}
	}
	for at, h := range free {
		put(at, h, policy.ConstraintSpec{})
	}
	for at, h := range limited {
		if len(h.names) == 0 || len(h.patterns) == 0 {
			continue // without a pattern it would hold for every ref
		}
		slices.Sort(h.patterns)
		seen := d.rules[at]
		put(at, h, policy.ConstraintSpec{RefPatterns: h.patterns, ForbidRefDeletes: !seen.deletes, ForbidTagChanges: !seen.tags})
	}
	out := make([]policy.ScopeSpec, 0, len(scopes))
	for _, key := range slices.Sorted(maps.Keys(scopes)) {
		slices.Sort(scopes[key].ProjectIDs)
		slices.Sort(scopes[key].GroupIDs)
		out = append(out, *scopes[key])
	}
	return out
}

// order gives the elements, those that are best done without first: the widest place, then the permission that opens most.
func (d *draft) order(weights map[routes.Permission]int) []element {
	wide := func(a policy.Access) int {
		if a == policy.AccessAllMemberships {
			return 1
		}
		return 0
	}
	return slices.SortedFunc(maps.Keys(d.parts), func(a, b element) int {
		return cmp.Or(cmp.Compare(wide(b.access), wide(a.access)), cmp.Compare(weights[b.permission], weights[a.permission]),
			cmp.Compare(a.boundary, b.boundary), cmp.Compare(a.id, b.id), cmp.Compare(a.access, b.access),
			cmp.Compare(a.permission, b.permission), strings.Compare(a.pattern, b.pattern), cmp.Compare(flag(a.refs), flag(b.refs)))
	})
}

func flag(b bool) int {
	if b {
		return 1 // after what is free: that goes where a limited scope is enough
	}
	return 0
}

// weigh says how much a permission opens: its rows, and a thousand for each that no boundary can contain.
func weigh(t *routes.Table) map[routes.Permission]int {
	weights := map[routes.Permission]int{}
	for _, row := range t.Routes() {
		for _, p := range row.Needs {
			weights[p]++
			if len(Dangers(row)) > 0 {
				weights[p] += 1000
			}
		}
	}
	return weights
}

// Dangers gives why a row is never part of a proposal by itself: what its effects are, or that it hands out a credential.
func Dangers(row *routes.Route) (why []string) {
	for _, effect := range row.Effects {
		switch effect {
		case "exports", "runs_as_owner", routes.EffectGrantsRights, routes.EffectStoresSecret, routes.EffectChangesVisibility:
			why = append(why, effect)
		}
	}
	if row.Mints != "" {
		why = append(why, "mints")
	}
	return why
}
