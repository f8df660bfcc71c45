package proof

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"patgate/policy"
	"patgate/routes"
	"patgate/routes/load"
)

const owner = 7

// table has a row of each kind that matters here.
const rows = `resources:
  job:
    read:
      - GET /projects/{project}/jobs
    run:
      - POST /projects/{project}/jobs
  group_setting:
    read:
      - GET /groups/{group}/settings
    update:
      - POST /groups/{group}/settings
  code:
    push:
      - POST /projects/{project}/push refs=listed
  account:
    read:
      - GET /account boundary=user
  project:
    move:
      - route: POST /projects/{project}/move
        targets: [{param: to, ref: group, required: true, needs: update_group_setting}]
`

const catalogue = `categories:
  All:
    job: {actions: {read: {boundaries: [project]}, run: {boundaries: [project]}}, abilities: jobs}
    group_setting: {actions: {read: {boundaries: [group]}, update: {boundaries: [group]}}, abilities: settings}
    code: {actions: {push: {boundaries: [project]}}, abilities: code}
    account: {actions: {read: {boundaries: [user]}}, abilities: the account}
    project: {actions: {move: {boundaries: [project]}}, abilities: projects}
`

// loaded loads the table with its rows.
func loaded(t *testing.T, rows string) *routes.Table {
	t.Helper()
	table, problems := load.Table(load.Options{Table: []routes.File{
		{Name: "table.yaml", Data: []byte("forge: gitlab\nversion: 3\nbase: /api/v4\n")},
		{Name: "permissions.yaml", Data: []byte(catalogue)}, {Name: "rows.yaml", Data: []byte(rows)}}})
	if len(problems) > 0 {
		t.Fatalf("loading: %v", routes.Problems(problems))
	}
	return table
}

// forest is a forge of groups 1 to 4 and projects 11 to 16. Group 2 is in 1 and 3 in 2; 4 stands alone.
type forest map[place]policy.Container

func plant(d *rand.Rand) forest {
	f := forest{}
	parents := map[int64][]int64{1: nil, 2: {1}, 3: {2, 1}, 4: nil}
	access := map[int64]policy.OwnerAccess{1: policy.OwnerMember, 4: policy.OwnerMember}
	if d.IntN(2) == 0 {
		access[1] = policy.OwnerPublicRead
	}
	if d.IntN(3) == 0 {
		access[4] = policy.OwnerNone
	}
	below := func(above []int64) policy.OwnerAccess {
		for _, id := range above {
			if access[id] == policy.OwnerMember {
				return policy.OwnerMember
			}
		}
		return policy.OwnerAccess(1 + d.IntN(2))
	}
	for _, id := range []int64{1, 2, 3, 4} {
		if _, set := access[id]; !set {
			access[id] = below(parents[id])
		}
		f[place{routes.BoundaryGroup, id}] = policy.Container{Boundary: routes.BoundaryGroup, ID: id, Ancestors: parents[id],
			Access: access[id]}
	}
	for id := int64(11); id <= 16; id++ {
		c := policy.Container{Boundary: routes.BoundaryProject, ID: id, Access: policy.OwnerMember}
		switch n := int64(d.IntN(6)); {
		case n == 0:
			c.PersonalOf = owner
		case n <= 4:
			c.Ancestors = append([]int64{n}, parents[n]...)
			c.Access = below(c.Ancestors)
		}
		f[place{routes.BoundaryProject, id}] = c
	}
	return f
}

func (f forest) facts(b routes.Boundary, id int64) policy.Container {
	c := f[place{b, id}]
	if c.Access == policy.OwnerNone {
		return policy.Container{}
	}
	return c
}

