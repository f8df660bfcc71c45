package terms

import (
	"fmt"
	"slices"
	"strings"

	"patgate/policy"
	"patgate/routes"
)

// Broad tells whether scopes reach all that their owner is a member of, or the instance, or more than any one job needs: so many
// projects and groups in all, or so many permissions in one scope.
func Broad(scopes []policy.ScopeSpec) bool {
	const manyPermissions, manyPlaces, perGroup = 100, 100, 10
	places := 0
	return slices.ContainsFunc(scopes, func(s policy.ScopeSpec) bool {
		places += len(s.ProjectIDs) + perGroup*len(s.GroupIDs)
		return s.Access == policy.AccessAllMemberships.String() ||
			s.Access == policy.AccessInstance.String() && slices.ContainsFunc(s.Permissions, writes) ||
			len(s.Permissions) > manyPermissions || places > manyPlaces
	})
}

// Covers tells whether some scope names a container or one above it, or takes in its owner's own projects.
func Covers(scopes []policy.ScopeSpec, owner int64, c *policy.Container) bool {
	project := c.Boundary == routes.BoundaryProject
	return slices.ContainsFunc(scopes, func(s policy.ScopeSpec) bool {
		if s.Access == policy.AccessPersonalProjects.String() {
			return project && c.PersonalOf == owner
		}
		own := s.GroupIDs
		if project {
			own = s.ProjectIDs
		}
		return slices.Contains(own, c.ID) ||
			slices.ContainsFunc(c.Ancestors, func(above int64) bool { return slices.Contains(s.GroupIDs, above) })
	})
}

// writes tells whether a permission is for more than reading, by its name.
func writes(permission string) bool {
	return !strings.HasPrefix(permission, "read_") && !strings.HasPrefix(permission, "download_")
}

// Useless warns of permissions that cannot be granted on any place of a scope, such as pushing images to a project on a forge
// where images belong to groups. Wildcards leave these out.
func Useless(s *Scope, permissions []string, c *routes.Catalogue) []string {
	access, err := policy.ParseAccess(s.Access)
	if err != nil {
		return nil
	}
	var names, on []string
	for _, name := range permissions {
		p, known := c.Find(name)
		if info := c.Info(p); known && !Grantable(s, access, info.Boundaries) {
			names = append(names, name)
			for _, b := range info.Boundaries {
				if !slices.Contains(on, b.String()) {
					on = append(on, b.String())
				}
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s will have no effect on what is named: it is for a %s", strings.Join(names, ", "),
		strings.Join(on, " or "))}
}
