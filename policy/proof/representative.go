package proof

import (
	"slices"

	"patgate/policy"
	"patgate/routes"
)

// Facts gives what the forge says about a project or group, its zero value when the owner cannot see it.
type Facts func(b routes.Boundary, id int64) policy.Container

// Stand says what a representative stands for.
type Stand uint8

const (
	// StandsAlone: for itself, a container that a scope names or that was asked about, or for the account or the instance.
	StandsAlone Stand = iota
	// StandsBelow: for everything in the group Below that is not named, made later too.
	StandsBelow
	// StandsPersonal: for every project in the owner's own namespace that is not named.
	StandsPersonal
	// StandsMember: for everything else that the owner is a member of.
	StandsMember
)

// Representative is a container that stands for all those which the same scopes reach. For the account and the instance it has
// no id.
type Representative struct {
	policy.Container
	Stands Stand
	Below  int64 // id of the group, for StandsBelow
	// Unknown: a scope names it, and the owner does not see it now. It may lie anywhere.
	Unknown bool
}

// firstMade is where ids begin that no container of a forge has.
const firstMade = 1 << 62

// Representatives gives containers that stand for all which the grants can tell apart; groups are named besides, as if by a
// scope. The grants are of one owner. All are private, because what anybody may read is no grant's doing.
func Representatives(facts Facts, groups []policy.Container, grants ...*policy.Grant) []Representative {
	w := world{facts: facts, seen: map[place]bool{}}
	owner := int64(0)
	for _, g := range groups {
		w.named(g.Boundary, g.ID, &g)
	}
	for _, g := range grants {
		owner = g.Owner
		for i := range g.Scopes {
			for _, id := range g.Scopes[i].Projects {
				w.named(routes.BoundaryProject, id, nil)
			}
			for _, id := range g.Scopes[i].Groups {
				w.named(routes.BoundaryGroup, id, nil)
			}
		}
	}
	member := policy.Container{Boundary: routes.BoundaryProject, Access: policy.OwnerMember}
	w.add(Representative{Container: member, Stands: StandsMember})
	member.PersonalOf = owner
	w.add(Representative{Container: member, Stands: StandsPersonal})
	member = policy.Container{Boundary: routes.BoundaryGroup, Access: policy.OwnerMember}
	w.add(Representative{Container: member, Stands: StandsMember})
	w.add(Representative{Container: policy.Container{Boundary: routes.BoundaryUser}})
	w.add(Representative{Container: policy.Container{Boundary: routes.BoundaryInstance}})
	return w.found
}

type place struct {
	boundary routes.Boundary
	id       int64
}

// world gathers representatives.
type world struct {
	facts Facts
	seen  map[place]bool
	found []Representative
	made  int64
}

// add takes a representative in, with an id of its own where it needs one.
func (w *world) add(r Representative) {
	if r.Boundary.InContainer() && r.ID == 0 {
		w.made++
		r.ID = firstMade + w.made
	}
	r.Visibility = policy.VisibilityPrivate
	w.found = append(w.found, r)
}

// named takes in a container that is named, and for a group a representative of all that is below it and not named.
func (w *world) named(b routes.Boundary, id int64, known *policy.Container) {
	if w.seen[place{b, id}] {
		return
	}
	w.seen[place{b, id}] = true
	c := policy.Container{}
	if known != nil {
		c = *known
	} else if w.facts != nil {
		c = w.facts(b, id)
	}
	r := Representative{Container: c}
	if c.Boundary != b || c.ID != id || c.Access == policy.OwnerNone {
		r.Unknown = true
		r.Container = policy.Container{Boundary: b, ID: id, Access: policy.OwnerMember}
	}
	w.add(r)
	if b != routes.BoundaryGroup {
		return
	}
	// Membership goes down: a member of the group is one of all that is below it. Others may be members of some of it.
	accesses := []policy.OwnerAccess{policy.OwnerMember}
	if r.Access == policy.OwnerPublicRead || r.Unknown {
		accesses = append(accesses, policy.OwnerPublicRead)
	}
	for _, access := range accesses {
		for _, kind := range []routes.Boundary{routes.BoundaryProject, routes.BoundaryGroup} {
			w.add(Representative{Stands: StandsBelow, Below: id, Unknown: r.Unknown, Container: policy.Container{Boundary: kind,
				Ancestors: append([]int64{id}, r.Ancestors...), Access: access}})
		}
	}
}

// within tells whether a representative is, or may be, the container or below it.
func (r *Representative) within(c *policy.Container) bool {
	if c.Boundary == r.Boundary && c.ID == r.ID {
		return true
	}
	return c.Boundary == routes.BoundaryGroup && r.Boundary.InContainer() && (r.Unknown || slices.Contains(r.Ancestors, c.ID))
}
