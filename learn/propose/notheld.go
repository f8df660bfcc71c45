package propose

import (
	"slices"

	"patgate/policy"
	"patgate/routes"
)

// surplus is what a scope of a proposal would give, for one ref pattern where it is limited to some, that a token does not hold.
type surplus struct {
	scope   int
	pattern string
	place
	missing routes.PermissionSet
}

// notHeld compares a proposal with what a token holds today. A group in which something unknown was used counts as not held,
// unless the token's scopes name it, or a group above it. Without a token, present is nil, and so is the result.
func notHeld(present, grant *policy.Grant, events []event) (all []surplus) {
	if present == nil {
		return nil
	}
	more := policy.Grant{Owner: present.Owner, TableVersion: present.TableVersion}
	for i := range grant.Scopes {
		s := grant.Scopes[i]
		if len(s.Constraints.RefPatterns) == 0 {
			all, more.Scopes = append(all, surplus{scope: i}), append(more.Scopes, s)
		}
		for _, pattern := range s.Constraints.RefPatterns {
			one := s
			one.Constraints.RefPatterns = []string{pattern}
			all, more.Scopes = append(all, surplus{scope: i, pattern: pattern}), append(more.Scopes, one)
		}
	}
	known := containers(events)
	of := all
	all = nil
	for _, e := range policy.Subset(&more, present, func(b routes.Boundary, id int64) policy.Container {
		return known[place{policy.AccessSelectedMemberships, b, id}]
	}) {
		at := of[e.Scope]
		at.place, at.missing = place{e.Access, e.Boundary, e.ID}, e.Missing
		all = append(all, at)
	}
	return all
}

// containers gives what is known about the containers that events name, and about the groups above them.
func containers(events []event) map[place]policy.Container {
	known := map[place]policy.Container{}
	for i := range events {
		for j := range events[i].question.Acts {
			c := events[i].question.Acts[j].Container
			if c == nil || !c.Boundary.InContainer() {
				continue
			}
			if c.ID != somewhere {
				known[narrowest(c)] = *c
			}
			for n, id := range c.Ancestors {
				if at := groupAt(id); known[at].ID == 0 {
					known[at] = policy.Container{Boundary: routes.BoundaryGroup, ID: id, Ancestors: c.Ancestors[n+1:],
						Access: policy.OwnerPublicRead}
				}
			}
		}
	}
	return known
}

// lacks tells whether an element of a scope is in what is not held.
func lacks(all []surplus, scope int, e *element) bool {
	return slices.ContainsFunc(all, func(s surplus) bool {
		switch {
		case s.scope != scope, s.place != e.place:
			return false
		case e.permission != 0:
			return s.missing.Has(e.permission)
		}
		return e.pattern == "" || e.pattern == s.pattern
	})
}
