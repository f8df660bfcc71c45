// Package terms reads the terms of a token: its scopes, its lifetime, and how far it may be renewed. It reports everything that
// is wrong with them.
package terms

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// Limits of a request. Those of names and descriptions, in characters, are GitLab's own (constants.js, 19.3).
const (
	MaxName        = 200
	MaxDescription = 255
	maxScopes      = 1000
)

// Scope is a scope as it is asked for: an entry of GitLab's granular_scopes, with projects and groups also by path, and
// with wildcards among the permissions, which stand for the permissions of today.
type Scope struct {
	Access      string                `json:"access"`
	Permissions []string              `json:"permissions"`
	ProjectIDs  []int64               `json:"project_ids,omitempty"`
	GroupIDs    []int64               `json:"group_ids,omitempty"`
	Projects    []string              `json:"projects,omitempty"`
	Groups      []string              `json:"groups,omitempty"`
	Constraints policy.ConstraintSpec `json:"constraints,omitzero"`
}

// Expand replaces wildcards by the names that they stand for today. A wildcard stands for permissions that can be granted on
// what the scope reaches and that are not deprecated. It leaves out a permission when one of its rows yields another
// credential or has one of routes.NamedEffects, or when a push with it switches off a guard of the forge. Names without a
// wildcard stay as they are, known or not: the compiler of grants judges them.
func Expand(s *Scope, t *routes.Table) ([]string, error) {
	access, err := policy.ParseAccess(s.Access)
	if err != nil || !slices.ContainsFunc(s.Permissions, func(name string) bool { return strings.Contains(name, "*") }) {
		return s.Permissions, nil // the compiler tells what is wrong with the access
	}
	unnamed := Unnamed(t)
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, wanted := range s.Permissions {
		if !strings.Contains(wanted, "*") {
			add(wanted)
			continue
		}
		found := false
		for p, info := range t.Catalogue().All() {
			if info.Deprecated || !unnamed.Has(p) || !Matches(wanted, info.Name) || !Grantable(s, access, info.Boundaries) {
				continue
			}
			found = true
			add(info.Name)
		}
		if !found {
			return nil, fmt.Errorf("%q stands for no permission that can be granted under %s by a "+
				"wildcard: those that make or "+
				"keep a credential, give rights to others, change who sees what or switch off a guard are granted by "+
				"name (docs/permissions.md "+
				"lists them)", wanted, s.Access)
		}
	}
	return names, nil
}

// namedPermissions gives the permissions that only their name grants. Some row that needs them has another credential in its
// answer, gives rights to others, changes who sees what, or keeps a secret of the caller's choice; or a push option that needs
// them switches off a guard of the forge.
func namedPermissions(t *routes.Table) (set routes.PermissionSet) {
	set = t.PushOptions().Guards()
	for _, r := range t.Routes() {
		named := func(effect string) bool { return slices.Contains(routes.NamedEffects(), effect) }
		if r.Mints != "" || slices.ContainsFunc(r.Effects, named) {
			set.Union(&r.NeedSet)
		}
	}
	return set
}

// Unnamed gives the permissions that a wildcard may stand for: all but those that only their name grants.
func Unnamed(t *routes.Table) (set routes.PermissionSet) {
	named := namedPermissions(t)
	for p := range t.Catalogue().All() {
		if !named.Has(p) {
			set.Add(p)
		}
	}
	return set
}

// Matches tells whether a name fits a pattern in which * stands for any text.
func Matches(pattern, name string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, head)
	if !ok {
		return false
	}
	for i := 0; i <= len(name); i++ {
		if Matches(rest, name[i:]) {
			return true
		}
	}
	return false
}

// Grantable tells whether one of the boundaries is within what the scope names.
func Grantable(s *Scope, access policy.Access, boundaries []routes.Boundary) bool {
	return slices.ContainsFunc(boundaries, func(b routes.Boundary) bool {
		switch access {
		case policy.AccessPersonalProjects:
			return b == routes.BoundaryProject
		case policy.AccessAllMemberships:
			return b.InContainer()
		case policy.AccessSelectedMemberships:
			return b == routes.BoundaryProject || b == routes.BoundaryGroup && len(s.Groups)+len(s.GroupIDs) > 0
		case policy.AccessUser:
			return b == routes.BoundaryUser
		case policy.AccessInstance:
			return b == routes.BoundaryInstance
		}
		return false
	})
}

