package policy

import (
	"errors"
	"slices"
	"testing"

	"patgate/routes"
)

func worldFacts(b routes.Boundary, id int64) Container {
	if c := world()[id]; c.Boundary == b {
		return c
	}
	return Container{}
}

func TestSubset(t *testing.T) {
	cases := []struct {
		name          string
		child, parent []ScopeSpec
		missing       []string // nil: within
	}{
		{"the same scopes", scopes(onProject(hammer, "read_job")), scopes(onProject(hammer, "read_job")), nil},
		{"fewer permissions", scopes(onProject(hammer, "read_job")), scopes(onProject(hammer, "read_job", "run_job")), nil},
		{"more permissions", scopes(onProject(hammer, "read_job", "run_job")), scopes(onProject(hammer, "read_job")), []string{"run_job"}},
		{"a project of a selected group", scopes(onProject(hammer, "read_job")), scopes(onGroup(acme, "read_job")), nil},
		{"a subgroup of a selected group", scopes(onGroup(tools, "read_job")), scopes(onGroup(acme, "read_job")), nil},
		{"the group of a selected project", scopes(onGroup(tools, "read_job")), scopes(onProject(hammer, "read_job")), []string{"read_job"}},
		{"the group above a selected group", scopes(onGroup(acme, "read_job")), scopes(onGroup(tools, "read_job")), []string{"read_job"}},
		{"another project", scopes(onProject(site, "read_job")), scopes(onProject(hammer, "read_job")), []string{"read_job"}},
		{"two scopes of the parent unite", scopes(onProject(hammer, "read_job", "run_job")),
			scopes(onProject(hammer, "read_job"), onGroup(acme, "run_job")), nil},
		{"a project under all_memberships", scopes(onProject(hammer, "read_job")), scopes(under("all_memberships", "read_job")), nil},
		{"a group under all_memberships", scopes(onGroup(acme, "read_job")), scopes(under("all_memberships", "read_job")), nil},
		{"a project that the owner is no member of, under all_memberships", scopes(onProject(lib, "read_job")),
			scopes(under("all_memberships", "read_job")), []string{"read_job"}},
		{"a project that is not there, under all_memberships", scopes(onProject(absent, "read_job")),
			scopes(under("all_memberships", "read_job")), []string{"read_job"}},
		{"a project that is not there, and named by both", scopes(onProject(absent, "read_job")), scopes(onProject(absent, "read_job")), nil},
		{"personal_projects under all_memberships", scopes(under("personal_projects", "read_job")), scopes(under("all_memberships", "read_job")), nil},
		{"all_memberships under personal_projects", scopes(under("all_memberships", "read_job")),
			scopes(under("personal_projects", "read_job")), []string{"read_job"}},
		{"all_memberships under a selected group", scopes(under("all_memberships", "read_job")), scopes(onGroup(acme, "read_job")), []string{"read_job"}},
		{"a personal project under personal_projects", scopes(onProject(dotfiles, "read_job")), scopes(under("personal_projects", "read_job")), nil},
		{"a project of a group under personal_projects", scopes(onProject(hammer, "read_job")),
			scopes(under("personal_projects", "read_job")), []string{"read_job"}},
		{"the account", scopes(under("user", "read_project")), scopes(under("user", "read_project", "create_project")), nil},
		{"the account under all_memberships", scopes(under("user", "read_project")),
			scopes(under("all_memberships", "read_project")), []string{"read_project"}},
		{"the instance under the account", scopes(under("instance", "update_setting")), scopes(under("user", "create_project")), []string{"update_setting"}},
		{"a constraint under none", scopes(pushing(onProject(hammer, "push_code"))), scopes(onProject(hammer, "push_code")), nil},
		{"no constraint under one", scopes(onProject(hammer, "push_code")), scopes(pushing(onProject(hammer, "push_code"))), []string{"push_code"}},
		{"the same constraint", scopes(pushing(onProject(hammer, "push_code"))), scopes(pushing(onGroup(acme, "push_code"))), nil},
		{"another constraint", scopes(with2(onProject(hammer, "push_code"), "refs/heads/*")), scopes(pushing(onProject(hammer, "push_code"))), []string{"push_code"}},
		{"one constraint of two", scopes(pushing(onProject(hammer, "push_code"))),
			scopes(with2(onProject(hammer, "push_code"), "refs/heads/bot/*", "refs/tags/*")), nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			excess := Subset(grantOf(t, c.child...), grantOf(t, c.parent...), worldFacts)
			if c.missing == nil {
				if len(excess) != 0 {
					t.Errorf("goes beyond: %+v", excess)
				}
				return
			}
			if len(excess) != 1 || !slices.Equal(newCatalogue().names(excess[0].Missing), c.missing) {
				t.Errorf("goes beyond by %+v, want %v", excess, c.missing)
			}
		})
	}
	t.Run("another owner", func(t *testing.T) {
		child, parent := grantOf(t, onProject(hammer, "read_job")), grantOf(t, onProject(hammer, "read_job"))
		child.Owner = bob
		if excess := Subset(child, parent, worldFacts); len(excess) != 1 || excess[0].Scope != -1 {
			t.Errorf("excess is %+v", excess)
		}
	})
	t.Run("a newer table", func(t *testing.T) {
		child, parent := grantOf(t, onProject(hammer, "read_job")), grantOf(t, onProject(hammer, "read_job"))
		child.TableVersion++
		if excess := Subset(child, parent, worldFacts); len(excess) != 1 || excess[0].Scope != -1 {
			t.Errorf("excess is %+v", excess)
		}
		if excess := Subset(parent, child, worldFacts); len(excess) != 0 {
			t.Errorf("an older child goes beyond: %+v", excess)
		}
	})
	t.Run("facts of another container do not count", func(t *testing.T) {
		wrong := map[string]Container{"another id": world()[site], "another boundary": {Boundary: onAGroup, ID: hammer, Ancestors: []int64{acme}, Access: OwnerMember},
			"not visible": {Boundary: onAProject, ID: hammer, Ancestors: []int64{acme}}}
		for name, c := range wrong {
			facts := func(routes.Boundary, int64) Container { return c }
			if excess := Subset(grantOf(t, onProject(hammer, "read_job")), grantOf(t, onGroup(acme, "read_job")), facts); len(excess) != 1 {
				t.Errorf("%s: excess is %+v", name, excess)
			}
		}
	})
	t.Run("every place is reported", func(t *testing.T) {
		child := grantOf(t, ScopeSpec{Access: "selected_memberships", Permissions: []string{"read_job"}, ProjectIDs: []int64{hammer, engine, lib}, GroupIDs: []int64{acme, oss}})
		var ids []int64
		for _, e := range Subset(child, grantOf(t, onGroup(acme, "read_job")), worldFacts) {
			ids = append(ids, e.ID)
		}
		if !slices.Equal(ids, []int64{engine, lib, oss}) {
			t.Errorf("reported %v", ids)
		}
	})
}

