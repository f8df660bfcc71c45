package tokencmd

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"patgate/admin/terms"
	"patgate/policy"
)

// amendment is what --add and --remove change in the scopes of a token.
type amendment struct {
	add    bool
	where  *terms.Scope // nil: everywhere for --remove, and for --add the token's only scope
	typed  string       // behind the flag
	names  []string     // permissions; wildcards too
	places []policy.ScopeSpec
}

// amend closes the open scope, or without one means the token as it is.
func (s *scopeFlags) amend(add bool, value string) error {
	a := amendment{add: add, typed: value}
	for name := range strings.SplitSeq(value, ",") {
		if name = strings.TrimSpace(name); name == "" {
			return errors.New("an empty permission name")
		}
		a.names = append(a.names, name)
	}
	if s.open {
		last := len(s.scopes) - 1
		where := s.scopes[last]
		a.where, s.open = &where, false
		s.scopes, s.typed = s.scopes[:last], s.typed[:last]
	}
	s.amendments = append(s.amendments, a)
	return nil
}

// amended gives the flags of all amendments as they were typed.
func (s *scopeFlags) amended() string {
	var flags []string
	for _, a := range s.amendments {
		name := "--remove "
		if a.add {
			name = "--add "
		}
		flags = append(flags, name+a.typed)
	}
	return strings.Join(flags, " ")
}

// apply gives the scopes after an amendment whose places are known by id.
func (a *amendment) apply(scopes []policy.ScopeSpec) ([]policy.ScopeSpec, error) {
	if a.add {
		return a.adding(scopes)
	}
	return a.removing(scopes)
}

// adding gives the scopes with more. Constraints on the pushes of the token's only scope hold for what is added to it.
func (a *amendment) adding(scopes []policy.ScopeSpec) ([]policy.ScopeSpec, error) {
	if a.where != nil {
		for i := range a.places {
			scopes = terms.WithScope(scopes, &a.places[i])
		}
		return scopes, nil
	}
	if len(scopes) != 1 {
		return nil, fmt.Errorf("--add %s: the token has %d scopes: say where before it, by --project, --group, --personal, "+
			"--all-memberships, --user or --instance", a.typed, len(scopes))
	}
	out := slices.Clone(scopes)
	out[0].Permissions = slices.Clone(out[0].Permissions)
	for _, name := range a.names {
		if !slices.Contains(out[0].Permissions, name) {
			out[0].Permissions = append(out[0].Permissions, name)
		}
	}
	return out, nil
}

// removing gives the scopes without the permissions that are taken away. One that the token does not hold there is an error: a
// wider scope may hold it, and then taking it away there would take nothing.
func (a *amendment) removing(scopes []policy.ScopeSpec) ([]policy.ScopeSpec, error) {
	found := map[string]bool{}
	left := func(s policy.ScopeSpec) (policy.ScopeSpec, bool) {
		s.Permissions = slices.DeleteFunc(slices.Clone(s.Permissions), func(name string) bool {
			gone := false
			for _, pattern := range a.names {
				if terms.Matches(pattern, name) {
					gone, found[pattern] = true, true
				}
			}
			return gone
		})
		return s, len(s.Permissions) > 0
	}
	var out []policy.ScopeSpec
	for _, s := range scopes {
		inside, outside, meant := a.split(s)
		if !meant {
			out = append(out, s)
			continue
		}
		if outside != nil {
			out = append(out, *outside)
		}
		if rest, some := left(inside); some {
			out = append(out, rest)
		}
	}
	for _, pattern := range a.names {
		if !found[pattern] {
			return nil, fmt.Errorf("--remove %s: the token does not hold %s there: patgate token show says what it "+
				"holds", a.typed,
				pattern)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("--remove %s: nothing would be left: revoke the token instead", a.typed)
	}
	return out, nil
}

// split gives the part of a scope that the amendment is about, and the rest of it.
func (a *amendment) split(s policy.ScopeSpec) (inside policy.ScopeSpec, outside *policy.ScopeSpec, meant bool) {
	if a.where == nil {
		return s, nil, true
	}
	if s.Access != a.where.Access {
		return s, nil, false
	}
	if s.Access != policy.AccessSelectedMemberships.String() {
		return s, nil, true
	}
	var projects, groups []int64
	for i := range a.places {
		projects = append(projects, a.places[i].ProjectIDs...)
		groups = append(groups, a.places[i].GroupIDs...)
	}
	inside, rest := s, s
	inside.ProjectIDs, rest.ProjectIDs = parted(s.ProjectIDs, projects)
	inside.GroupIDs, rest.GroupIDs = parted(s.GroupIDs, groups)
	if len(rest.ProjectIDs)+len(rest.GroupIDs) > 0 {
		outside = &rest
	}
	return inside, outside, len(inside.ProjectIDs)+len(inside.GroupIDs) > 0
}

// parted gives the ids that are among some, and the others.
func parted(all, some []int64) (among, others []int64) {
	for _, id := range all {
		if slices.Contains(some, id) {
			among = append(among, id)
		} else {
			others = append(others, id)
		}
	}
	return among, others
}
