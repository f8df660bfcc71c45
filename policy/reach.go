package policy

import "patgate/routes"

// reach is what the scopes that reach one container hold there together.
type reach struct {
	held    routes.PermissionSet
	touched bool // a scope reaches it, with whatever permission
	first   int  // lowest index of a scope that reaches it and holds something that is wanted; -1 when there is none
}

// look says which scopes count. The zero value counts all.
type look struct {
	strict bool       // a scope that carries a constraint does not count
	ref    *RefUpdate // nor one whose constraints do not let this change of a ref through
}

// counts tells whether a scope with these constraints counts.
func (l look) counts(c *Constraints) bool {
	return c.Empty() || !l.strict && (l.ref == nil || c.Allow(l.ref))
}

// add puts the scope's permissions in, when the scope counts.
func (o *reach) add(g *Grant, n int32, want *routes.PermissionSet, l look) {
	s := &g.Scopes[n]
	if !l.counts(&s.Constraints) {
		return
	}
	o.touched = true
	useful := uint64(0)
	for i := range o.held {
		p := s.Permissions[i]
		o.held[i] |= p
		useful |= p & want[i]
	}
	if useful != 0 && (o.first < 0 || int(n) < o.first) {
		o.first = int(n)
	}
}

// reach unites the permissions of all scopes that reach the boundary, which for a project or group is the container's:
//
//   - personal_projects reaches a project in the owner's own namespace;
//   - all_memberships reaches a project or group that the owner is a member of;
//   - selected_memberships reaches a project or group that it names by id, and everything below a group that it names,
//     as long as the owner can see it, member or not: the forge narrows to the owner's role. A project that is named does
//     not open its group;
//   - user reaches the owner's account, and the owner's own user namespace; instance reaches the instance.
//
// Nothing reaches a container that the owner cannot see.
func (g *Grant) reach(o *reach, b routes.Boundary, c *Container, want *routes.PermissionSet, l look) {
	if b.InContainer() && !visible(b, c) {
		return
	}
	for _, n := range g.broad {
		if reaches(g.Scopes[n].Access, g.Owner, b, c) {
			o.add(g, n, want, l)
		}
	}
	if !b.InContainer() {
		return
	}
	own := g.namedGroups
	if b == routes.BoundaryProject {
		own = g.namedProjects
	}
	for _, named := range namingOf(own, c.ID) {
		o.add(g, named.scope, want, l)
	}
	if len(g.namedGroups) > 0 {
		for _, ancestor := range c.Ancestors {
			for _, named := range namingOf(g.namedGroups, ancestor) {
				o.add(g, named.scope, want, l)
			}
		}
	}
}

// reaches tells whether an access that names no containers reaches the boundary. A container is visible.
func reaches(a Access, owner int64, b routes.Boundary, c *Container) bool {
	switch a {
	case AccessPersonalProjects:
		return b == routes.BoundaryProject && owner != 0 && c.PersonalOf == owner
	case AccessAllMemberships:
		return b.InContainer() && c.Access == OwnerMember
	case AccessUser:
		return b == routes.BoundaryUser && (c == nil || c.Boundary == routes.BoundaryUser && owner != 0 && c.ID == owner)
	case AccessInstance:
		return b == routes.BoundaryInstance && c == nil
	case accessWhole:
		return b.InContainer() || reaches(AccessUser, owner, b, c)
	}
	return false
}

// visible tells whether c is a container of that boundary that the owner can see.
func visible(b routes.Boundary, c *Container) bool {
	return c != nil && c.Boundary == b && c.ID > 0 && c.Access != OwnerNone
}

// expects unites the permissions of the scopes that cover a reference even while the owner cannot see what it names: those
// under all_memberships, and those of a scope that names the very id. What lies below a named group is not known then.
func (g *Grant) expects(o *reach, ref routes.Reference, want *routes.PermissionSet, l look) {
	for _, n := range g.broad {
		if a := g.Scopes[n].Access; a == AccessAllMemberships || a == accessWhole {
			o.add(g, n, want, l)
		}
	}
	var named []naming
	switch {
	case ref.ID <= 0:
	case ref.Kind == routes.RefProject:
		named = namingOf(g.namedProjects, ref.ID)
	case ref.Kind == routes.RefGroup, ref.Kind == routes.RefNamespace:
		named = namingOf(g.namedGroups, ref.ID)
	}
	for _, n := range named {
		o.add(g, n.scope, want, l)
	}
}
