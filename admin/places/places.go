package places

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"patgate/admin/catalogue"
	"patgate/admin/terms"
	"patgate/policy"
	"patgate/routes"
)

// Finder asks the forge as one owner.
type Finder struct {
	Table    *routes.Table
	Username string
	// Ask gives the container of a reference as the owner sees it: the zero value where the owner sees none.
	Ask func(ctx context.Context, ref routes.Reference) (policy.Container, error)
}

// place is a container that a scope names.
type place struct {
	boundary routes.Boundary
	id       int64
}

// Found holds the forge's answers about the containers that some scopes name. The zero value knows none, and cannot be filled.
type Found struct {
	facts map[place]policy.Container
	// Warnings are for the user who makes a token with these scopes.
	Warnings []string
}

// New makes one that knows none.
func New() *Found { return &Found{facts: map[place]policy.Container{}} }

// Of gives a container in the form that policy.Subset asks for.
func (f *Found) Of(b routes.Boundary, id int64) policy.Container { return f.facts[place{b, id}] }

// All gives all containers.
func (f *Found) All() (all []policy.Container) {
	for _, c := range f.facts {
		all = append(all, c)
	}
	return all
}

// ErrMissing says which containers cannot be found; its text is for the user who named them.
var ErrMissing = errors.New("not found")

// missing are the containers that cannot be found, a line each.
type missing []string

// Error gives the lines.
func (m missing) Error() string { return strings.Join(m, "\n") }

// Is tells that it is ErrMissing.
func (missing) Is(target error) bool { return target == ErrMissing }

// Resolve asks the forge which containers are meant, and puts ids in place of paths in specs, which are those of the scopes.
// Containers that cannot be found are reported together, as ErrMissing.
func (f *Finder) Resolve(ctx context.Context, scopes []terms.Scope, specs []policy.ScopeSpec) (*Found, error) {
	r := New()
	var lacking missing
	one := func(kind routes.RefKind, boundary routes.Boundary, field, name string, byID bool) (int64, error) {
		ref, ok := routes.ParseReference(kind, []byte(name))
		if f.Table.Named() && !byID && (!ok || ref.ID == 0 || kind != routes.RefProject) {
			ref, ok = routes.ParseName(kind, []byte(name))
		}
		switch {
		case !ok && f.Table.Named():
			lacking = append(lacking, fmt.Sprintf("%s: %s %q: not a name (owner/name of a project)", field, kind, name))
			return 0, nil
		case !ok:
			lacking = append(lacking, fmt.Sprintf("%s: %s %q: not an id and not a full path "+
				"(group/subgroup/project)", field, kind, name))
			return 0, nil
		}
		c, err := f.Ask(ctx, ref)
		switch {
		case err != nil:
			return 0, fmt.Errorf("%s %q: %w", kind, name, err)
		case c.Boundary != boundary || c.Access == policy.OwnerNone:
			lacking = append(lacking, fmt.Sprintf("%s: %s %q: not found, or %s cannot see it", field, kind, name, f.Username))
			return 0, nil
		case c.Access != policy.OwnerMember:
			r.Warnings = append(r.Warnings,
				fmt.Sprintf("%s is not a member of %s %s: only public reads will work there", f.Username, kind, c.Path))
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
	if len(lacking) > 0 {
		return nil, lacking
	}
	for i := range scopes {
		r.Warnings = append(r.Warnings, terms.Useless(&scopes[i], specs[i].Permissions, f.Table.Catalogue())...)
		r.Warnings = append(r.Warnings, catalogue.Minting(specs[i].Permissions, f.Table)...)
	}
	return r, nil
}

// Facts asks for the containers that stored scopes name; what is not found stays out, and counts as not known.
func (f *Finder) Facts(ctx context.Context, r *Found, specs []policy.ScopeSpec) error {
	get := func(kind routes.RefKind, boundary routes.Boundary, ids []int64) error {
		for _, id := range ids {
			if _, have := r.facts[place{boundary, id}]; have {
				continue
			}
			c, err := f.Ask(ctx, routes.Reference{Kind: kind, ID: id})
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