func throw(d *rand.Rand, t *testing.T, tab *routes.Table) (*policy.Grant, []policy.ScopeSpec) {
	t.Helper()
	for {
		var specs []policy.ScopeSpec
		for range 1 + d.IntN(3) {
			s := policy.ScopeSpec{Access: []string{"selected_memberships", "selected_memberships", "selected_memberships",
				"all_memberships", "personal_projects", "user"}[d.IntN(6)]}
			for _, info := range tab.Catalogue().All() {
				if d.IntN(3) == 0 {
					s.Permissions = append(s.Permissions, info.Name)
				}
			}
			if s.Access == "selected_memberships" {
				s.ProjectIDs, s.GroupIDs = []int64{11 + int64(d.IntN(6))}, nil
				if d.IntN(2) == 0 {
					s.GroupIDs = []int64{1 + int64(d.IntN(4))}
				}
			}
			if s.Access != "user" && d.IntN(3) == 0 {
				s.Constraints.RefPatterns = []string{[]string{"refs/heads/*", "refs/*", "refs/*a", "refs/tags/v*", "refs/*s/a"}[d.IntN(5)]}
				s.Constraints.ForbidRefDeletes, s.Constraints.ForbidTagChanges = d.IntN(3) == 0, d.IntN(3) == 0
			}
			specs = append(specs, s)
		}
		if g, err := policy.Compile(owner, 1, specs, tab.Catalogue()); err == nil {
			return g, specs
		}
	}
}

// naiveHolds is what a grant holds on a container, written from the words at policy.Access: no index, nothing compiled.
func naiveHolds(specs []policy.ScopeSpec, name string, c *policy.Container, counts func(policy.ConstraintSpec) bool) bool {
	for _, s := range specs {
		reaches := false
		switch s.Access {
		case "all_memberships":
			reaches = c.Boundary.InContainer() && c.Access == policy.OwnerMember
		case "personal_projects":
			reaches = c.Boundary == routes.BoundaryProject && c.PersonalOf == owner
		case "selected_memberships":
			reaches = c.Boundary == routes.BoundaryProject && slices.Contains(s.ProjectIDs, c.ID) ||
				c.Boundary == routes.BoundaryGroup && slices.Contains(s.GroupIDs, c.ID)
			for _, id := range c.Ancestors {
				reaches = reaches || slices.Contains(s.GroupIDs, id)
			}
			reaches = reaches && c.Access != policy.OwnerNone
		case "user":
			reaches = c.Boundary == routes.BoundaryUser
		}
		if reaches && slices.Contains(s.Permissions, name) && counts(s.Constraints) {
			return true
		}
	}
	return false
}

func anyScope(policy.ConstraintSpec) bool { return true }

func freeScope(c policy.ConstraintSpec) bool { return c.Empty() }

func forRef(u policy.RefUpdate) func(policy.ConstraintSpec) bool {
	return func(c policy.ConstraintSpec) bool {
		tag := strings.HasPrefix(string(u.Name), "refs/tags/")
		if c.ForbidRefDeletes && u.Delete || c.ForbidTagChanges && tag && !u.Create {
			return false
		}
		for _, pattern := range c.RefPatterns {
			if regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, `.*`) + "$").Match(u.Name) {
				return true
			}
		}
		return len(c.RefPatterns) == 0
	}
}

// everything is what is there, and what may be made later.
func (f forest) everything() (all []policy.Container) {
	for _, c := range f {
		if c.Access != policy.OwnerNone {
			all = append(all, c)
		}
	}
	n := int64(100)
	later := func(above []int64, access policy.OwnerAccess) {
		for _, b := range []routes.Boundary{routes.BoundaryProject, routes.BoundaryGroup} {
			n++
			all = append(all, policy.Container{Boundary: b, ID: n, Ancestors: above, Access: access})
		}
		all = append(all, policy.Container{Boundary: routes.BoundaryProject, ID: n + 1000, Ancestors: append([]int64{n}, above...),
			Access: access})
	}
	for id := int64(1); id <= 4; id++ {
		g := f[place{routes.BoundaryGroup, id}]
		later(append([]int64{id}, g.Ancestors...), policy.OwnerMember)
		if g.Access == policy.OwnerPublicRead {
			later(append([]int64{id}, g.Ancestors...), policy.OwnerPublicRead)
		}
	}
	later(nil, policy.OwnerMember)
	later(nil, policy.OwnerPublicRead)
	return append(all, policy.Container{Boundary: routes.BoundaryProject, ID: 99, PersonalOf: owner, Access: policy.OwnerMember},
		policy.Container{Boundary: routes.BoundaryUser})
}

var refNames = []string{"refs/heads/main", "refs/heads/a", "refs/tags/v1", "refs/tags/a", "refs/tags/x/a", "refs/notes/n", "refs/tags/b"}

