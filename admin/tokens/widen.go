package tokens

import (
	"context"
	"slices"

	"patgate/policy"
	"patgate/routes"
	"patgate/store"
	"patgate/token"
)

// Widening is what a token would hold if scopes were added to it.
type Widening struct {
	// Added are those scopes with the permissions that it does not hold there yet; with none where it holds all of them.
	Added []policy.ScopeSpec
	// Scopes are all that it would hold.
	Scopes []policy.ScopeSpec
	// Paths are those of the projects and groups of Added, as the forge tells them by their ids.
	Paths map[Place]string
}

// Widening tells what would be added to a token of the owner's. It changes nothing: Edit does, with Changes.Add.
func (s *Service) Widening(ctx context.Context, c *Owner, id int64, add []Scope) (*Widening, error) {
	l, err := c.own(ctx, s, id)
	if err != nil {
		return nil, err
	}
	return s.widening(ctx, c, &l, add)
}

func (s *Service) widening(ctx context.Context, c *Owner, l *store.Listed, add []Scope) (*Widening, error) {
	table := s.o.Table()
	problems := &Invalid{}
	specs, err := problems.scopes(add, table)
	if err != nil {
		return nil, err
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	as := &token.Session{TokenID: readingPaths - c.UserID(), OwnerUserID: c.UserID(), Username: c.Username(), Credential: c.secret}
	found, err := s.resolve(ctx, as, add, specs, false)
	if err != nil {
		return nil, err
	}
	asked, err := policy.Compile(l.Owner.UserID, l.TableVersion, specs, table.Catalogue())
	if err != nil {
		return nil, invalid(err)
	}
	held, err := store.CompileStored(l.Owner.UserID, l.TableVersion, l.Scopes, table.Catalogue())
	if err != nil {
		return nil, err
	}
	w := &Widening{Added: specs, Scopes: l.Scopes, Paths: map[Place]string{}}
	for at, c := range found.facts {
		kind := routes.RefProject
		if at.boundary == routes.BoundaryGroup {
			kind = routes.RefGroup
		}
		w.Paths[Place{kind, at.id}] = c.Path
	}
	lacks := make([]routes.PermissionSet, len(specs))
	for _, excess := range policy.Subset(asked, held, found.of) {
		if excess.Scope >= 0 {
			lacks[excess.Scope].Union(&excess.Missing)
		}
	}
	for i := range specs {
		w.Scopes = withScope(w.Scopes, &specs[i])
		w.Added[i].Permissions = namesOf(table.Catalogue(), &lacks[i])
	}
	return w, nil
}

// withScope gives the scopes of a token with one more, which has no constraints. A container, or an access, stands in one
// scope without constraints only, so that one which has such a scope leaves it, and takes what it held there along:
// nothing is given to what stood beside it.
func withScope(scopes []policy.ScopeSpec, add *policy.ScopeSpec) (all []policy.ScopeSpec) {
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

// asScopes gives stored scopes in the form in which they are asked for.
func asScopes(specs []policy.ScopeSpec) []Scope {
	out := make([]Scope, len(specs))
	for i := range specs {
		s := &specs[i]
		out[i] = Scope{Access: s.Access, Permissions: s.Permissions, ProjectIDs: s.ProjectIDs, GroupIDs: s.GroupIDs,
			Constraints: s.Constraints}
	}
	return out
}