func with2(s ScopeSpec, patterns ...string) ScopeSpec {
	s.Constraints.RefPatterns = patterns
	return s
}

// forest is a random world that keeps the forge's rules: groups form trees, membership is inherited downwards.
func (d *dice) forest(owner int64) map[routes.Boundary]map[int64]Container {
	groups, projects := map[int64]Container{}, map[int64]Container{}
	access := func(above OwnerAccess) OwnerAccess {
		if above == OwnerMember || d.in(3) {
			return OwnerMember
		}
		return OwnerPublicRead
	}
	for id := int64(1); id <= 6; id++ {
		g := Container{Boundary: onAGroup, ID: id, Visibility: VisibilityInternal}
		if parent := groups[int64(d.IntN(6))]; parent.ID != 0 {
			g.Ancestors = append([]int64{parent.ID}, parent.Ancestors...)
			g.Access = access(parent.Access)
		} else {
			g.Access = access(OwnerNone)
		}
		groups[id] = g
	}
	for id := int64(1); id <= 6; id++ {
		p := Container{Boundary: onAProject, ID: id, Visibility: VisibilityInternal}
		switch parent := groups[d.id()]; {
		case d.in(4):
			p.PersonalOf, p.Access = owner, OwnerMember
		default:
			p.Ancestors, p.Access = append([]int64{parent.ID}, parent.Ancestors...), access(parent.Access)
		}
		projects[id] = p
	}
	return map[routes.Boundary]map[int64]Container{onAGroup: groups, onAProject: projects}
}

// TestWhatIsWithinAGrantIsAllowedByIt asks parent and child the same about everything in a random world.
func TestWhatIsWithinAGrantIsAllowedByIt(t *testing.T) {
	d := newDice(11)
	within, allowed, beyond := 0, 0, 0
	for n := range 40_000 {
		parent, parentSpecs := d.grant(t)
		childSpecs := d.narrower(parentSpecs)
		child, err := Compile(parent.Owner, parent.TableVersion-d.IntN(2), childSpecs, d.catalogue)
		if e := new(SpecError); errors.As(err, &e) {
			continue
		}
		world := d.forest(parent.Owner)
		excess := Subset(child, parent, func(b routes.Boundary, id int64) Container { return world[b][id] })
		if len(excess) > 0 {
			beyond++
			continue
		}
		within++
		for range 20 {
			q := d.question()
			if q.Route == nil {
				continue
			}
			for i := range q.Acts {
				a := &q.Acts[i]
				if a.Container = nil; a.Boundary.InContainer() {
					found := world[a.Boundary][d.id()]
					a.Container = &found
				}
			}
			if Decide(child, q).Verdict != Allow {
				continue
			}
			allowed++
			if p := Decide(parent, q); p.Verdict != Allow {
				t.Fatalf("case %d: the child may, the parent may not (%v)\nchild %+v\nparent %+v\nroute %+v\nacts %s",
					n, p.Reason, childSpecs, parentSpecs, q.Route, describe(q))
			}
		}
	}
	if within < 1000 || beyond < 1000 || allowed < 1000 {
		t.Errorf("%d within, %d beyond, %d allowed: too few to prove anything", within, beyond, allowed)
	}
}

// narrower gives specs that are often, not always, within the given ones.
func (d *dice) narrower(specs []ScopeSpec) (out []ScopeSpec) {
	for _, s := range specs {
		if d.in(2) {
			continue
		}
		s.Permissions = s.Permissions[:1+d.IntN(len(s.Permissions))]
		if s.Access == "all_memberships" && d.in(2) {
			s.Access, s.ProjectIDs, s.GroupIDs = "selected_memberships", d.ids(1), []int64{d.id()}
		} else if s.Access == "selected_memberships" && d.in(2) {
			s.ProjectIDs, s.GroupIDs = []int64{d.id()}, d.ids(1)
		}
		if d.in(10) {
			s.Constraints.RefPatterns = nil
		}
		out = append(out, s)
	}
	if d.in(10) || len(out) == 0 {
		return append(out, d.specs()[0])
	}
	return out
}
