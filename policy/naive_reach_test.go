package policy

import "patgate/routes"

// seen tells whether the act's container was found and is what the act says.
func seen(a Act) bool {
	return a.Container != nil && a.Container.Boundary == a.Boundary && a.Container.ID > 0 && a.Container.Access != OwnerNone
}

// reaches says, access by access, what a scope reaches.
func (n *naive) reaches(s ScopeSpec, a Act) bool {
	switch s.Access {
	case "personal_projects":
		return a.Boundary == routes.BoundaryProject && seen(a) && a.Container.PersonalOf == n.owner
	case "all_memberships":
		return (a.Boundary == routes.BoundaryProject || a.Boundary == routes.BoundaryGroup) && seen(a) && a.Container.Access == OwnerMember
	case "selected_memberships":
		if !(a.Boundary == routes.BoundaryProject || a.Boundary == routes.BoundaryGroup) || !seen(a) {
			return false
		}
		for _, id := range s.ProjectIDs {
			if a.Boundary == routes.BoundaryProject && a.Container.ID == id {
				return true
			}
		}
		for _, id := range s.GroupIDs {
			if a.Boundary == routes.BoundaryGroup && a.Container.ID == id {
				return true
			}
			for _, ancestor := range a.Container.Ancestors {
				if ancestor == id {
					return true
				}
			}
		}
		return false
	case "user":
		return a.Boundary == routes.BoundaryUser &&
			(a.Container == nil || a.Container.Boundary == routes.BoundaryUser && a.Container.ID == n.owner)
	case "instance":
		return a.Boundary == routes.BoundaryInstance && a.Container == nil
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
func (n *naive) expected(a Act, wanted wordset) bool {
	held, _ := n.heldBy(func(s ScopeSpec) bool {
		if s.Access == "all_memberships" {
			return true
		}
		ids := s.GroupIDs
		if a.Reference.Kind == routes.RefProject {
			ids = s.ProjectIDs
		} else if a.Reference.Kind == routes.RefUser || a.Reference.Kind == routes.RefNone {
			ids = nil
		}
		for _, id := range ids {
			if a.Reference.ID == id {
				return true
			}
		}
		return false
	})
	return held.all(wanted)
}

func (n *naive) granted(at int, a Act, reached func(ScopeSpec) bool, wanted wordset) naiveAnswer {
	for i, s := range n.specs {
		if !n.counts[i] || !reached(s) {
			continue
		}
		for name := range permissionsOf(s) {
			if wanted[name] {
				return naiveAnswer{allow: true, reason: ReasonGranted, scope: i, act: at, boundary: a.Boundary}
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
	for _, a := range n.acts {
		if a.Kind != ActOwn {
			continue
		}
		some = true
		isAlternative := false
		for _, b := range n.route.Boundaries {
			isAlternative = isAlternative || b == a.Boundary
		}
		if !isAlternative || a.Container == nil || a.Container.Boundary != a.Boundary ||
			a.Boundary != routes.BoundaryProject && a.Boundary != routes.BoundaryGroup ||
			a.Container.Visibility != VisibilityPublic {
			return false
		}
	}
	return some
}
