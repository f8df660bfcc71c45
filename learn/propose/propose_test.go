package propose

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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
		if len(row.Texts) > 0 && d.IntN(3) == 0 {
			needs := []string{[]string{"update_work_item", "merge_merge_request", "create_work_item"}[d.IntN(3)]}
			u.Acts = append(u.Acts, learn.Act{Kind: policy.ActQuickAction, Needs: needs, Elsewhere: d.IntN(4) == 0})
			u.Needs = append(u.Needs, needs...)
		}
		if row.Refs == routes.RefsListed && b == routes.BoundaryProject {
			u.Acts = append(u.Acts, d.changes()...)
		}
		u.Filtered = row.Spans && row.Spanned(func(string) string { return "" }) != nil && d.IntN(2) == 0
		o := learn.Observation{Unit: u}
		if e, ok := r.read(&o); ok && e.allows(d.all) {
			day := learn.Day(1000 + d.IntN(20))
			o.First, o.Last, o.Days = day.Start(), day.Start().Add(time.Hour), []learn.Count{{Day: day, N: int64(1 + d.IntN(9))}}
			return o
		}
	}
}

// changes throws what one push changes: branches and tags, which are made, moved or deleted.
func (d *traffic) changes() (acts []learn.Act) {
	for range 1 + d.IntN(3) {
		a := learn.Act{Kind: policy.ActRef, Ref: fmt.Sprintf("refs/heads/%s/%d", []string{"bot", "dev"}[d.IntN(2)], d.IntN(4))}
		if d.IntN(3) == 0 {
			a.Ref = fmt.Sprintf("refs/tags/v%d", d.IntN(4))
		}
		switch d.IntN(4) {
		case 0:
			a.Delete = true
		case 1, 2:
			a.Create = true
		}
		acts = append(acts, a)
	}
	return acts
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

// smaller gives every grant that lacks one thing of another: a permission of a scope, one container, one pattern, or what a rule lets
// through.
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
			change(i, func(s *policy.ScopeSpec) {
				if len(s.Constraints.RefPatterns) == 1 {
					s.Permissions = nil // without a pattern it would hold for all refs
				}
				s.Constraints.RefPatterns = slices.Delete(slices.Clone(s.Constraints.RefPatterns), j, j+1)
			})
		}
		if len(s.Constraints.RefPatterns) == 0 {
			continue
		}
		if !s.Constraints.ForbidRefDeletes {
			change(i, func(s *policy.ScopeSpec) { s.Constraints.ForbidRefDeletes = true })
		}
		if !s.Constraints.ForbidTagChanges {
			change(i, func(s *policy.ScopeSpec) { s.Constraints.ForbidTagChanges = true })
		}
	}
	return all
}

// countParts counts what can be taken out of scopes, and notes what kinds of parts there are.
func countParts(specs []policy.ScopeSpec, kinds map[string]int) (parts int) {
	for _, s := range specs {
		places := max(1, len(s.ProjectIDs)+len(s.GroupIDs))
		kinds[s.Access]++
		kinds["groups"] += len(s.GroupIDs)
		parts += len(s.Permissions) * places
		c := &s.Constraints
		if len(c.RefPatterns) == 0 {
			continue
		}
		parts += len(c.RefPatterns) * places
		for _, pattern := range c.RefPatterns {
			if strings.HasSuffix(pattern, "/*") {
				kinds["folders"]++
			}
		}
		if !c.ForbidRefDeletes {
			kinds["deletes"]++
			parts += places
		}
		if !c.ForbidTagChanges {
			kinds["tag changes"]++
			parts += places
		}
	}
	return parts
}

