package tokens

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"patgate/admin/catalogue"
	"patgate/admin/sight"
	"patgate/admin/terms"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// place is a container that a scope names.
type place struct {
	boundary routes.Boundary
	id       int64
}

// resolved is what the forge says of the containers that some scopes name.
type resolved struct {
	facts    map[place]policy.Container
	warnings []string
}

// of gives a container in the form that policy.Subset asks for.
func (r *resolved) of(b routes.Boundary, id int64) policy.Container { return r.facts[place{b, id}] }

// resolve asks the forge, as the owner, which containers are meant, and puts ids in place of paths. All that cannot be
// found are reported together, as ErrContainer.
func (s *Service) resolve(ctx context.Context, as *token.Session, scopes []terms.Scope, specs []policy.ScopeSpec,
	patient bool) (*resolved, error) {
	r := &resolved{facts: map[place]policy.Container{}}
	var missing []string
	table := s.o.Table()
	one := func(kind routes.RefKind, boundary routes.Boundary, field, name string, byID bool) (int64, error) {
		ref, ok := routes.ParseReference(kind, []byte(name))
		if table.Named() && !byID && (!ok || ref.ID == 0 || kind != routes.RefProject) {
			ref, ok = routes.ParseName(kind, []byte(name))
		}
		switch {
		case !ok && table.Named():
			missing = append(missing, fmt.Sprintf("%s: %s %q: not a name (owner/name of a project)", field, kind, name))
			return 0, nil
		case !ok:
			missing = append(missing, fmt.Sprintf("%s: %s %q: not an id and not a full path "+
				"(group/subgroup/project)", field, kind, name))
			return 0, nil
		}
		c, err := sight.Ask(ctx, s.o.Forge, as, ref, patient)
		switch {
		case err != nil:
			return 0, fmt.Errorf("%s %q: %w", kind, name, err)
		case c.Boundary != boundary || c.Access == policy.OwnerNone:
			missing = append(missing, fmt.Sprintf("%s: %s %q: not found, or %s cannot see it", field, kind, name, as.Username))
			return 0, nil
		case c.Access != policy.OwnerMember:
			r.warnings = append(r.warnings,
				fmt.Sprintf("%s is no member of %s %s: only public reads will work there", as.Username, kind, c.Path))
		}
		r.facts[place{boundary, c.ID}] = c
		return c.ID, nil
	}
	list := func(kind routes.RefKind, boundary routes.Boundary, scope int, field string, ids []int64,
		paths []string) ([]int64, error) {
		var out []int64
		names := make([]string, 0, len(ids)+len(paths))
		for _, id := range ids {
			names = append(names, strconv.FormatInt(id, 10))
		}
		for i, name := range append(names, paths...) {
			at := fmt.Sprintf("granular_scopes[%d].%s", scope, field)
			if i >= len(ids) {
				at = strings.TrimSuffix(at, "_ids") + "s"
			}
			id, err := one(kind, boundary, at, name, i < len(ids))
			if err != nil {
				return nil, err
			}
			if id != 0 && !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
		return out, nil
	}
	for i := range scopes {
		s, spec := &scopes[i], &specs[i]
		var err error
		spec.ProjectIDs, err = list(routes.RefProject, routes.BoundaryProject, i, "project_ids", s.ProjectIDs, s.Projects)
		if err != nil {
			return nil, err
		}
		spec.GroupIDs, err = list(routes.RefGroup, routes.BoundaryGroup, i, "group_ids", s.GroupIDs, s.Groups)
		if err != nil {
			return nil, err
		}
	}
	if len(missing) > 0 {
		return nil, refuse(ErrContainer, "%s", strings.Join(missing, "\n"))
	}
	for i := range scopes {
		r.warnings = append(r.warnings, terms.Useless(&scopes[i], specs[i].Permissions, table.Catalogue())...)
		r.warnings = append(r.warnings, catalogue.Minting(specs[i].Permissions, table)...)
	}
	return r, nil
}

// facts asks for the containers that stored scopes name; what is not found stays out, and counts as not known.
func (s *Service) facts(ctx context.Context, as *token.Session, r *resolved, specs []policy.ScopeSpec) error {
	get := func(kind routes.RefKind, boundary routes.Boundary, ids []int64) error {
		for _, id := range ids {
			if _, have := r.facts[place{boundary, id}]; have {
				continue
			}
			c, err := sight.Ask(ctx, s.o.Forge, as, routes.Reference{Kind: kind, ID: id}, false)
			if err != nil {
				return fmt.Errorf("%s %d: %w", kind, id, err)
			}
			r.facts[place{boundary, id}] = c
		}
		return nil
	}
	for i := range specs {
		if err := get(routes.RefProject, routes.BoundaryProject, specs[i].ProjectIDs); err != nil {
			return err
		}
		if err := get(routes.RefGroup, routes.BoundaryGroup, specs[i].GroupIDs); err != nil {
			return err
		}
	}
	return nil
}

// beyond says, by an ErrForbidden, where child would hold more than parent.
func (s *Service) beyond(child, parent *policy.Grant, facts *resolved, whose string) error {
	excess := policy.Subset(child, parent, facts.of)
	if len(excess) == 0 {
		return nil
	}
	var lines []string
	for i := range excess {
		x := &excess[i]
		where := "scope " + strconv.Itoa(x.Scope+1)
		switch {
		case x.Scope < 0:
			lines = append(lines, "the grant was made for another owner or under a newer route table than "+whose)
			continue
		case x.ID != 0:
			where = fmt.Sprintf("%s, %s %d", where, x.Boundary, x.ID)
		default:
			where += ", " + x.Access.String()
		}
		lines = append(lines, where+": "+strings.Join(s.o.Table().Catalogue().NamesOf(&x.Missing), ", "))
	}
	return refuse(ErrForbidden, "it would hold more than %s:\n%s", whose, strings.Join(lines, "\n"))
}
