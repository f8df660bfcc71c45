package policy

import (
	"slices"
	"strings"
	"testing"

	"patgate/routes"
)

// The world of these tests: alice (user 7) is a member of the group acme (10) and so of acme/tools (11), acme/tools/hammer
// (project 100) and acme/site (101). She owns alice/dotfiles (300). She is no member of globex (20) and globex/engine (200),
// which are internal, nor of oss (40) and oss/lib (400), which are public.
const (
	alice = 7
	bob   = 8

	acme, tools, globex, oss                    = 10, 11, 20, 40
	hammer, site, engine, dotfiles, lib, absent = 100, 101, 200, 300, 400, 999
)

func world() map[int64]Container {
	return map[int64]Container{
		acme:     {Boundary: routes.BoundaryGroup, ID: acme, Path: "acme", Visibility: VisibilityPrivate, Access: OwnerMember},
		tools:    {Boundary: routes.BoundaryGroup, ID: tools, Path: "acme/tools", Ancestors: []int64{acme}, Visibility: VisibilityPrivate, Access: OwnerMember},
		globex:   {Boundary: routes.BoundaryGroup, ID: globex, Path: "globex", Visibility: VisibilityInternal, Access: OwnerPublicRead},
		oss:      {Boundary: routes.BoundaryGroup, ID: oss, Path: "oss", Visibility: VisibilityPublic, Access: OwnerPublicRead},
		hammer:   {Boundary: routes.BoundaryProject, ID: hammer, Path: "acme/tools/hammer", Ancestors: []int64{tools, acme}, Visibility: VisibilityPrivate, Access: OwnerMember},
		site:     {Boundary: routes.BoundaryProject, ID: site, Path: "acme/site", Ancestors: []int64{acme}, Visibility: VisibilityPrivate, Access: OwnerMember},
		engine:   {Boundary: routes.BoundaryProject, ID: engine, Path: "globex/engine", Ancestors: []int64{globex}, Visibility: VisibilityInternal, Access: OwnerPublicRead},
		dotfiles: {Boundary: routes.BoundaryProject, ID: dotfiles, Path: "alice/dotfiles", PersonalOf: alice, Visibility: VisibilityPrivate, Access: OwnerMember},
		lib:      {Boundary: routes.BoundaryProject, ID: lib, Path: "oss/lib", Ancestors: []int64{oss}, Visibility: VisibilityPublic, Access: OwnerPublicRead},
	}
}

// catalogue is a small stand-in for routes.Catalogue.
type catalogue struct{ infos []routes.PermissionInfo }

func newCatalogue() *catalogue {
	project, group := routes.BoundaryProject, routes.BoundaryGroup
	user, instance := routes.BoundaryUser, routes.BoundaryInstance
	return &catalogue{infos: []routes.PermissionInfo{
		{},
		{Name: "read_job", Boundaries: []routes.Boundary{project}},
		{Name: "run_job", Boundaries: []routes.Boundary{project}},
		{Name: "read_work_item", Boundaries: []routes.Boundary{project, group}},
		{Name: "create_work_item", Boundaries: []routes.Boundary{project, group}},
		{Name: "update_group", Boundaries: []routes.Boundary{group}},
		{Name: "read_project", Boundaries: []routes.Boundary{project, group, user}},
		{Name: "create_project", Boundaries: []routes.Boundary{user}},
		{Name: "read_runner", Boundaries: []routes.Boundary{project, group, instance}},
		{Name: "update_setting", Boundaries: []routes.Boundary{instance}},
		{Name: "push_code", Boundaries: []routes.Boundary{project}},
		{Name: "read_old", Boundaries: []routes.Boundary{project}, Deprecated: true},
		{Name: "read_nothing"},
	}}
}

func (c *catalogue) Find(name string) (routes.Permission, bool) {
	for i := 1; i < len(c.infos); i++ {
		if c.infos[i].Name == name {
			return routes.Permission(i), true
		}
	}
	return 0, false
}

func (c *catalogue) Info(p routes.Permission) routes.PermissionInfo { return c.infos[p] }

func (c *catalogue) Nearest(name string, n int) []string {
	var near []string
	for _, info := range c.infos[1:] {
		if len(near) < n && len(name) > 3 && strings.HasPrefix(info.Name, name[:len(name)-1]) {
			near = append(near, info.Name)
		}
	}
	return near
}

// set gives the named permissions as a set.
func (c *catalogue) set(names ...string) (s routes.PermissionSet) {
	for _, name := range names {
		p, known := c.Find(name)
		if !known {
			panic("no such permission in the tests: " + name)
		}
		s.Add(p)
	}
	return s
}