// TestAProposalIsCompleteAndNothingInItIsTooMuch holds over random traffic that all that was observed is allowed, and that
// whatever is taken out of the scopes denies something that was.
func TestAProposalIsCompleteAndNothingInItIsTooMuch(t *testing.T) {
	table := gitlab(t)
	r := NewReplay(table)
	kinds := map[string]int{}
	for seed := range uint64(150) {
		d := newTraffic(t, table, seed)
		list := d.observations(r, 1+d.IntN(25))
		collapsed := d.beside(r, &list)
		ask := Ask{Observations: list, Since: 0, Today: 1020, Owner: owner, Accept: everyPermission(table)}
		if seed%2 == 0 {
			ask.Groups = []int64{10, 11}
		}
		p, err := r.Make(ask)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		list, taken := elsewhere(list, ask.Groups)
		if len(p.Unticked)+len(p.Certificate.Refused) > 0 || p.Collapsed != collapsed-taken ||
			p.Certificate.Allowed != len(list)-2*collapsed+taken {
			t.Fatalf("seed %d: %+v", seed, p)
		}
		kinds["taken"] += taken
		grant, err := policy.Compile(owner, table.Version(), p.Scopes, table.Catalogue())
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if lost := r.Simulate(grant, list, 0); lost.Requests > 0 {
			t.Fatalf("seed %d: %+v is denied by %+v", seed, lost.Denied, p.Scopes)
		}
		if parts := countParts(p.Scopes, kinds); len(p.Certificate.Needed) != parts {
			t.Fatalf("seed %d: %d witnesses for %d parts of %+v", seed, len(p.Certificate.Needed), parts, p.Scopes)
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
		for i := range list {
			kinds["filtered"] += flagged(list[i].Unit.Filtered)
			for _, a := range list[i].Unit.Acts {
				kinds["texts"] += flagged(a.Kind == policy.ActQuickAction)
				kinds["targets"] += flagged(a.Kind == policy.ActTarget)
			}
		}
		kinds["collapsed"] += collapsed
	}
	for _, kind := range []string{"selected_memberships", "all_memberships", "user", "instance", "groups", "folders", "deletes",
		"tag changes", "filtered", "texts", "targets", "collapsed", "taken"} {
		if kinds[kind] == 0 {
			t.Errorf("nothing of this kind was there: %s", kind)
		}
	}
}

func flagged(b bool) int {
	if b {
		return 1
	}
	return 0
}

// beside adds what is no part of a proposal: what was collapsed, which it gives the number of, and as much that was denied.
func (d *traffic) beside(r *Replay, list *[]learn.Observation) (collapsed int) {
	for range d.IntN(3) {
		o := d.observation(r)
		o.Unit = o.Unit.Collapse()
		denied := d.observation(r)
		denied.Unit.Denied = "permission_missing"
		*list = append(*list, o, denied)
		collapsed++
	}
	return collapsed
}

// elsewhere puts requests of a project and a group that nothing else names in the place of collapsed ones, where somebody said yes
// to the group that these are in. taken is how many.
func elsewhere(list []learn.Observation, groups []int64) (out []learn.Observation, taken int) {
	for _, o := range list {
		if o.Unit.Collapsed && o.Unit.Denied == "" && slices.Contains(groups, groupOf(&o.Unit)) {
			o.Unit.Collapsed, o.Unit.Acts = false, slices.Clone(o.Unit.Acts)
			for i := range o.Unit.Acts {
				if a := &o.Unit.Acts[i]; len(a.Ancestors) > 0 {
					a.Container = 900
				}
			}
			taken++
		}
		out = append(out, o)
	}
	return out, taken
}

// seen is an observation of a request on project 101.
func seen(t testing.TB, r *Replay, row string, acts ...learn.Act) learn.Observation {
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
	t.Run("nor is what needs the same as a push, when none was seen", func(t *testing.T) {
		p := make(t, Ask{Observations: []learn.Observation{read, seen(t, r, "GET /{project}.git/info/refs?service=git-receive-pack"),
			seen(t, r, "POST /{project}.git/info/lfs/objects/batch#upload")}})
		if len(p.Unticked) != 2 || p.Unticked[0].Why[0] != "runs_as_owner" || len(p.Scopes) != 1 ||
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
	t.Run("nor does it come in by a quick action, or by the text of a template that may have some", func(t *testing.T) {
		text := func(needs ...string) learn.Observation {
			o := seen(t, r, "POST /projects/{project}/issues", learn.Act{Kind: policy.ActQuickAction, Needs: needs})
			o.Unit.Needs = append(o.Unit.Needs, needs...)
			return o
		}
		may := []string{"create_branch", "create_pipeline", "delete_work_item"}
		p := make(t, Ask{Observations: []learn.Observation{read, text(may...)}})
		if len(p.Unticked) != 1 || !slices.Equal(p.Unticked[0].Why, []string{"runs_as_owner"}) || len(p.Scopes) != 1 ||
			!slices.Equal(p.Scopes[0].Permissions, []string{"read_job"}) || len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "description") {
			t.Errorf("%+v %q", p, p.Notes)
		}
		p = make(t, Ask{Observations: []learn.Observation{read, text(may...)}, Accept: append(may, "create_work_item")})
		if len(p.Unticked) != 0 || len(p.Accepted) != 1 || len(p.Scopes) != 1 || len(p.Scopes[0].Permissions) != 5 || len(p.Notes) != 0 {
			t.Errorf("a yes: %+v %q", p, p.Notes)
		}
		p = make(t, Ask{Observations: []learn.Observation{text("update_work_item"), seen(t, r, "POST /projects/{project}/issues")}})
		if len(p.Unticked) != 0 || len(p.Scopes) != 1 || !slices.Equal(p.Scopes[0].Permissions, []string{"create_work_item",
			"update_work_item"}) {
			t.Errorf("one that runs nothing: %+v", p)
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
	t.Run("a ref may be deleted, and a tag changed, only where that was seen", func(t *testing.T) {
		change := func(ref string, deletes bool) learn.Act {
			return learn.Act{Kind: policy.ActRef, Ref: ref, Delete: deletes}
		}
		p := make(t, Ask{Observations: []learn.Observation{seen(t, r, push, branch("main")), seen(t, r, push, branch("bot/1"),
			branch("bot/2"),
			branch("bot/3")), seen(t, r, push, change("refs/heads/bot/2", true)), seen(t, r, push, change("refs/tags/nightly", false)),
			seen(t, r, push, change("refs/tags/old", true))}, Accept: []string{"push_code"}})
		got := map[string]string{}
		for _, s := range p.Scopes {
			got[strings.Join(s.Constraints.RefPatterns, " ")] = fmt.Sprint(s.Constraints.ForbidRefDeletes, s.Constraints.ForbidTagChanges)
		}
		want := map[string]string{"refs/heads/bot/* refs/heads/main": "true true", "refs/heads/bot/2": "false true",
			"refs/tags/nightly": "true false", "refs/tags/old": "false false"}
		if !maps.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		var rules []string
		for _, n := range p.Certificate.Needed {
			if n.Rule != "" {
				rules = append(rules, n.Rule+" "+strings.Join(n.Refs, " "))
			}
		}
		if !slices.Equal(rules, []string{"ref_deletes refs/heads/bot/2", "ref_deletes refs/tags/old", "tag_changes refs/tags/nightly",
			"tag_changes refs/tags/old"}) {
			t.Errorf("%q", rules)
		}
	})
	t.Run("of too many refs the whole folder, and that is said", func(t *testing.T) {
		var list []learn.Observation
		for i := range mostPatterns + 1 {
			list = append(list, seen(t, r, push, branch(fmt.Sprint("b", i))))
		}
		list = append(list, seen(t, r, push, learn.Act{Kind: policy.ActRef, Ref: "refs/heads/b1", Delete: true}))
		p := make(t, Ask{Observations: list, Accept: []string{"push_code"}})
		if len(p.Scopes) != 2 || !slices.Equal(p.Scopes[0].Constraints.RefPatterns, []string{"refs/heads/*"}) ||
			!p.Scopes[0].Constraints.ForbidRefDeletes || !slices.Equal(p.Scopes[1].Constraints.RefPatterns, []string{"refs/heads/b1"}) ||
			len(p.Notes) != 1 || !strings.Contains(p.Notes[0], "project 101") {
			t.Errorf("%+v %q", p.Scopes, p.Notes)
		}
	})
	t.Run("a group is a question where five of its projects were used, and half of them", func(t *testing.T) {
		in := func(project int64, above ...int64) learn.Observation {
			o := seen(t, r, "GET /projects/{project}/jobs")
			o.Unit.Acts[0].Container, o.Unit.Acts[0].Ancestors = project, above
			return o
		}
		list := []learn.Observation{in(1, 10, 30, 90), in(2, 10, 30, 90), in(3, 10, 30, 90), in(4, 20, 30, 90), in(5, 20, 30, 90),
			in(6, 40)}
		p := make(t, Ask{Observations: list})
		if len(p.Groups) != 1 || p.Groups[0].ID != 30 || !slices.Equal(p.Groups[0].Projects, []int64{1, 2, 3, 4, 5}) {
			t.Fatalf("%+v", p.Groups)
		}
		for _, c := range []struct {
			below    []int64
			complete bool
			asks     bool
			of       int
		}{
			{nil, false, true, 0},
			{[]int64{1, 2, 3, 4, 5}, true, true, 5},
			{[]int64{1, 2, 3, 4, 5, 11, 12, 13, 14, 15}, true, true, 10},
			{[]int64{1, 2, 3, 4, 5, 11, 12, 13, 14, 15, 16}, true, false, 11},
			{[]int64{1, 2, 3, 4, 5, 11, 12, 13, 14, 15}, false, true, 0},
			{[]int64{11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21}, false, false, 0},
			{[]int64{1, 2, 3, 4}, true, false, 4}, // one was moved elsewhere
		} {
			g := p.Groups[0]
			if asks := g.Among(c.below, c.complete); asks != c.asks || g.Of != c.of {
				t.Errorf("%+v: %t, of %d", c, asks, g.Of)
			}
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
	t.Run("nor does it come in by a group of which no more is known", func(t *testing.T) {
		whole := func(row string) learn.Observation {
			o := seen(t, r, row)
			o.Unit = o.Unit.Collapse()
			return o
		}
		jobs, late, danger := whole("GET /projects/{project}/jobs"), whole(push), whole(push)
		late.First, jobs.Unit.Acts[0].Ancestors = learn.Day(1002).Start(), []int64{10}
		from := whole("POST /projects/{project}/issues")
		from.Suspect = true
		narrow, err := policy.Compile(owner, table.Version(), []policy.ScopeSpec{{Access: "selected_memberships", ProjectIDs: []int64{101},
			Permissions: []string{"read_job", "push_code"}}}, table.Catalogue())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name                   string
			q                      Ask
			needs                  string
			collapsed, apart, lost int
		}{
			{"a leak", Ask{Observations: []learn.Observation{jobs, late}, Suspect: learn.Day(1001).Start(), Accept: everyPermission(table)},
				"[read_job]", 1, 1, 0},
			{"a new network", Ask{Observations: []learn.Observation{jobs, from}}, "[read_job]", 1, 1, 0},
			{"a new network that is taken in", Ask{Observations: []learn.Observation{jobs, from}, AcceptSuspect: true},
				"[create_work_item read_job]", 2, 0, 0},
			{"a danger", Ask{Observations: []learn.Observation{jobs, danger}}, "[read_job]", 2, 0, 0},
			{"a danger that is accepted", Ask{Observations: []learn.Observation{jobs, danger}, Accept: []string{"push_code"}},
				"[push_code read_job]", 2, 0, 0},
			{"what the token lacks by now", Ask{Observations: []learn.Observation{jobs, whole("POST /projects/{project}/issues")},
				Present: narrow}, "[read_job]", 1, 0, 1},
		} {
			p := make(t, c.q)
			if len(p.Below) != 1 || fmt.Sprint(p.Below[0].Permissions) != c.needs || p.Collapsed != c.collapsed ||
				len(p.Quarantined) != c.apart || p.Lost != c.lost {
				t.Errorf("%s: %+v", c.name, p)
			}
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
	t.Run("where a wider place and a narrower one would do, the narrower one is taken", func(t *testing.T) {
		list := seen(t, r, "GET /projects")
		list.Unit.Acts = []learn.Act{{Kind: policy.ActOwn, Boundary: r.rows["GET /projects"].Boundaries[0], Self: true}}
		list.Unit.Filtered = true
		one := seen(t, r, "GET /projects/{project}")
		group := seen(t, r, "GET /groups/{group}/issues")
		group.Unit.Acts[0].Boundary, group.Unit.Acts[0].Found, group.Unit.Acts[0].Container = routes.BoundaryGroup, routes.BoundaryGroup, 10
		group.Unit.Acts[0].Ancestors = nil
		issues := seen(t, r, "GET /projects/{project}/issues")
		for _, c := range []struct {
			name string
			seen []learn.Observation
			want string
		}{
			{"all memberships, when nothing else was seen", []learn.Observation{list}, "all_memberships [read_project] [] []"},
			{"a project, where a list is passed on with what it reaches", []learn.Observation{list, one},
				"selected_memberships [read_project] [101] []"},
			{"a project, for what was seen of it", []learn.Observation{issues}, "selected_memberships [read_work_item] [101] []"},
			{"the group, when it was needed itself, and not its project too", []learn.Observation{issues, group},
				"selected_memberships [read_work_item] [] [10]"},
		} {
			var got []string
			for _, s := range make(t, Ask{Observations: c.seen}).Scopes {
				got = append(got, fmt.Sprint(s.Access, " ", s.Permissions, " ", s.ProjectIDs, " ", s.GroupIDs))
			}
			if strings.Join(got, "; ") != c.want {
				t.Errorf("%s: %q, want %q", c.name, got, c.want)
			}
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
	t.Run("what was seen on one day only is told, on however many projects", func(t *testing.T) {
		other, twice := seen(t, r, "GET /projects/{project}/jobs"), seen(t, r, "GET /projects/{project}/issues")
		other.Unit.Acts[0].Container = 102
		twice.Days = append(twice.Days, learn.Count{Day: 1001, N: 1})
		c := make(t, Ask{Observations: []learn.Observation{read, other, twice}}).Confidence
		if !slices.Equal(c.Once, []string{"GET /projects/{project}/jobs"}) {
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

// oneThing is what a token was seen to do that lists all projects, and reads and pushes to as many of them as are kept apart.
func oneThing(t testing.TB, r *Replay) (list []learn.Observation) {
	for i := range int64(learn.MostUnits / 2) {
		read := seen(t, r, "GET /projects/{project}")
		pushed := seen(t, r, push, learn.Act{Kind: policy.ActRef, Ref: "refs/heads/bot", Create: true})
		read.Unit.Acts[0].Container, pushed.Unit.Acts[0].Container = 1000+i, 1000+i
		list = append(list, read, pushed)
	}
	list[0] = seen(t, r, "GET /projects")
	list[0].Unit.Acts = []learn.Act{{Kind: policy.ActOwn, Boundary: r.rows["GET /projects"].Boundaries[0], Self: true}}
	list[0].Unit.Filtered = true
	return list
}

// A job that does the same everywhere has a proposal as soon as one that does much in a few places: each part of it is tried on
// what it can decide on. Without that this takes 18 s.
func TestAProposalOfThousandsOfPlaces(t *testing.T) {
	table := gitlab(t)
	r := NewReplay(table)
	list := oneThing(t, r)
	began := time.Now()
	p, err := r.Make(Ask{Observations: list, Owner: owner, Today: 1003, Accept: []string{"push_code"}})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it takes %s", took)
	}
	const places = learn.MostUnits / 2
	if p.Certificate.Allowed != 2*places || len(p.Certificate.Needed) != 3*places-1 {
		t.Errorf("%d are allowed, %d parts are needed, refused: %v", p.Certificate.Allowed, len(p.Certificate.Needed),
			p.Certificate.Refused)
	}
}

// BenchmarkProposalOfOneThing is of a token that does the same in as many projects as are kept apart.
func BenchmarkProposalOfOneThing(b *testing.B) {
	table := gitlab(b)
	r := NewReplay(table)
	list := oneThing(b, r)
	for b.Loop() {
		if _, err := r.Make(Ask{Observations: list, Owner: owner, Today: 1020, Accept: []string{"push_code"}}); err != nil {
			b.Fatal(err)
		}
	}
}
