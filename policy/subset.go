package policy

import (
	"slices"

	"patgate/routes"
)

// Excess is a place where one grant would hold more than another.
type Excess struct {
	Scope    int                  // index of the scope in the child; -1 when the grants cannot be compared
	Access   Access               // of that scope
	Boundary routes.Boundary      // project or group for a container that the scope names, else none
	ID       int64                // of that container
	Missing  routes.PermissionSet // what the parent does not hold there
}

// Subset gives every place where child could do something that parent cannot; an empty result means that child is within
// parent. It is what a token that makes another token is held to.
//
// The answer is about the facts of now, which the function facts gives for a container that child names, its zero value
// when the owner cannot see it: then only a scope of the parent that names the very same id covers it. It is on the safe
// side: a scope of the parent with constraints covers only a scope whose constraints are all among its own, and a group is
// covered by all_memberships only if the owner is a member of the group itself, since membership is inherited downwards.
// Grants of different owners cannot be compared, nor a child that was made under a newer table than its parent.
func Subset(child, parent *Grant, facts func(b routes.Boundary, id int64) Container) []Excess {
	if child.Owner != parent.Owner || child.TableVersion > parent.TableVersion {
		return []Excess{{Scope: -1, Missing: child.any}}
	}
	var found []Excess
	for i := range child.Scopes {
		s := &child.Scopes[i]
		e := Excess{Scope: i, Access: s.Access}
		if s.Access != AccessSelectedMemberships {
			held := parent.covering(&s.Constraints, func(p *Scope) bool {
				return p.Access == s.Access || s.Access == AccessPersonalProjects && p.Access == AccessAllMemberships
			})
			found = appendExcess(found, e, &s.Permissions, &held)
			continue
		}
		e.Boundary = routes.BoundaryProject
		for _, e.ID = range s.Projects {
			held := parent.coveringContainer(s, e.Boundary, e.ID, facts(e.Boundary, e.ID))
			found = appendExcess(found, e, &s.Permissions, &held)
		}
		e.Boundary = routes.BoundaryGroup
		for _, e.ID = range s.Groups {
			held := parent.coveringContainer(s, e.Boundary, e.ID, facts(e.Boundary, e.ID))
			found = appendExcess(found, e, &s.Permissions, &held)
		}
	}
	return found
}

func appendExcess(found []Excess, e Excess, want, held *routes.PermissionSet) []Excess {
	if held.Contains(want) {
		return found
	}
	for i := range e.Missing {
		e.Missing[i] = want[i] &^ held[i]
	}
	return append(found, e)
}

// covering unites the permissions of the scopes that the predicate takes and whose constraints are no narrower.
func (g *Grant) covering(child *Constraints, takes func(*Scope) bool) (held routes.PermissionSet) {
	for i := range g.Scopes {
		if s := &g.Scopes[i]; s.Constraints.cover(child) && takes(s) {
			held.Union(&s.Permissions)
		}
	}
	return held
}

func (g *Grant) coveringContainer(child *Scope, b routes.Boundary, id int64, c Container) routes.PermissionSet {
	known := c.Boundary == b && c.ID == id && c.Access != OwnerNone
	if !known {
		c = Container{}
	}
	return g.covering(&child.Constraints, func(s *Scope) bool {
		switch s.Access {
		case AccessSelectedMemberships:
			own := s.Groups
			if b == routes.BoundaryProject {
				own = s.Projects
			}
			return names(own, id) || known && namesOneOf(s.Groups, c.Ancestors)
		case AccessPersonalProjects, AccessAllMemberships:
			return known && reaches(s.Access, g.Owner, b, &c)
		}
		return false
	})
}

// cover tells whether whatever the child's constraints let through is let through here: no constraint, or the child's
// patterns are all among these and it forbids what is forbidden here.
func (c *Constraints) cover(child *Constraints) bool {
	if c.Empty() {
		return true
	}
	if c.ForbidRefDeletes && !child.ForbidRefDeletes || c.ForbidTagChanges && !child.ForbidTagChanges {
		return false
	}
	if len(c.RefPatterns) == 0 {
		return true
	}
	if len(child.RefPatterns) == 0 {
		return false
	}
	for _, pattern := range child.RefPatterns {
		if !slices.Contains(c.RefPatterns, pattern) {
			return false
		}
	}
	return true
}

// names tells whether a sorted list has the id.
func names(sorted []int64, id int64) bool {
	_, found := slices.BinarySearch(sorted, id)
	return found
}

func namesOneOf(sorted, ids []int64) bool {
	return slices.ContainsFunc(ids, func(id int64) bool { return names(sorted, id) })
}