// names gives a set as sorted names.
func (c *catalogue) names(s routes.PermissionSet) []string {
	var names []string
	for i := 1; i < len(c.infos); i++ {
		if s.Has(routes.Permission(i)) {
			names = append(names, c.infos[i].Name)
		}
	}
	slices.Sort(names)
	return names
}

// under is a scope that names no containers.
func under(access string, permissions ...string) ScopeSpec {
	return ScopeSpec{Access: access, Permissions: permissions}
}

func onProject(id int64, permissions ...string) ScopeSpec {
	return ScopeSpec{Access: "selected_memberships", Permissions: permissions, ProjectIDs: []int64{id}}
}

func onGroup(id int64, permissions ...string) ScopeSpec {
	return ScopeSpec{Access: "selected_memberships", Permissions: permissions, GroupIDs: []int64{id}}
}

// pushing ceilings a scope to bot branches.
func pushing(s ScopeSpec) ScopeSpec {
	s.Constraints.RefPatterns = []string{"refs/heads/bot/*"}
	return s
}

// grantOf compiles a grant of alice's, under version 1 of the table.
func grantOf(t testing.TB, specs ...ScopeSpec) *Grant {
	t.Helper()
	if len(specs) == 0 {
		return &Grant{Owner: alice, TableVersion: 1}
	}
	g, err := Compile(alice, 1, specs, newCatalogue())
	if err != nil {
		t.Fatalf("compiling the grant: %v", err)
	}
	return g
}

// row is a GET of one container by a reference of its path.
func row(boundary routes.Boundary, needs ...string) *routes.Route {
	r := &routes.Route{Kind: routes.KindPermission, Method: "GET", Boundaries: []routes.Boundary{boundary},
		NeedSet: newCatalogue().set(needs...)}
	switch boundary {
	case routes.BoundaryProject:
		r.Find = routes.Find{From: routes.FindInPath, Name: "project", Ref: routes.RefProject}
	case routes.BoundaryGroup:
		r.Find = routes.Find{From: routes.FindInPath, Name: "group", Ref: routes.RefGroup}
	}
	return r
}

// with changes a row.
func with(r *routes.Route, change func(*routes.Route)) *routes.Route {
	change(r)
	return r
}

func writing(r *routes.Route) *routes.Route {
	return with(r, func(r *routes.Route) { r.Method = "POST" })
}

func public(r *routes.Route) *routes.Route {
	return with(r, func(r *routes.Route) { r.Public = true })
}

func spanning(r *routes.Route) *routes.Route {
	return with(r, func(r *routes.Route) { r.Spans = true })
}

func since(version int, r *routes.Route) *routes.Route {
	return with(r, func(r *routes.Route) { r.Since = version })
}

func nowhere(r *routes.Route) *routes.Route {
	return with(r, func(r *routes.Route) { r.Find = routes.Find{} })
}

func byLookup(r *routes.Route, boundaries ...routes.Boundary) *routes.Route {
	return with(r, func(r *routes.Route) {
		r.Find = routes.Find{From: routes.FindByLookup}
		r.Boundaries = boundaries
	})
}

// by is the row's own act on the container with the id, which the client named by a path; absent is one that is not there.
func by(boundary routes.Boundary, id int64) Act {
	c := world()[id]
	kind := routes.RefProject
	if boundary == routes.BoundaryGroup {
		kind = routes.RefGroup
	}
	return Act{Kind: ActOwn, Boundary: boundary, Container: &c, Reference: routes.Reference{Kind: kind, Path: []byte("some/path")}}
}

func project(id int64) Act { return by(routes.BoundaryProject, id) }
func group(id int64) Act   { return by(routes.BoundaryGroup, id) }

// byID has the client name the container by number.
func byID(id int64, a Act) Act {
	a.Reference = routes.Reference{Kind: a.Reference.Kind, ID: id}
	return a
}

// asNamespace has the client name the container by a namespace reference.
func asNamespace(a Act) Act {
	a.Reference.Kind = routes.RefNamespace
	return a
}

func account() Act     { return Act{Kind: ActOwn, Boundary: routes.BoundaryUser} }
func theInstance() Act { return Act{Kind: ActOwn, Boundary: routes.BoundaryInstance} }
func found(a Act) Act {
	a.Reference = routes.Reference{}
	return a
}

// target makes an act one on a further container.
func target(a Act, needs ...string) Act {
	set := newCatalogue().set(needs...)
	a.Kind, a.Needs = ActTarget, &set
	return a
}
