package propose

import (
	"bytes"
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

// lane is one of the scopes of a place: that which limits no push, or one of those that do.
type lane uint8

const (
	limited    lane = 1 << iota // to the lane's ref patterns
	deletes                     // refs may be deleted
	tagChanges                  // tags may be changed, and deleted where refs may be
)

// lanes is how many there are.
const lanes = 8

// name gives the name of a rule; "" for any other lane.
func (l lane) name() string {
	switch l {
	case deletes:
		return "ref_deletes"
	case tagChanges:
		return "tag_changes"
	}
	return ""
}

// laneOf gives the lane that lets a change of a ref through and no more than it must.
func laneOf(u *policy.RefUpdate) lane {
	l := limited
	if u.Delete {
		l |= deletes
	}
	if !u.Create && bytes.HasPrefix(u.Name, []byte("refs/tags/")) {
		l |= tagChanges
	}
	return l
}

// lanesOf gives the lanes that a request needs: those of the refs that it changes, else the one that limits nothing.
func lanesOf(q *policy.Question) (set [lanes]bool) {
	some := false
	for i := range q.Acts {
		if u := q.Acts[i].Update; q.Acts[i].Kind == policy.ActRef && u != nil {
			set[laneOf(u)], some = true, true
		}
	}
	set[0] = !some
	return set
}

// element is the smallest part of a grant: a permission in a lane of a place, a ref pattern of a lane, or a rule of a lane, which
// lets deletes or changes of tags through.
type element struct {
	place
	lane       lane
	permission routes.Permission // 0 for a pattern and a rule
	pattern    string
	rule       lane // deletes or tagChanges
}

// scope gives what all elements of a scope have in common.
func (e element) scope() element { return element{place: e.place, lane: e.lane} }

// parts is a grant as a set of elements. Rules follow from the lanes that are there, and are not in it.
type parts map[element]bool

// held is what one scope of a place holds.
type held struct {
	names    []string
	patterns []string
}

// scopes gives the content of each scope, without an element. A scope that is limited to refs needs permissions and patterns.
func (d *draft) scopes(c *routes.Catalogue, without *element) map[element]*held {
	found := map[element]*held{}
	for e := range d.parts {
		if without != nil && e == *without {
			continue
		}
		h := found[e.scope()]
		if h == nil {
			h = &held{}
			found[e.scope()] = h
		}
		if e.pattern != "" {
			h.patterns = append(h.patterns, e.pattern)
		} else {
			h.names = append(h.names, c.Name(e.permission))
		}
	}
	for at, h := range found {
		if len(h.names) == 0 || at.lane != 0 && len(h.patterns) == 0 {
			delete(found, at)
		}
		slices.Sort(h.names)
		slices.Sort(h.patterns)
	}
	return found
}

// specs writes the elements as scopes: places that hold the same stand in one.
func (d *draft) specs(c *routes.Catalogue, without *element) []policy.ScopeSpec {
	specs := map[string]*policy.ScopeSpec{}
	for at, h := range d.scopes(c, without) {
		constraints, may := policy.ConstraintSpec{}, at.lane
		if at.lane != 0 {
			if without != nil && without.scope() == at {
				may &^= without.rule
			}
			constraints = policy.ConstraintSpec{RefPatterns: h.patterns, ForbidRefDeletes: may&deletes == 0,
				ForbidTagChanges: may&tagChanges == 0}
		}
		key := strings.Join([]string{at.access.String(), strings.Join(h.names, " "), strings.Join(constraints.RefPatterns, " "),
			string(rune('0' + may))}, "|")
		s := specs[key]
		if s == nil {
			s = &policy.ScopeSpec{Access: at.access.String(), Permissions: h.names, Constraints: constraints}
			specs[key] = s
		}
		switch at.boundary {
		case routes.BoundaryProject:
			s.ProjectIDs = append(s.ProjectIDs, at.id)
		case routes.BoundaryGroup:
			s.GroupIDs = append(s.GroupIDs, at.id)
		}
	}
	out := make([]policy.ScopeSpec, 0, len(specs))
	for _, key := range slices.Sorted(maps.Keys(specs)) {
		slices.Sort(specs[key].ProjectIDs)
		slices.Sort(specs[key].GroupIDs)
		out = append(out, *specs[key])
	}
	return out
}

// needed gives all that can be taken away from the draft by itself: its elements and rules.
func (d *draft) needed(c *routes.Catalogue) (all []element) {
	all = slices.Collect(maps.Keys(d.parts))
	for at := range d.scopes(c, nil) {
		for _, rule := range []lane{deletes, tagChanges} {
			if at.lane&rule != 0 {
				at.rule = rule
				all = append(all, at)
			}
		}
	}
	return all
}

// order gives the elements in the order in which they are best done without: those under all_memberships, those that limit no
// push, then the patterns of those that do, beginning with the lanes that let most through, and at last the permissions under
// these patterns. Within each, the elements that open most are first.
func (d *draft) order(weights map[routes.Permission]int) []element {
	rank := func(e element) int {
		switch {
		case e.access == policy.AccessAllMemberships:
			return 0
		case e.lane == 0:
			return 1
		case e.pattern != "":
			return 2
		}
		return 3
	}
	return slices.SortedFunc(maps.Keys(d.parts), func(a, b element) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.lane, a.lane),
			cmp.Compare(weights[b.permission], weights[a.permission]),
			cmp.Compare(a.boundary, b.boundary), cmp.Compare(a.id, b.id), cmp.Compare(a.access, b.access),
			cmp.Compare(a.permission, b.permission), strings.Compare(a.pattern, b.pattern))
	})
}

// weigh says how much a permission opens: its rows, and a thousand for each that no boundary can contain.
func weigh(t *routes.Table) map[routes.Permission]int {
	weights := map[routes.Permission]int{}
	for _, row := range t.Routes() {
		for _, p := range row.Needs {
			weights[p]++
			if len(row.Dangers()) > 0 {
				weights[p] += 1000
			}
		}
	}
	return weights
}