// expandAll replaces wildcards and finds what is wrong with scopes, before the forge is asked for anything.
func (e *Invalid) expandAll(scopes []Scope, t *routes.Table) ([]policy.ScopeSpec, error) {
	specs := make([]policy.ScopeSpec, len(scopes))
	for i := range scopes {
		s := &scopes[i]
		names, err := Expand(s, t)
		if err != nil {
			e.Add(fmt.Sprintf("granular_scopes[%d].permissions", i), "%v", err)
			names = []string{}
		}
		specs[i] = policy.ScopeSpec{
			Access:      s.Access,
			Permissions: names,
			ProjectIDs:  slices.Clone(s.ProjectIDs),
			GroupIDs:    slices.Clone(s.GroupIDs),
			Constraints: s.Constraints,
		}
		// Any ids that stand for the paths until the forge has told the real ones.
		for j := range s.Projects {
			specs[i].ProjectIDs = append(specs[i].ProjectIDs, placeholder(i, j))
		}
		for j := range s.Groups {
			specs[i].GroupIDs = append(specs[i].GroupIDs, placeholder(i, j))
		}
	}
	_, err := policy.Compile(1, t.Version(), specs, t.Catalogue())
	if err == nil {
		return specs, nil
	}
	before := len(e.Problems)
	if err := e.scopeProblems(err); err != nil {
		return nil, err
	}
	// A wildcard that stands for nothing is one problem, not two.
	if before > 0 {
		earlier := e.Problems[:before:before]
		later := slices.DeleteFunc(slices.Clone(e.Problems[before:]), func(p Problem) bool {
			return slices.ContainsFunc(earlier, func(q Problem) bool { return q.Field == p.Field })
		})
		e.Problems = append(earlier, later...)
	}
	return specs, nil
}

func placeholder(scope, index int) int64 { return 1<<61 + int64(scope)<<24 + int64(index) }

// Text refuses names that are missing, too long or would garble a list.
func (e *Invalid) Text(field, text string, limit int, required bool) {
	switch {
	case required && text == "":
		e.Add(field, "is missing: say what the token is for")
	case !utf8.ValidString(text):
		e.Add(field, "is not valid UTF-8")
	case utf8.RuneCountInString(text) > limit:
		e.Add(field, "has %d characters, at most %d are allowed", utf8.RuneCountInString(text), limit)
	case strings.ContainsFunc(text, unicode.IsControl):
		e.Add(field, "has control characters in it")
	case strings.ContainsFunc(text, turns):
		e.Add(field, "has invisible characters in it that turn the direction of text or end a line")
	}
}

// turns tells whether a character makes what stands beside it read otherwise. Letters that are written from right to left need
// none.
func turns(r rune) bool { return unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) }

// Specs gives scopes as they are stored, those that name paths without ids yet; an *Invalid says all that is wrong with them.
func Specs(scopes []Scope, t *routes.Table) ([]policy.ScopeSpec, error) {
	problems := &Invalid{}
	specs, err := problems.Scopes(scopes, t)
	if err == nil {
		err = problems.Err()
	}
	return specs, err
}

// Scopes checks scopes and gives them with wildcards replaced.
func (e *Invalid) Scopes(scopes []Scope, t *routes.Table) ([]policy.ScopeSpec, error) {
	switch {
	case len(scopes) == 0:
		e.Add("granular_scopes", "a token needs at least one scope")
		return nil, nil
	case len(scopes) > maxScopes:
		e.Add("granular_scopes", "has %d scopes, at most %d are allowed", len(scopes), maxScopes)
		return nil, nil
	}
	named := 0
	for i := range scopes {
		named += len(scopes[i].ProjectIDs) + len(scopes[i].GroupIDs) + len(scopes[i].Projects) + len(scopes[i].Groups)
	}
	if named > maxScopes {
		e.Add("granular_scopes", "name %d projects and groups, at most %d are allowed", named, maxScopes)
		return nil, nil
	}
	specs, err := e.expandAll(scopes, t)
	rights := 0
	for i := range specs {
		rights += len(specs[i].Permissions)
	}
	if rights > token.MostRights {
		e.Add("granular_scopes", "name %d permissions in all, at most %d are allowed", rights, token.MostRights)
		return nil, err
	}
	return specs, err
}
