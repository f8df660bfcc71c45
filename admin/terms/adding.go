package terms

import (
	"slices"

	"patgate/policy"
)

// WithScope gives the scopes of a token with one more, which has no constraints. A container, or an access, may stand in one
// scope without constraints only. So a container that has such a scope already moves to the new one, with the permissions that
// it held there; the others in the old scope are given nothing.
func WithScope(scopes []policy.ScopeSpec, add *policy.ScopeSpec) (all []policy.ScopeSpec) {
	fresh := policy.ScopeSpec{Access: add.Access, Permissions: slices.Clone(add.Permissions)}
	named := add.Access == policy.AccessSelectedMemberships.String()
	if !named {
		for i := range scopes {
			if s := &scopes[i]; s.Access == add.Access && s.Constraints.Empty() {
				fresh.Permissions = union(s.Permissions, fresh.Permissions)
				continue
			}
			all = append(all, scopes[i])
		}
		return append(all, fresh)
	}
	rest := slices.Clone(scopes)
	take := func(ids func(*policy.ScopeSpec) *[]int64, id int64) {
		one := policy.ScopeSpec{Access: add.Access, Permissions: slices.Clone(add.Permissions)}
		*ids(&one) = []int64{id}
		for i := range rest {
			s := &rest[i]
			if s.Access != add.Access || !s.Constraints.Empty() || !slices.Contains(*ids(s), id) {
				continue
			}
			one.Permissions = union(s.Permissions, one.Permissions)
			*ids(s) = slices.DeleteFunc(slices.Clone(*ids(s)), func(other int64) bool { return other == id })
		}
		all = append(all, one)
	}
	for _, id := range add.ProjectIDs {
		take(func(s *policy.ScopeSpec) *[]int64 { return &s.ProjectIDs }, id)
	}
	for _, id := range add.GroupIDs {
		take(func(s *policy.ScopeSpec) *[]int64 { return &s.GroupIDs }, id)
	}
	rest = slices.DeleteFunc(rest, func(s policy.ScopeSpec) bool {
		return s.Access == add.Access && len(s.ProjectIDs)+len(s.GroupIDs) == 0
	})
	return append(rest, all...)
}

// union gives every name of two lists, each once.
func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, name := range b {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// AsScopes gives stored scopes in the form in which they are asked for.
func AsScopes(specs []policy.ScopeSpec) []Scope {
	out := make([]Scope, len(specs))
	for i := range specs {
		s := &specs[i]
		out[i] = Scope{Access: s.Access, Permissions: s.Permissions, ProjectIDs: s.ProjectIDs, GroupIDs: s.GroupIDs,
			Constraints: s.Constraints}
	}
	return out
}
