package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// grantScope is a scope in a file for --grant: GitLab's granular_scopes, with projects and groups also by path.
type grantScope struct {
	Access      string                `yaml:"access"`
	Permissions []string              `yaml:"permissions"`
	Projects    []string              `yaml:"projects"`
	Groups      []string              `yaml:"groups"`
	ProjectIDs  []int64               `yaml:"project_ids"`
	GroupIDs    []int64               `yaml:"group_ids"`
	Constraints policy.ConstraintSpec `yaml:"constraints"`
}

// parseGrant reads a file for --grant: a list of scopes, or a map with the key scopes or granular_scopes that holds one.
func parseGrant(data []byte) ([]wantedScope, error) {
	var file struct {
		Scopes         []grantScope `yaml:"scopes"`
		GranularScopes []grantScope `yaml:"granular_scopes"`
	}
	var list []grantScope
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return nil, err
	}
	if len(root.Content) == 0 {
		return nil, errors.New("the file is empty: write a list of scopes, each with access and permissions")
	}
	var into any = &file
	if root.Content[0].Kind == yaml.SequenceNode {
		into = &list
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		return nil, err
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("the file has more than one document")
	}
	list = append(append(list, file.Scopes...), file.GranularScopes...)
	if len(list) == 0 {
		return nil, errors.New("the file has no scope")
	}
	wanted := make([]wantedScope, len(list))
	for i, g := range list {
		access, err := policy.ParseAccess(g.Access)
		if err != nil {
			return nil, fmt.Errorf("scope %d: %w", i+1, err)
		}
		wanted[i] = wantedScope{access: access, projects: g.Projects, groups: g.Groups, permissions: g.Permissions, constraints: g.Constraints}
		for _, id := range g.ProjectIDs {
			wanted[i].projects = append(wanted[i].projects, fmt.Sprint(id))
		}
		for _, id := range g.GroupIDs {
			wanted[i].groups = append(wanted[i].groups, fmt.Sprint(id))
		}
	}
	return wanted, nil
}

// expand replaces wildcards by the names that they stand for today. A wildcard stands for permissions that can be granted
// on what the scope reaches, that are not deprecated, and no row of which yields another credential. Names without a
// wildcard stay as they are, known or not: the compiler of grants judges them.
func expand(s *wantedScope, t *routes.Table) ([]string, error) {
	mints := mintingPermissions(t)
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, wanted := range s.permissions {
		if !strings.Contains(wanted, "*") {
			add(wanted)
			continue
		}
		found := false
		for p, info := range t.Catalogue().All() {
			if info.Deprecated || mints.Has(p) || !matches(wanted, info.Name) || !grantable(s, info.Boundaries) {
				continue
			}
			found = true
			add(info.Name)
		}
		if !found {
			return nil, fmt.Errorf("%q stands for no permission that can be granted under %s and makes no credential (patgate routes list shows permissions)", wanted, s.access)
		}
	}
	return names, nil
}

// mintingPermissions gives the permissions that some row with another credential in its answer needs.
func mintingPermissions(t *routes.Table) (set routes.PermissionSet) {
	for _, r := range t.Routes() {
		if r.Mints != "" {
			set.Union(&r.NeedSet)
		}
	}
	return set
}

// matches tells whether a name fits a pattern in which * stands for any text.
func matches(pattern, name string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	name, ok := strings.CutPrefix(name, head)
	if !ok {
		return false
	}
	for i := 0; i <= len(name); i++ {
		if matches(rest, name[i:]) {
			return true
		}
	}
	return false
}

// grantable tells whether one of the boundaries is within what the scope names.
func grantable(s *wantedScope, boundaries []routes.Boundary) bool {
	return slices.ContainsFunc(boundaries, func(b routes.Boundary) bool {
		switch s.access {
		case policy.AccessPersonalProjects:
			return b == routes.BoundaryProject
		case policy.AccessAllMemberships:
			return b.InContainer()
		case policy.AccessSelectedMemberships:
			return b == routes.BoundaryProject || b == routes.BoundaryGroup && len(s.groups) > 0
		case policy.AccessUser:
			return b == routes.BoundaryUser
		case policy.AccessInstance:
			return b == routes.BoundaryInstance
		}
		return false
	})
}

// resolveScopes asks the forge, as the owner, which containers are meant. All that cannot be found are reported together;
// paths maps what was found to names for people.
func resolveScopes(ctx context.Context, f forgeClient, s *token.Session, wanted []wantedScope, t *routes.Table) (specs []policy.ScopeSpec, warnings []string, err error) {
	var failed []error
	resolve := func(kind routes.RefKind, boundary routes.Boundary, names []string) (ids []int64) {
		for _, name := range names {
			c, err := resolveOne(ctx, f, s, kind, name)
			switch {
			case err != nil:
				failed = append(failed, err)
			case c.Boundary != boundary:
				failed = append(failed, fmt.Errorf("%s %q: not found, or %s cannot see it", kind, name, s.Username))
			default:
				if c.Access != policy.OwnerMember {
					warnings = append(warnings, fmt.Sprintf("%s is no member of %s %s: only public reads will work there", s.Username, kind, c.Path))
				}
				ids = append(ids, c.ID)
			}
		}
		return ids
	}
	for i := range wanted {
		w := &wanted[i]
		spec := policy.ScopeSpec{Access: w.access.String(), Constraints: w.constraints}
		if spec.Permissions, err = expand(w, t); err != nil {
			failed = append(failed, err)
		}
		spec.ProjectIDs = resolve(routes.RefProject, routes.BoundaryProject, w.projects)
		spec.GroupIDs = resolve(routes.RefGroup, routes.BoundaryGroup, w.groups)
		specs = append(specs, spec)
	}
	return specs, warnings, errors.Join(failed...)
}

// resolveOne asks for one container, and waits when the forge or patgate's own budget wants a pause.
func resolveOne(ctx context.Context, f forgeClient, s *token.Session, kind routes.RefKind, name string) (policy.Container, error) {
	ref, ok := routes.ParseReference(kind, []byte(name))
	if !ok {
		return policy.Container{}, usageError{fmt.Errorf("%s %q: not an id and not a full path (group/subgroup/project)", kind, name)}
	}
	for {
		c, err := f.Resolve(ctx, s, ref, 0)
		wait, limited := forge.RetryAfter(err)
		if err == nil {
			return c, nil
		}
		if !limited || wait > time.Minute {
			return c, fmt.Errorf("%s %q: %w", kind, name, err)
		}
		select {
		case <-ctx.Done():
			return c, ctx.Err()
		case <-time.After(wait):
		}
	}
}
