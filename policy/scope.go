package policy

import (
	"fmt"
	"slices"

	"patgate/routes"
)

// Access says which boundaries a scope reaches, with GitLab's words (Authz::GranularScope, GitLab 19.3). The zero value
// reaches nothing.
type Access uint8

const (
	AccessNone Access = iota
	// AccessPersonalProjects reaches the projects in the owner's own namespace, also those created later.
	AccessPersonalProjects
	// AccessAllMemberships reaches every project and group that the owner is a member of, also later ones.
	AccessAllMemberships
	// AccessSelectedMemberships reaches the named projects, and the named groups with everything below them.
	AccessSelectedMemberships
	// AccessUser reaches what belongs to the owner's account: profile, keys, to-dos.
	AccessUser
	// AccessInstance reaches what belongs to the instance.
	AccessInstance
)

var accessNames = [...]string{"none", "personal_projects", "all_memberships", "selected_memberships", "user", "instance"}

// String gives GitLab's name of the access value.
func (a Access) String() string {
	if int(a) < len(accessNames) {
		return accessNames[a]
	}
	return fmt.Sprintf("access(%d)", uint8(a))
}

// Accesses is a set of accesses.
type Accesses uint8

// Has tells whether an access is in the set.
func (s Accesses) Has(a Access) bool { return s&(1<<a) != 0 }

// with gives the set with an access.
func (s Accesses) with(a Access) Accesses { return s | 1<<a }

// Each gives the accesses of the set.
func (s Accesses) Each() (all []Access) {
	for a := range Access(len(accessNames)) {
		if s.Has(a) {
			all = append(all, a)
		}
	}
	return all
}

// ParseAccess reads GitLab's name of an access value; unknown text, "none" included, is an error.
func ParseAccess(s string) (Access, error) {
	for i, name := range accessNames[1:] {
		if s == name {
			return Access(i + 1), nil
		}
	}
	return AccessNone, fmt.Errorf("unknown access %q: use personal_projects, all_memberships, selected_memberships, user "+
		"or instance", s)
}

// reaches tells whether the access can reach something of that boundary.
func (a Access) reaches(b routes.Boundary) bool {
	switch a {
	case AccessPersonalProjects:
		return b == routes.BoundaryProject
	case AccessAllMemberships, AccessSelectedMemberships:
		return b.InContainer()
	case AccessUser:
		return b == routes.BoundaryUser
	case AccessInstance:
		return b == routes.BoundaryInstance
	}
	return false
}

// reachesAny tells whether the access can reach something of one of the boundaries.
func (a Access) reachesAny(boundaries []routes.Boundary) bool {
	return slices.ContainsFunc(boundaries, a.reaches)
}

// Scope is one access with a list of permissions.
type Scope struct {
	Access      Access
	Permissions routes.PermissionSet
	Projects    []int64 // sorted ids, only for AccessSelectedMemberships
	Groups      []int64 // sorted ids, only for AccessSelectedMemberships
	Constraints Constraints
}

// Constraints narrow a scope further. The zero value narrows nothing.
type Constraints struct {
	// RefPatterns limit git pushes to refs that match one of these patterns (refs/heads/bot/*).
	RefPatterns []string
	// ForbidRefDeletes: a push deletes no ref.
	ForbidRefDeletes bool
	// ForbidTagChanges: a push neither moves nor deletes an existing tag. It may make new ones.
	ForbidTagChanges bool
}

// Empty tells whether the constraints narrow nothing.
func (c *Constraints) Empty() bool {
	return len(c.RefPatterns) == 0 && !c.ForbidRefDeletes && !c.ForbidTagChanges
}
