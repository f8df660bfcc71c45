package policy

import (
	"slices"

	"patgate/routes"
)

// Grant is what one token may do: the union of its scopes. Compile makes it, and it is not changed afterwards, so it may
// be shared. The zero value allows nothing; so does a Grant that was put together in another way, because what Decide
// looks up is made by Compile.
type Grant struct {
	Scopes []Scope
	// Owner is the numeric id, at the forge, of the user the token acts for.
	Owner int64
	// TableVersion is the version of the route table that the grant was made or last confirmed under.
	TableVersion int

	any      routes.PermissionSet // union of all scopes
	all      routes.PermissionSet // union of the scopes with AccessAllMemberships
	allFree  routes.PermissionSet // the same without those that carry a constraint
	projects routes.PermissionSet // what the scopes can reach on some project
	groups   routes.PermissionSet // on some group
	user     routes.PermissionSet // on the owner's account
	instance routes.PermissionSet // on the instance

	broad         []int32  // scopes other than AccessSelectedMemberships
	namedProjects []naming // sorted by id, then scope
	namedGroups   []naming // sorted by id, then scope
	constrained   bool     // some scope carries a constraint

	bounds   []bound  // the ceilings that it is held to, of those in force; nil for most
	ceilings Ceilings // those in force
	bearer   Bearer
}

// naming says that a scope names a container. A grant of ten thousand scopes is looked up as fast as one of ten.
type naming struct {
	id    int64
	scope int32
}

// newGrant builds what Decide looks up from scopes whose id lists are sorted.
func newGrant(owner int64, tableVersion int, scopes []Scope) *Grant {
	g := &Grant{Scopes: scopes, Owner: owner, TableVersion: tableVersion}
	for i := range scopes {
		s, n := &scopes[i], int32(i)
		g.any.Union(&s.Permissions)
		if !s.Constraints.Empty() {
			g.constrained = true
		}
		switch s.Access {
		case AccessPersonalProjects:
			g.projects.Union(&s.Permissions)
		case AccessAllMemberships:
			g.all.Union(&s.Permissions)
			if s.Constraints.Empty() {
				g.allFree.Union(&s.Permissions)
			}
			g.projects.Union(&s.Permissions)
			g.groups.Union(&s.Permissions)
		case AccessSelectedMemberships:
			g.projects.Union(&s.Permissions)
			if len(s.Groups) > 0 {
				g.groups.Union(&s.Permissions)
			}
			for _, id := range s.Projects {
				g.namedProjects = append(g.namedProjects, naming{id, n})
			}
			for _, id := range s.Groups {
				g.namedGroups = append(g.namedGroups, naming{id, n})
			}
			continue
		case AccessUser:
			g.user.Union(&s.Permissions)
		case AccessInstance:
			g.instance.Union(&s.Permissions)
		case accessWhole:
			for _, held := range [...]*routes.PermissionSet{&g.all, &g.allFree, &g.projects, &g.groups, &g.user} {
				held.Union(&s.Permissions)
			}
		}
		g.broad = append(g.broad, n)
	}
	slices.SortFunc(g.namedProjects, compareNaming)
	slices.SortFunc(g.namedGroups, compareNaming)
	return g
}

func compareNaming(a, b naming) int {
	switch {
	case a.id != b.id && a.id < b.id, a.id == b.id && a.scope < b.scope:
		return -1
	case a == b:
		return 0
	}
	return 1
}

// namingOf gives the part of the sorted list that is about the id.
func namingOf(sorted []naming, id int64) []naming {
	low, high := 0, len(sorted)
	for low < high {
		middle := int(uint(low+high) >> 1)
		if sorted[middle].id < id {
			low = middle + 1
		} else {
			high = middle
		}
	}
	end := low
	for end < len(sorted) && sorted[end].id == id {
		end++
	}
	return sorted[low:end]
}

// held gives the most that the grant can hold on a boundary, for any container.
func (g *Grant) held(b routes.Boundary) *routes.PermissionSet {
	switch b {
	case routes.BoundaryProject:
		return &g.projects
	case routes.BoundaryGroup:
		return &g.groups
	case routes.BoundaryUser:
		return &g.user
	case routes.BoundaryInstance:
		return &g.instance
	}
	return &routes.PermissionSet{}
}

// Holds tells whether the grant has a permission, without a constraint, on the owner's account or on the instance as a
// whole, and no ceiling forbids it there. A nil grant holds nothing. The answer for containers is no: these need facts.
func (g *Grant) Holds(b routes.Boundary, p routes.Permission) bool {
	if g == nil || b.InContainer() {
		return false
	}
	return g.held(b).Has(p) && g.Barred(b, p) == nil
}

// underAll gives the permissions that the scopes that count hold under all_memberships.
func (g *Grant) underAll(l look) *routes.PermissionSet {
	if l.ref != nil {
		held := g.allFree
		for _, n := range g.broad {
			if s := &g.Scopes[n]; s.Access == AccessAllMemberships && l.counts(&s.Constraints) {
				held.Union(&s.Permissions)
			}
		}
		return &held
	}
	if l.strict {
		return &g.allFree
	}
	return &g.all
}