func TestNeverIsWhatNoContainerShows(t *testing.T) {
	tab := loaded(t, rows)
	answers := map[bool]int{}
	for seed := range uint64(1000) {
		d := rand.New(rand.NewPCG(seed, 3))
		f := plant(d)
		g, specs := throw(d, t, tab)
		var within *policy.Container
		if c := f.facts(routes.BoundaryGroup, 1+int64(d.IntN(4))); c.ID != 0 && d.IntN(4) > 0 {
			within = &c
		}
		for p, info := range tab.Catalogue().All() {
			w, never := Never(g, tab, p, within, f.facts)
			answers[never]++
			if never != (w == nil) {
				t.Fatalf("seed %d: never %v with the witness %+v", seed, never, w)
			}
			if w != nil && !naiveHolds(specs, info.Name, &w.Where.Container, anyScope) {
				t.Fatalf("seed %d: %s is not held on the witness %+v of %+v", seed, info.Name, w.Where, specs)
			}
			if !never {
				continue
			}
			for _, c := range f.everything() {
				in := within == nil || c.Boundary == within.Boundary && c.ID == within.ID || slices.Contains(c.Ancestors, within.ID)
				if in && naiveHolds(specs, info.Name, &c, anyScope) {
					t.Fatalf("seed %d: never %s within %+v, and yet on %+v by %+v", seed, info.Name, within, c, specs)
				}
			}
		}
	}
	if answers[true] < 500 || answers[false] < 500 {
		t.Errorf("answers %v: the test asks too little", answers)
	}
}

func TestDifferencesAreWhatContainersShow(t *testing.T) {
	tab := loaded(t, rows)
	same, different := 0, 0
	for seed := range uint64(600) {
		d := rand.New(rand.NewPCG(seed, 4))
		f := plant(d)
		a, as := throw(d, t, tab)
		b, bs := throw(d, t, tab)
		if d.IntN(2) == 0 { // what b holds is a part of what a holds, but for a constraint
			bs = slices.Clone(as)
			bs[0].Constraints = policy.ConstraintSpec{}
			var err error
			if b, err = policy.Compile(owner, 1, bs, tab.Catalogue()); err != nil {
				continue
			}
		}
		found := Differences(a, b, tab, f.facts)
		if len(found) == 0 {
			same++
		} else {
			different++
		}
		for _, x := range found {
			for _, p := range x.Permissions {
				name := tab.Catalogue().Name(p)
				if !naiveHolds(bs, name, &x.Where.Container, anyScope) || naiveHolds(as, name, &x.Where.Container, anyScope) {
					t.Fatalf("seed %d: %s on %+v is no difference of %+v and %+v", seed, name, x.Where, as, bs)
				}
			}
		}
		if len(found) > 0 {
			continue
		}
		for _, c := range f.everything() {
			for _, info := range tab.Catalogue().All() {
				ways := map[string]func(policy.ConstraintSpec) bool{"reading": anyScope, "writing": freeScope}
				for _, name := range refNames {
					for _, u := range []policy.RefUpdate{{Create: true}, {}, {Delete: true}} {
						u.Name = []byte(name)
						ways[fmt.Sprintf("%s %v %v", name, u.Create, u.Delete)] = forRef(u)
					}
				}
				for way, counts := range ways {
					if naiveHolds(bs, info.Name, &c, counts) && !naiveHolds(as, info.Name, &c, counts) {
						t.Fatalf("seed %d: no difference, and yet %s, %s on %+v:\n%+v\n%+v", seed, info.Name, way, c, as, bs)
					}
				}
			}
		}
	}
	if same < 50 || different < 50 {
		t.Errorf("%d pairs without, %d with differences: the test asks too little", same, different)
	}
}

