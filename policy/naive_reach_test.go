package policy

import "patgate/routes"

// seen tells whether the check's container was found and is what the check says.
func seen(c Check) bool {
	return c.Container != nil && c.Container.Boundary == c.Boundary && c.Container.ID > 0 && c.Container.Access != OwnerNone
}

// reaches says, access by access, what a scope reaches.
func (n *naive) reaches(s ScopeSpec, c Check) bool {
	switch s.Access {
	case "personal_projects":
		return c.Boundary == routes.BoundaryProject && seen(c) && c.Container.PersonalOf == n.owner
	case "all_memberships":
		return (c.Boundary == routes.BoundaryProject || c.Boundary == routes.BoundaryGroup) && seen(c) && c.Container.Access == OwnerMember
	case "selected_memberships":
		if !(c.Boundary == routes.BoundaryProject || c.Boundary == routes.BoundaryGroup) || !seen(c) {
			return false
		}
		for _, id := range s.ProjectIDs {
			if c.Boundary == routes.BoundaryProject && c.Container.ID == id {
				return true
			}
		}
		for _, id := range s.GroupIDs {
			if c.Boundary == routes.BoundaryGroup && c.Container.ID == id {
				return true
			}
			for _, ancestor := range c.Container.Ancestors {
				if ancestor == id {
					return true
				}
			}
		}
		return false
	case "user":
		return c.Boundary == routes.BoundaryUser &&
			(c.Container == nil || c.Container.Boundary == routes.BoundaryUser && c.Container.ID == n.owner)
	case "instance":
		return c.Boundary == routes.BoundaryInstance && c.Container == nil
	}
	return false
}

func (n *naive) heldBy(takes func(ScopeSpec) bool) (held wordset, some bool) {
	held = wordset{}
	for i, s := range n.specs {
		if n.counts[i] && takes(s) {
			held, some = union(held, permissionsOf(s)), true
		}
	}
	return held, some
}

// expected: the permissions are held for a container that the owner cannot see, as far as a reference tells.
func (n *naive) expected(c Check, wanted wordset) bool {
	held, _ := n.heldBy(func(s ScopeSpec) bool {
		if s.Access == "all_memberships" {
			return true
		}
		ids := s.GroupIDs
		if c.Reference.Kind == routes.RefProject {
			ids = s.ProjectIDs
		} else if c.Reference.Kind == routes.RefUser || c.Reference.Kind == routes.RefNone {
			ids = nil
		}
		for _, id := range ids {
			if c.Reference.ID == id {
				return true
			}
		}
		return false
	})
	return held.all(wanted)
}

func (n *naive) granted(c Check, reached func(ScopeSpec) bool, wanted wordset) naiveAnswer {
	for i, s := range n.specs {
		if !n.counts[i] || !reached(s) {
			continue
		}
		for name := range permissionsOf(s) {
			if wanted[name] {
				return naiveAnswer{allow: true, reason: ReasonGranted, scope: i, boundary: c.Boundary}
			}
		}
	}
	panic("a grant without a scope that contributes")
}

// everyOwnContainerIsPublic: the row is marked public, and every container of its own boundary is public.
func (n *naive) everyOwnContainerIsPublic() bool {
	if !n.route.Public || n.route.Find.From == routes.FindNowhere {
		return false
	}
	some := false
	for _, c := range n.checks {
		if c.Target {
			continue
		}
		some = true
		isAlternative := false
		for _, b := range n.route.Boundaries {
			isAlternative = isAlternative || b == c.Boundary
		}
		if !isAlternative || c.Container == nil || c.Container.Boundary != c.Boundary ||
			c.Boundary != routes.BoundaryProject && c.Boundary != routes.BoundaryGroup ||
			c.Container.Visibility != VisibilityPublic {
			return false
		}
	}
	return some
}
