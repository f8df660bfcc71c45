package propose

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/load"
)

const owner = 7

func gitlab(t testing.TB) *routes.Table {
	t.Helper()
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// traffic throws what a broad credential may have done: rows of the table on a few containers.
type traffic struct {
	*rand.Rand
	table *routes.Table
	rows  []*routes.Route
	all   *policy.Grant
}

func newTraffic(t testing.TB, table *routes.Table, seed uint64) *traffic {
	t.Helper()
	d := &traffic{Rand: rand.New(rand.NewPCG(seed, 9)), table: table}
	var specs []policy.ScopeSpec
	for access, boundary := range map[string][]routes.Boundary{"all_memberships": {routes.BoundaryProject, routes.BoundaryGroup},
		"user": {routes.BoundaryUser}, "instance": {routes.BoundaryInstance}} {
		s := policy.ScopeSpec{Access: access}
		for _, info := range table.Catalogue().All() {
			if slices.ContainsFunc(info.Boundaries, func(b routes.Boundary) bool { return slices.Contains(boundary, b) }) {
				s.Permissions = append(s.Permissions, info.Name)
			}
		}
		specs = append(specs, s)
	}
	var err error
	if d.all, err = policy.Compile(owner, table.Version(), specs, table.Catalogue()); err != nil {
		t.Fatal(err)
	}
	for _, row := range table.Routes() {
		if row.Kind == routes.KindPermission && row.Refused == "" {
			d.rows = append(d.rows, row)
		}
	}
	return d
}

func (d *traffic) container(b routes.Boundary) learn.Act {
	a := learn.Act{Boundary: b, Found: b, Access: policy.OwnerMember, Visibility: policy.VisibilityPrivate}
	if b == routes.BoundaryProject {
		n := int64(d.IntN(6))
		a.Container, a.Ancestors = 100+n, []int64{10 + n%2}
	} else {
		a.Container = 10 + int64(d.IntN(2))
	}
	return a
}

// observation throws one that the broad grant allows.
func (d *traffic) observation(r *Replay) learn.Observation {
	for {
		row := d.rows[d.IntN(len(d.rows))]
		if d.IntN(6) == 0 {
			row = r.rows["POST /{project}.git/git-receive-pack"]
		}
		b := row.Boundaries[d.IntN(len(row.Boundaries))]
		own := learn.Act{Boundary: b, Self: true}
		if b.InContainer() && row.Find.From != routes.FindNowhere {
			own = d.container(b)
		}
		own.Kind = policy.ActOwn
		u := learn.Unit{Method: row.Method, Route: row.Path, Needs: d.table.Catalogue().Names(row.Needs), Acts: []learn.Act{own}}
		for i := range row.Targets {
			if t := &row.Targets[i]; t.Required || d.IntN(3) == 0 {
				a := d.container([]routes.Boundary{routes.BoundaryProject, routes.BoundaryGroup}[d.IntN(2)])
				a.Kind, a.Needs = policy.ActTarget, d.table.Catalogue().Names(t.Needs)
				u.Acts = append(u.Acts, a)
			}
		}
		if row.Refs == routes.RefsListed && b == routes.BoundaryProject {
			name := fmt.Sprintf("refs/heads/%s/%d", []string{"bot", "dev"}[d.IntN(2)], d.IntN(4))
			u.Acts = append(u.Acts, learn.Act{Kind: policy.ActRef, Ref: name, Create: d.IntN(2) == 0})
		}
		o := learn.Observation{Unit: u}
		if e, ok := r.read(&o); ok && e.allows(d.all) {
			day := learn.Day(1000 + d.IntN(20))
			o.First, o.Last, o.Days = day.Start(), day.Start().Add(time.Hour), []learn.Count{{Day: day, N: int64(1 + d.IntN(9))}}
			return o
		}
	}
}

func (d *traffic) observations(r *Replay, n int) (all []learn.Observation) {
	for range n {
		all = append(all, d.observation(r))
	}
	return all
}

// everyPermission is said yes to in tests about what a proposal is when nothing is left out.
func everyPermission(t *routes.Table) (names []string) {
	for _, info := range t.Catalogue().All() {
		names = append(names, info.Name)
	}
	return names
}

// smaller gives every grant that lacks one thing of another: a permission of a scope, one container, one pattern.
func smaller(specs []policy.ScopeSpec) (all [][]policy.ScopeSpec) {
	change := func(i int, f func(*policy.ScopeSpec)) {
		other := slices.Clone(specs)
		f(&other[i])
		s := &other[i]
		if len(s.Permissions) == 0 || s.Access == "selected_memberships" && len(s.ProjectIDs)+len(s.GroupIDs) == 0 {
			other = slices.Delete(other, i, i+1)
		}
		all = append(all, other)
	}
	for i, s := range specs {
		for j := range s.Permissions {
			change(i, func(s *policy.ScopeSpec) { s.Permissions = slices.Delete(slices.Clone(s.Permissions), j, j+1) })
		}
		for j := range s.ProjectIDs {
			change(i, func(s *policy.ScopeSpec) { s.ProjectIDs = slices.Delete(slices.Clone(s.ProjectIDs), j, j+1) })
		}
		for j := range s.GroupIDs {
			change(i, func(s *policy.ScopeSpec) { s.GroupIDs = slices.Delete(slices.Clone(s.GroupIDs), j, j+1) })
		}
		for j := range s.Constraints.RefPatterns {
			if len(s.Constraints.RefPatterns) > 1 {
				change(i, func(s *policy.ScopeSpec) {
					s.Constraints.RefPatterns = slices.Delete(slices.Clone(s.Constraints.RefPatterns), j, j+1)
				})
			}
		}
	}
	return all
}

// TestAProposalIsCompleteAndNothingInItIsTooMuch holds over random traffic that all that was observed is allowed, and that
// whatever is taken out of the scopes denies something that was.
func TestAProposalIsCompleteAndNothingInItIsTooMuch(t *testing.T) {
	table := gitlab(t)
	r := NewReplay(table)
	for seed := range uint64(150) {
		d := newTraffic(t, table, seed)
		list := d.observations(r, 1+d.IntN(25))
		p, err := r.Make(Ask{Observations: list, Since: 0, Today: 1020, Owner: owner, Accept: everyPermission(table)})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if len(p.Unticked)+len(p.Certificate.Refused) > 0 || p.Certificate.Allowed != len(list) {
			t.Fatalf("seed %d: %+v", seed, p)
		}
		grant, err := policy.Compile(owner, table.Version(), p.Scopes, table.Catalogue())
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if lost := r.Simulate(grant, list, 0); lost.Requests > 0 {
			t.Fatalf("seed %d: %+v is denied by %+v", seed, lost.Denied, p.Scopes)
		}
		elements := 0
		for _, s := range p.Scopes {
			elements += len(s.Permissions)*max(1, len(s.ProjectIDs)+len(s.GroupIDs)) +
				len(s.Constraints.RefPatterns)*len(s.ProjectIDs)
		}
		if len(p.Certificate.Needed) != elements {
			t.Fatalf("seed %d: %d witnesses for %d parts of %+v", seed, len(p.Certificate.Needed), elements, p.Scopes)
		}
		for _, less := range smaller(p.Scopes) {
			grant := &policy.Grant{Owner: owner, TableVersion: table.Version()}
			if len(less) > 0 {
				if grant, err = policy.Compile(owner, table.Version(), less, table.Catalogue()); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
			if lost := r.Simulate(grant, list, 0); lost.Requests == 0 {
				t.Fatalf("seed %d: nothing is lost by\n%+v\ninstead of\n%+v", seed, less, p.Scopes)
			}
		}
	}
}

// seen is an observation of a request on project 101.
func seen(t *testing.T, r *Replay, row string, acts ...learn.Act) learn.Observation {
	t.Helper()
	if r.rows[row] == nil {
		t.Fatalf("no row %s", row)
	}
	own := learn.Act{Kind: policy.ActOwn, Boundary: routes.BoundaryProject, Found: routes.BoundaryProject, Container: 101,
		Access: policy.OwnerMember, Ancestors: []int64{10}}
	method, path, _ := strings.Cut(row, " ")
	day := learn.Day(1000)
	return learn.Observation{Unit: learn.Unit{Method: method, Route: path, Needs: r.table.Catalogue().Names(r.rows[row].Needs),
		Acts: append([]learn.Act{own}, acts...)}, First: day.Start(), Last: day.Start(), Days: []learn.Count{{Day: day, N: 2}}}
}

func TestWhatAProposalLeavesToPeople(t *testing.T) {
	table := gitlab(t)
	r := NewReplay(table)
	const push = "POST /{project}.git/git-receive-pack"
	branch := func(name string) learn.Act {
		return learn.Act{Kind: policy.ActRef, Ref: "refs/heads/" + name, Create: true}
	}
	read := seen(t, r, "GET /projects/{project}/jobs")
	pushed := seen(t, r, push, branch("bot/1"))
	make := func(t *testing.T, q Ask) *Proposal {
		t.Helper()
		q.Owner, q.Today = owner, 1003
		p, err := r.Make(q)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	t.Run("what runs as the owner is not ticked", func(t *testing.T) {
		p := make(t, Ask{Observations: []learn.Observation{read, pushed}})
		if len(p.Unticked) != 1 || p.Unticked[0].Why[0] != "runs_as_owner" || len(p.Scopes) != 1 ||
			!slices.Equal(p.Scopes[0].Permissions, []string{"read_job"}) {
			t.Errorf("%+v", p)
		}
	})
	t.Run("nor does it come in by what git asks before", func(t *testing.T) {
		before := seen(t, r, "GET /{project}.git/info/refs?service=git-receive-pack") // which is no danger, and needs push_code
		p := make(t, Ask{Observations: []learn.Observation{read, before, pushed}})
		if len(p.Unticked) != 2 || p.Unticked[0].Why[0] != "runs_as_owner" || p.Unticked[1].Why[0] != "runs_as_owner" ||
			len(p.Scopes) != 1 || !slices.Equal(p.Scopes[0].Permissions, []string{"read_job"}) {
			t.Errorf("%+v", p)
		}
	})
	t.Run("until somebody says yes, and then for the refs alone that were pushed", func(t *testing.T) {
		before := seen(t, r, "GET /{project}.git/info/refs?service=git-receive-pack") // needs push_code, and changes no ref
		p := make(t, Ask{Observations: []learn.Observation{read, before, pushed}, Accept: []string{"push_code"}})
		want := `[{"access":"selected_memberships","permissions":["push_code"],"project_ids":[101],"constraints":` +
			`{"ref_patterns":["refs/heads/bot/1"],"forbid_ref_deletes":true,"forbid_tag_changes":true}},` +
			`{"access":"selected_memberships","permissions":["read_job"],"project_ids":[101]}]`
		if text, _ := json.Marshal(p.Scopes); string(text) != want {
			t.Errorf("%s", text)
		}
	})
	t.Run("three refs of a folder are a pattern", func(t *testing.T) {
		p := make(t, Ask{Observations: []learn.Observation{seen(t, r, push, branch("bot/1")), seen(t, r, push, branch("bot/2"),
			branch("bot/3")),
			seen(t, r, push, branch("main"))}, Accept: []string{"push_code"}})
		if !slices.Equal(p.Scopes[0].Constraints.RefPatterns, []string{"refs/heads/bot/*", "refs/heads/main"}) {
			t.Errorf("%+v", p.Scopes)
		}
	})
	t.Run("too many refs are no rule, and that is said", func(t *testing.T) {
		var list []learn.Observation
		for i := range mostPatterns + 1 {
			list = append(list, seen(t, r, push, branch(fmt.Sprint("b", i))))
		}
		p := make(t, Ask{Observations: list, Accept: []string{"push_code"}})
		if len(p.Scopes) != 1 || p.Scopes[0].Constraints.RefPatterns != nil || len(p.Notes) != 1 ||
			!strings.Contains(p.Notes[0], "project 101") {
			t.Errorf("%+v %q", p.Scopes, p.Notes)
		}
	})
	t.Run("what the token may not do any more is left out", func(t *testing.T) {
		narrow, err := policy.Compile(owner, table.Version(), []policy.ScopeSpec{{Access: "selected_memberships", ProjectIDs: []int64{101},
			Permissions: []string{"read_job"}}}, table.Catalogue())
		if err != nil {
			t.Fatal(err)
		}
		write := seen(t, r, "POST /projects/{project}/issues")
		p := make(t, Ask{Observations: []learn.Observation{read, write}, Present: narrow})
		if p.Lost != 1 || len(p.Scopes) != 1 || !slices.Equal(p.Scopes[0].Permissions, []string{"read_job"}) {
			t.Errorf("%+v", p)
		}
	})
	t.Run("it ends when it is told to", func(t *testing.T) {
		over := errors.New("over")
		if _, err := r.Make(Ask{Observations: []learn.Observation{read}, Owner: owner, Over: func() error { return over }}); err != over {
			t.Errorf("%v", err)
		}
	})
	t.Run("what came after a leak is kept apart", func(t *testing.T) {
		late := seen(t, r, "DELETE /projects/{project}")
		late.First = learn.Day(1002).Start()
		p := make(t, Ask{Observations: []learn.Observation{read, late}, Suspect: learn.Day(1001).Start(), Accept: everyPermission(table)})
		if len(p.Quarantined) != 1 || len(p.Scopes) != 1 || !slices.Equal(p.Scopes[0].Permissions, []string{"read_job"}) {
			t.Errorf("%+v", p)
		}
	})
	t.Run("an empty window is an error", func(t *testing.T) {
		if _, err := r.Make(Ask{Observations: []learn.Observation{read}, Since: 1001, Owner: owner}); err != ErrNothing {
			t.Errorf("%v", err)
		}
	})
	t.Run("what was denied asks for nothing", func(t *testing.T) {
		denied := seen(t, r, "DELETE /projects/{project}")
		denied.Unit.Denied = "permission_missing"
		p := make(t, Ask{Observations: []learn.Observation{read, denied}, Accept: everyPermission(table)})
		if len(p.Scopes) != 1 {
			t.Errorf("%+v", p.Scopes)
		}
	})
	t.Run("two jobs without a container in common can be two tokens", func(t *testing.T) {
		other := seen(t, r, "POST /projects/{project}/issues")
		other.Unit.Acts[0].Container = 102
		p := make(t, Ask{Observations: []learn.Observation{read, other}})
		if len(p.Split) != 2 || p.Split[0][0].ProjectIDs[0] != 101 || p.Split[1][0].ProjectIDs[0] != 102 {
			t.Errorf("%+v", p.Split)
		}
	})
	t.Run("confidence is plain facts", func(t *testing.T) {
		c := make(t, Ask{Observations: []learn.Observation{read}}).Confidence
		if c.Days != 1 || c.Requests != 2 || c.Quiet != 3 || !slices.Equal(c.Once, []string{"GET /projects/{project}/jobs"}) {
			t.Errorf("%+v", c)
		}
	})
}

func TestSimulation(t *testing.T) {
	table := gitlab(t)
	r := NewReplay(table)
	list := []learn.Observation{seen(t, r, "GET /projects/{project}/jobs"), seen(t, r, "POST /projects/{project}/issues")}
	list[1].Days = []learn.Count{{Day: 900, N: 4}, {Day: 1001, N: 3}}
	grant, err := policy.Compile(owner, table.Version(), []policy.ScopeSpec{{Access: "selected_memberships", ProjectIDs: []int64{101},
		Permissions: []string{"read_job"}}}, table.Catalogue())
	if err != nil {
		t.Fatal(err)
	}
	out := r.Simulate(grant, list, 1000)
	if out.Requests != 3 || out.Kinds != 1 || out.Observed != 5 || out.Denied[0].Route != "/projects/{project}/issues" ||
		out.Denied[0].Date != learn.Day(1001).Start().Format("2006-01-02") || out.Denied[0].Container != 101 {
		t.Errorf("%+v", out)
	}
}

func BenchmarkProposal(b *testing.B) {
	table := gitlab(b)
	r := NewReplay(table)
	list := newTraffic(b, table, 1).observations(r, 2000)
	for b.Loop() {
		if _, err := r.Make(Ask{Observations: list, Owner: owner, Today: 1020, Accept: everyPermission(table)}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSimulation(b *testing.B) {
	table := gitlab(b)
	r := NewReplay(table)
	d := newTraffic(b, table, 1)
	list := d.observations(r, 2000)
	for b.Loop() {
		r.Simulate(d.all, list, 0)
	}
}
