package propose

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
)

// randomHolding throws scopes of a token: some permissions that rows need, in some places, sometimes with limits.
func randomHolding(d *traffic) (scopes []policy.ScopeSpec) {
	for range 1 + d.IntN(4) {
		s := policy.ScopeSpec{Access: "selected_memberships"}
		for id := range int64(6) {
			if d.IntN(4) == 0 {
				s.ProjectIDs = append(s.ProjectIDs, 100+id)
			}
		}
		if d.IntN(3) == 0 {
			s.GroupIDs = append(s.GroupIDs, 10+int64(d.IntN(2)))
		}
		if d.IntN(4) == 0 || len(s.ProjectIDs)+len(s.GroupIDs) == 0 {
			s = policy.ScopeSpec{Access: []string{"all_memberships", "user", "instance"}[d.IntN(3)]}
		} else if d.IntN(4) == 0 {
			s.Constraints = policy.ConstraintSpec{RefPatterns: []string{"refs/heads/bot/*"}}
		}
		for range 1 + d.IntN(40) {
			row := d.rows[d.IntN(len(d.rows))]
			for _, name := range d.table.Catalogue().Names(row.Needs) {
				one := s
				one.Permissions = []string{name}
				_, err := policy.Compile(owner, d.table.Version(), []policy.ScopeSpec{one}, d.table.Catalogue())
				if err == nil && !slices.Contains(s.Permissions, name) {
					s.Permissions = append(s.Permissions, name)
				}
			}
		}
		if len(s.Permissions) > 0 {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

// observedUnder throws what a token with a grant may have done.
func (d *traffic) observedUnder(r *Replay, g *policy.Grant, n int) (all []learn.Observation) {
	for range 4000 {
		if len(all) == n {
			break
		}
		o := d.observation(r)
		if e, ok := r.read(&o); ok && e.allows(g) {
			all = append(all, o)
		}
	}
	return all
}

// TestWhatStaysIsEnoughAndNeverMore holds over random scopes and traffic that what stays lies within what the token has, that it
// allows all that the token did, and that of what stays nothing more could go.
func TestWhatStaysIsEnoughAndNeverMore(t *testing.T) {
	table := gitlab(t)
	r := NewReplay(table)
	used, narrowed := 0, 0
	for seed := range uint64(400) {
		d := newTraffic(t, table, seed)
		scopes := randomHolding(d)
		if len(scopes) == 0 {
			continue
		}
		before, err := policy.Compile(owner, table.Version(), scopes, table.Catalogue())
		if err != nil {
			continue // a place stands in two of them
		}
		list := d.observedUnder(r, before, d.IntN(12))
		u, err := r.Unused(Holding{Scopes: scopes, Owner: owner, TableVersion: table.Version(), Observations: list})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		after := &policy.Grant{Owner: owner, TableVersion: table.Version()}
		if len(u.Scopes) > 0 {
			if after, err = policy.Compile(owner, table.Version(), u.Scopes, table.Catalogue()); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		nothing := func(routes.Boundary, int64) policy.Container { return policy.Container{} }
		if more := policy.Subset(after, before, nothing); len(more) > 0 {
			t.Fatalf("seed %d: %+v is more than %+v", seed, u.Scopes, scopes)
		}
		if lost := r.Simulate(after, list, 0); lost.Requests > 0 || lost.Observed != u.Requests {
			t.Fatalf("seed %d: %+v of %d is denied by %+v", seed, lost.Denied, u.Requests, u.Scopes)
		}
		again, err := r.Unused(Holding{Scopes: u.Scopes, Owner: owner, TableVersion: table.Version(), Observations: list})
		if err != nil || len(again.Goes) > 0 {
			t.Fatalf("seed %d: of %+v goes %+v more, %v", seed, u.Scopes, again.Goes, err)
		}
		total := 0
		for _, s := range scopes {
			total += len(s.Permissions) + len(s.ProjectIDs) + len(s.GroupIDs)
		}
		if len(u.Goes)+len(u.Stays) != total {
			t.Fatalf("seed %d: %d and %d of %d", seed, len(u.Goes), len(u.Stays), total)
		}
		used += len(u.Stays)
		narrowed += len(u.Goes)
	}
	if used < 100 || narrowed < 100 {
		t.Errorf("%d stay and %d go: the test proves little", used, narrowed)
	}
}

func TestWhatIsUnused(t *testing.T) {
	table := gitlab(t)
	r := NewReplay(table)
	jobs := seen(t, r, "GET /projects/{project}/jobs") // of project 101, in group 10
	ask := func(t *testing.T, list []learn.Observation, scopes ...policy.ScopeSpec) *Unused {
		t.Helper()
		u, err := r.Unused(Holding{Scopes: scopes, Owner: owner, TableVersion: table.Version(), Observations: list, Since: 900})
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	named := func(projects, groups []int64, permissions ...string) policy.ScopeSpec {
		return policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: projects, GroupIDs: groups, Permissions: permissions}
	}
	share := func(t *testing.T, name string, got Share, unused, of int) {
		t.Helper()
		if got != (Share{unused, of}) {
			t.Errorf("%s: %+v, want %d of %d", name, got, unused, of)
		}
	}
	t.Run("of two scopes with the same permission the one whose group was not used", func(t *testing.T) {
		u := ask(t, []learn.Observation{jobs}, named(nil, []int64{77}, "read_job"), named([]int64{101}, nil, "read_job"))
		share(t, "permissions", u.Permissions, 1, 2)
		share(t, "groups", u.Groups, 1, 1)
		share(t, "projects", u.Projects, 0, 1)
		if len(u.Scopes) != 1 || !slices.Equal(u.Scopes[0].ProjectIDs, []int64{101}) || u.Stays[0].Requests != 2 ||
			u.Stays[0].Last != "1972-09-27" {
			t.Errorf("%+v", u)
		}
	})
	t.Run("permissions and places of one scope", func(t *testing.T) {
		u := ask(t, []learn.Observation{jobs}, named([]int64{101, 102, 103}, nil, "read_job", "run_job"))
		share(t, "permissions", u.Permissions, 1, 2)
		share(t, "projects", u.Projects, 2, 3)
		if len(u.Scopes) != 1 || !slices.Equal(u.Scopes[0].ProjectIDs, []int64{101}) ||
			!slices.Equal(u.Scopes[0].Permissions, []string{"read_job"}) {
			t.Errorf("%+v", u.Scopes)
		}
	})
	t.Run("of a wide place and a narrow one that would both do the wide one goes", func(t *testing.T) {
		wide := policy.ScopeSpec{Access: "all_memberships", Permissions: []string{"read_job"}}
		u := ask(t, []learn.Observation{jobs}, wide, named([]int64{101}, nil, "read_job"))
		if len(u.Scopes) != 1 || u.Scopes[0].Access != "selected_memberships" {
			t.Errorf("%+v", u.Scopes)
		}
		u = ask(t, []learn.Observation{jobs}, named([]int64{101}, []int64{10}, "read_job"))
		if len(u.Scopes) != 1 || len(u.Scopes[0].GroupIDs) != 0 {
			t.Errorf("%+v", u.Scopes)
		}
	})
	t.Run("nothing was used, or not in the window, or it was denied", func(t *testing.T) {
		denied := jobs
		denied.Unit.Denied = "permission_missing"
		old := jobs
		old.Days = []learn.Count{{Day: 800, N: 5}}
		u := ask(t, []learn.Observation{denied, old}, named([]int64{101}, nil, "read_job"))
		if len(u.Scopes) != 0 || u.Requests != 0 || len(u.Stays) != 0 {
			t.Errorf("%+v", u)
		}
	})
	t.Run("what is not known any more grants nothing and goes", func(t *testing.T) {
		u := ask(t, []learn.Observation{jobs}, named([]int64{101}, nil, "read_job", "read_jop"))
		share(t, "permissions", u.Permissions, 1, 2)
	})
	t.Run("what a request needs whose project is not known any more stays, and all places", func(t *testing.T) {
		unclear := seen(t, r, "POST /projects/{project}/issues")
		unclear.Unit = unclear.Unit.Collapse()
		u := ask(t, []learn.Observation{jobs, unclear}, named([]int64{101, 102}, nil, "read_job", "run_job", "create_work_item"))
		share(t, "permissions", u.Permissions, 1, 3)
		share(t, "projects", u.Projects, 0, 2)
		if u.Unclear != 1 {
			t.Errorf("%+v", u)
		}
	})
	t.Run("a list that is filtered keeps a place", func(t *testing.T) {
		list := seen(t, r, "GET /projects")
		list.Unit.Acts[0] = learn.Act{Kind: policy.ActOwn, Boundary: routes.BoundaryUser}
		list.Unit.Filtered = true
		u := ask(t, []learn.Observation{list}, named([]int64{101, 102}, nil, "read_project"))
		if len(u.Scopes) != 1 || len(u.Scopes[0].ProjectIDs) != 1 || len(u.Notes) != 1 {
			t.Errorf("%+v", u)
		}
	})
	t.Run("limits on pushes stay as they are", func(t *testing.T) {
		limited := named([]int64{101, 102}, nil, "read_job", "push_code")
		limited.Constraints.RefPatterns = []string{"refs/heads/bot/*", "refs/heads/other"}
		push := seen(t, r, "POST /{project}.git/git-receive-pack", learn.Act{Kind: policy.ActRef, Ref: "refs/heads/bot/1"})
		u := ask(t, []learn.Observation{push}, limited)
		if len(u.Scopes) != 1 || !slices.Equal(u.Scopes[0].Constraints.RefPatterns, limited.Constraints.RefPatterns) ||
			!slices.Equal(u.Scopes[0].ProjectIDs, []int64{101}) {
			t.Errorf("%+v", u.Scopes)
		}
	})
}

// TestUsesAreThoseOfTheScope holds that a use counts for the scope that allowed it.
func TestUsesAreThoseOfTheScope(t *testing.T) {
	table := gitlab(t)
	r := NewReplay(table)
	jobs, issue := seen(t, r, "GET /projects/{project}/jobs"), seen(t, r, "POST /projects/{project}/issues")
	jobs.Uses, issue.Uses = 5, 3
	uses, err := r.Uses(Holding{Owner: owner, TableVersion: table.Version(), Observations: []learn.Observation{jobs, issue},
		Scopes: []policy.ScopeSpec{
			{Access: "selected_memberships", GroupIDs: []int64{77}, Permissions: []string{"read_job", "create_work_item"}},
			{Access: "selected_memberships", ProjectIDs: []int64{101}, Permissions: []string{"read_job"}},
			{Access: "selected_memberships", GroupIDs: []int64{10}, Permissions: []string{"create_work_item", "read_jop"}},
		}})
	if err != nil || uses[0]["read_job"].Uses != 0 || uses[1]["read_job"].Uses != 5 || uses[2]["create_work_item"].Uses != 3 {
		t.Errorf("%+v, %v", uses, err)
	}
}

func TestDenials(t *testing.T) {
	table := gitlab(t)
	r := NewReplay(table)
	grant, err := policy.Compile(owner, table.Version(), []policy.ScopeSpec{{Access: "selected_memberships", ProjectIDs: []int64{101},
		Permissions: []string{"read_job"}}}, table.Catalogue())
	if err != nil {
		t.Fatal(err)
	}
	denied := func(row, reason string, project int64) learn.Observation {
		o := seen(t, r, row)
		o.Unit.Denied, o.Unit.Acts[0].Container = reason, project
		return o
	}
	early := denied("POST /projects/{project}/issues", "permission_missing", 0)
	early.Unit.Acts = nil // it was denied before the project was looked at
	since := denied("GET /projects/{project}/jobs", "out_of_bounds", 101)
	list := []learn.Observation{early, since, denied("GET /projects/{project}/jobs", "out_of_bounds", 102),
		denied("GET /projects/{project}/jobs", "bad_parameter", 103)}
	list[2].Last = list[2].Last.Add(1)
	got := r.Denied(grant, list, 0)
	if len(got) != 2 || got[0].Container != 102 || got[0].Reason != "out_of_bounds" || got[0].Access != "selected_memberships" ||
		!slices.Equal(got[0].Permissions, []string{"read_job"}) || got[0].Boundary != "project" || got[0].Requests != 2 {
		t.Errorf("%+v", got)
	}
	if one := got[1]; one.Reason != "permission_missing" || one.Container != 0 || !strings.Contains(one.Route, "issues") ||
		!slices.Equal(one.Permissions, []string{"create_work_item"}) {
		t.Errorf("%+v", one)
	}
}

func BenchmarkUnused(b *testing.B) {
	table := gitlab(b)
	r := NewReplay(table)
	d := newTraffic(b, table, 1)
	d.Rand = rand.New(rand.NewPCG(1, 1))
	scopes := []policy.ScopeSpec{{Access: "all_memberships"}}
	for _, info := range table.Catalogue().All() {
		if slices.Contains(info.Boundaries, routes.BoundaryProject) {
			scopes[0].Permissions = append(scopes[0].Permissions, info.Name)
		}
	}
	list := d.observations(r, 2000)
	for b.Loop() {
		if _, err := r.Unused(Holding{Scopes: scopes, Owner: owner, TableVersion: table.Version(), Observations: list}); err != nil {
			b.Fatal(err)
		}
	}
}
