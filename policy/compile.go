package policy

import (
	"fmt"
	"slices"
	"strings"

	"patgate/routes"
)

// Compile makes the grant of a token from its scopes. The owner is the numeric user id at the forge, and tableVersion that
// of the route table under which the token was made or last confirmed. The error is a *SpecError with all problems.
//
// Permissions are names of the catalogue, deprecated ones included, and can each be granted on something that the scope's
// access reaches. Ids may repeat and come in any order. One container, and each other access, stands in one scope only,
// except that a scope with constraints may stand beside one without, or with others.
func Compile(owner int64, tableVersion int, specs []ScopeSpec, catalogue Permissions) (*Grant, error) {
	c := compiler{catalogue: catalogue, seen: make(map[place]int)}
	if owner <= 0 {
		c.report(-1, "", "the owner's user id must be positive, not %d", owner)
	}
	if len(specs) == 0 {
		c.report(-1, "", "a token needs at least one scope")
	}
	scopes := make([]Scope, 0, len(specs))
	for i := range specs {
		scopes = append(scopes, c.scope(i, &specs[i]))
	}
	if len(c.problems) > 0 {
		return nil, &SpecError{Problems: c.problems}
	}
	return newGrant(owner, tableVersion, scopes), nil
}

// compiler gathers problems while it reads the specs of one token.
type compiler struct {
	catalogue Permissions
	seen      map[place]int // which scope has a container or an access already
	problems  []SpecProblem
}

// place is what may stand in one scope only.
type place struct {
	access      Access
	boundary    routes.Boundary
	id          int64
	constraints string
}

func (c *compiler) report(scope int, field, format string, arguments ...any) {
	c.problems = append(c.problems, SpecProblem{Scope: scope, Field: field, Message: fmt.Sprintf(format, arguments...)})
}

func (c *compiler) scope(i int, spec *ScopeSpec) Scope {
	access, err := ParseAccess(spec.Access)
	if err != nil {
		c.report(i, "access", "%v", err)
	}
	s := Scope{
		Access:      access,
		Permissions: c.permissions(i, access, spec.Permissions),
		Projects:    c.ids(i, "project_ids", spec.ProjectIDs),
		Groups:      c.ids(i, "group_ids", spec.GroupIDs),
		Constraints: c.constraints(i, access, &spec.Constraints),
	}
	named := len(spec.ProjectIDs) + len(spec.GroupIDs)
	switch {
	case access == AccessSelectedMemberships && named == 0:
		c.report(i, "", "selected_memberships needs project_ids or group_ids")
	case access != AccessSelectedMemberships && access != AccessNone && named > 0:
		c.report(i, "", "%s takes no project_ids or group_ids: they are for selected_memberships", access)
	}
	c.once(i, &s)
	return s
}

func (c *compiler) permissions(i int, access Access, names []string) (set routes.PermissionSet) {
	if len(names) == 0 {
		c.report(i, "permissions", "a scope needs at least one permission")
	}
	for _, name := range names {
		p, known := c.catalogue.Find(name)
		switch {
		case !known:
			c.report(i, "permissions", "unknown permission %q%s", name, c.hint(name))
		case set.Has(p):
			c.report(i, "permissions", "%q is listed twice", name)
		case access != AccessNone && !access.reachesAny(c.catalogue.Info(p).Boundaries):
			c.report(i, "permissions", "%q cannot be granted under %s: %s", name, access,
				placesOf(c.catalogue.Info(p).Boundaries))
		}
		set.Add(p)
	}
	return set
}

// hint names the permissions that were probably meant.
func (c *compiler) hint(name string) string {
	const enough = 3
	nearest := c.catalogue.Nearest(name, enough)
	if len(nearest) == 0 {
		return ""
	}
	return ", nearest: " + strings.Join(nearest, ", ")
}

// ids gives the ids sorted, each once.
func (c *compiler) ids(i int, field string, ids []int64) []int64 {
	for _, id := range ids {
		if id <= 0 {
			c.report(i, field, "%d is not an id: ids are positive", id)
		}
	}
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

func (c *compiler) constraints(i int, access Access, spec *ConstraintSpec) Constraints {
	if repositories := access == AccessNone || access.reaches(routes.BoundaryProject); !repositories {
		if spec.ForbidRefDeletes {
			c.report(i, "constraints.forbid_ref_deletes", "%s reaches no repository: remove it", access)
		}
		if spec.ForbidTagChanges {
			c.report(i, "constraints.forbid_tag_changes", "%s reaches no repository: remove it", access)
		}
	}
	return Constraints{
		RefPatterns:      c.refPatterns(i, access, spec.RefPatterns),
		ForbidRefDeletes: spec.ForbidRefDeletes,
		ForbidTagChanges: spec.ForbidTagChanges,
	}
}

// refPatterns gives the patterns sorted, each once.
func (c *compiler) refPatterns(i int, access Access, patterns []string) []string {
	const field = "constraints.ref_patterns"
	if len(patterns) > 0 && !access.reaches(routes.BoundaryProject) && access != AccessNone {
		c.report(i, field, "%s reaches no repository: remove the patterns", access)
	}
	for _, pattern := range patterns {
		if !validRefPattern(pattern) {
			c.report(i, field, "%q is not a pattern of full ref names: write refs/heads/bot/*", pattern)
		}
	}
	sorted := slices.Clone(patterns)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

// validRefPattern tells whether a ref could match: git check-ref-format's rules, with `*` allowed.
func validRefPattern(pattern string) bool {
	rest, found := strings.CutPrefix(pattern, "refs/")
	if !found || strings.Contains(pattern, "..") || strings.Contains(pattern, "@{") || strings.HasSuffix(pattern, ".") {
		return false
	}
	for segment := range strings.SplitSeq(rest, "/") {
		if segment == "" || segment[0] == '.' || strings.HasSuffix(segment, ".lock") {
			return false
		}
	}
	return !strings.ContainsFunc(pattern, func(r rune) bool {
		return r <= ' ' || r == 0x7f || r == '\uFFFD' || strings.ContainsRune(`~^:?[\`, r)
	})
}

// once reports what stands in an earlier scope with the same constraints already.
func (c *compiler) once(i int, s *Scope) {
	at := place{
		access:      s.Access,
		constraints: fmt.Sprint(s.Constraints.ForbidRefDeletes, s.Constraints.ForbidTagChanges, s.Constraints.RefPatterns),
	}
	switch s.Access {
	case AccessNone:
		return
	case AccessSelectedMemberships:
		c.onceNamed(i, "project_ids", at, routes.BoundaryProject, s.Projects)
		c.onceNamed(i, "group_ids", at, routes.BoundaryGroup, s.Groups)
		return
	}
	if first, taken := c.seen[at]; taken {
		c.report(i, "access", "%s is in scopes[%d] already: put the permissions into one scope", s.Access, first)
		return
	}
	c.seen[at] = i
}

func (c *compiler) onceNamed(i int, field string, at place, boundary routes.Boundary, ids []int64) {
	at.boundary = boundary
	for _, id := range ids {
		at.id = id
		if first, taken := c.seen[at]; taken {
			c.report(i, field, "%s %d is in scopes[%d] already: put its permissions into one scope", boundary, id, first)
			continue
		}
		c.seen[at] = i
	}
}

// placesOf says on what a permission can be granted.
func placesOf(boundaries []routes.Boundary) string {
	if len(boundaries) == 0 {
		return "it cannot be granted at all"
	}
	names := make([]string, len(boundaries))
	for i, b := range boundaries {
		names[i] = b.String()
	}
	return "its boundary is " + strings.Join(names, " or ")
}