func TestWitnessHasARow(t *testing.T) {
	tab := loaded(t, rows)
	f := plant(rand.New(rand.NewPCG(1, 1)))
	compile := func(specs ...policy.ScopeSpec) *policy.Grant {
		g, err := policy.Compile(owner, 1, specs, tab.Catalogue())
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	in := f[place{routes.BoundaryGroup, 2}]
	for _, c := range []struct {
		name, permission, row string
		below                 int64
		specs                 []policy.ScopeSpec
	}{
		{"a project of the group above, made later", "run_job", "/projects/{project}/jobs", 2,
			[]policy.ScopeSpec{{Access: "selected_memberships", GroupIDs: []int64{1}, Permissions: []string{"run_job"}}}},
		{"a push that only a ref pattern lets through", "push_code", "/projects/{project}/push", 2,
			[]policy.ScopeSpec{{Access: "all_memberships", Permissions: []string{"push_code"},
				Constraints: policy.ConstraintSpec{RefPatterns: []string{"refs/heads/bot/*"}}}}},
		{"a write with a target elsewhere", "move_project", "/projects/{project}/move", 2,
			[]policy.ScopeSpec{{Access: "selected_memberships", GroupIDs: []int64{2}, Permissions: []string{"move_project"}},
				{Access: "selected_memberships", GroupIDs: []int64{4}, Permissions: []string{"update_group_setting"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, _ := tab.Catalogue().Find(c.permission)
			w, never := Never(compile(c.specs...), tab, p, &in, f.facts)
			if never || w.Row == nil || w.Row.Path != c.row || w.Where.Below != c.below {
				t.Errorf("never %v, witness %+v", never, w)
			}
		})
	}
	for _, c := range []struct {
		name string
		a, b policy.ScopeSpec
		more bool
	}{
		{"tags that a pattern takes by its middle",
			policy.ScopeSpec{Access: "all_memberships", Permissions: []string{"push_code"},
				Constraints: policy.ConstraintSpec{RefPatterns: []string{"refs/*a"}, ForbidTagChanges: true}},
			policy.ScopeSpec{Access: "all_memberships", Permissions: []string{"push_code"},
				Constraints: policy.ConstraintSpec{RefPatterns: []string{"refs/*a"}}}, true},
		{"a wider pattern in the place of two",
			policy.ScopeSpec{Access: "all_memberships", Permissions: []string{"push_code"},
				Constraints: policy.ConstraintSpec{RefPatterns: []string{"refs/heads/*", "refs/tags/*"}}},
			policy.ScopeSpec{Access: "all_memberships", Permissions: []string{"push_code"},
				Constraints: policy.ConstraintSpec{RefPatterns: []string{"refs/*"}}}, true},
		{"narrower patterns",
			policy.ScopeSpec{Access: "all_memberships", Permissions: []string{"push_code"},
				Constraints: policy.ConstraintSpec{RefPatterns: []string{"refs/*"}}},
			policy.ScopeSpec{Access: "all_memberships", Permissions: []string{"push_code"},
				Constraints: policy.ConstraintSpec{RefPatterns: []string{"refs/heads/*", "refs/*s/a"}}}, false},
		{"a group of which the owner is no member",
			policy.ScopeSpec{Access: "all_memberships", Permissions: []string{"read_job"}},
			policy.ScopeSpec{Access: "selected_memberships", GroupIDs: []int64{5}, Permissions: []string{"read_job"}}, true},
		{"a group of which the owner is a member",
			policy.ScopeSpec{Access: "all_memberships", Permissions: []string{"read_job"}},
			policy.ScopeSpec{Access: "selected_memberships", GroupIDs: []int64{6}, Permissions: []string{"read_job"}}, false},
		{"a group that nobody sees now",
			policy.ScopeSpec{Access: "all_memberships", Permissions: []string{"read_job"}},
			policy.ScopeSpec{Access: "selected_memberships", GroupIDs: []int64{9}, Permissions: []string{"read_job"}}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			facts := func(b routes.Boundary, id int64) policy.Container {
				return policy.Container{Boundary: b, ID: id, Access: map[int64]policy.OwnerAccess{5: policy.OwnerPublicRead,
					6: policy.OwnerMember}[id]}
			}
			if found := Differences(compile(c.a), compile(c.b), tab, facts); len(found) > 0 != c.more {
				t.Errorf("got %+v", found)
			}
		})
	}
	t.Run("a newer table is a difference by its rows", func(t *testing.T) {
		specs := []policy.ScopeSpec{{Access: "selected_memberships", ProjectIDs: []int64{11}, Permissions: []string{"run_job"}}}
		newer := loaded(t, strings.Replace(rows, "- POST /projects/{project}/jobs\n",
			"- POST /projects/{project}/jobs since=2\n", 1))
		a, _ := policy.Compile(owner, 1, specs, newer.Catalogue())
		b, _ := policy.Compile(owner, 2, specs, newer.Catalogue())
		found := Differences(a, b, newer, f.facts)
		if len(found) != 1 || len(found[0].Rows) != 1 || len(found[0].Permissions) > 0 {
			t.Errorf("got %+v", found)
		}
		if found := Differences(b, a, newer, f.facts); len(found) > 0 {
			t.Errorf("the other way %+v", found)
		}
	})
}
