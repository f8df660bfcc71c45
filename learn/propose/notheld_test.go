package propose

import (
	"slices"
	"strings"
	"testing"

	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
)

// TestWhatIsNotHeldToday holds over random traffic and random grants that a part of a proposal is marked when the grant of today does
// not hold it, and that no other is.
func TestWhatIsNotHeldToday(t *testing.T) {
	table := gitlab(t)
	r := NewReplay(table)
	marked, unmarked := 0, 0
	for seed := range uint64(40) {
		d := newTraffic(t, table, seed)
		list := d.observations(r, 2+d.IntN(20))
		q := Ask{Observations: list, Today: 1020, Owner: owner, Accept: everyPermission(table), Reports: true}
		whole, err := r.Make(q)
		if err != nil {
			t.Fatal(err)
		}
		held := d.part(whole.Scopes)
		if q.Present, err = policy.Compile(owner, table.Version(), held, table.Catalogue()); err != nil {
			t.Fatal(err)
		}
		for i := range list { // report mode let pass what that does not hold
			if e, _ := r.read(&list[i]); !e.allows(q.Present) {
				list[i].Unit.WouldDeny = "permission_missing"
			}
		}
		p, err := r.Make(q)
		if err != nil || len(p.Certificate.Needed) != len(whole.Certificate.Needed) {
			t.Fatalf("seed %d: %+v, %v", seed, p, err)
		}
		places := 0
		for _, n := range p.Certificate.Needed {
			if n.Rule != "" {
				continue
			}
			places += flagged(n.NotHeld)
			if n.Ref != "" || len(n.Refs) > 0 {
				continue
			}
			has := slices.ContainsFunc(held, func(s policy.ScopeSpec) bool { return holds(&s, &n) })
			if has == n.NotHeld {
				t.Fatalf("seed %d: %+v is held: %t, by %+v", seed, n, has, held)
			}
			marked, unmarked = marked+flagged(n.NotHeld), unmarked+flagged(has)
		}
		for _, e := range p.Evidence {
			places -= e.NotHeld
		}
		if places != 0 {
			t.Errorf("seed %d: the scopes are marked %d times less than the proof", seed, places)
		}
	}
	if marked < 100 || unmarked < 100 {
		t.Errorf("%d parts are marked, %d are not", marked, unmarked)
	}
}

// part throws a part of scopes: some of them, each with some of its permissions.
func (d *traffic) part(specs []policy.ScopeSpec) (out []policy.ScopeSpec) {
	for _, s := range specs {
		if d.IntN(4) == 0 {
			continue
		}
		kept := s
		kept.Permissions = slices.DeleteFunc(slices.Clone(s.Permissions), func(string) bool { return d.IntN(3) == 0 })
		if len(kept.Permissions) > 0 {
			out = append(out, kept)
		}
	}
	if len(out) == 0 {
		return []policy.ScopeSpec{{Access: "user", Permissions: []string{"read_user"}}}
	}
	return out
}

// holds tells whether a scope holds a permission in a place, for whatever refs.
func holds(s *policy.ScopeSpec, n *Needed) bool {
	switch {
	case !slices.Contains(s.Permissions, n.Permission), !s.Constraints.Empty():
		return false
	case s.Access == "all_memberships":
		return n.Access == "all_memberships" || n.Access == "selected_memberships"
	case n.ProjectID != 0:
		return slices.Contains(s.ProjectIDs, n.ProjectID) || slices.Contains(s.GroupIDs, 10+n.ProjectID%2)
	case n.GroupID != 0:
		return slices.Contains(s.GroupIDs, n.GroupID)
	}
	return s.Access == n.Access
}

// A chosen group is more than its projects, a folder more than its refs, and something may be held in one place of a scope alone.
func TestMoreThanWasHeld(t *testing.T) {
	table := gitlab(t)
	r := NewReplay(table)
	var list []learn.Observation
	for i := range int64(GroupAfter) {
		read := seen(t, r, "GET /projects/{project}/jobs")
		read.Unit.Acts[0].Container = 101 + i
		list = append(list, read)
	}
	for _, name := range []string{"bot/1", "bot/2", "bot/3"} {
		list = append(list, seen(t, r, "POST /{project}.git/git-receive-pack",
			learn.Act{Kind: policy.ActRef, Ref: "refs/heads/" + name, Create: true}))
	}
	export := seen(t, r, "POST /projects/{project}/export")
	export.Unit.WouldDeny = "permission_missing"
	list = append(list, export)
	of := func(t *testing.T, q Ask, specs ...policy.ScopeSpec) string {
		t.Helper()
		present, err := policy.Compile(owner, table.Version(), specs, table.Catalogue())
		if err != nil {
			t.Fatal(err)
		}
		q.Observations, q.Today, q.Owner, q.Present, q.Reports, q.Accept = list, 1003, owner, present, true, []string{"push_code"}
		for i := range list {
			if e, _ := r.read(&list[i]); !e.allows(present) {
				list[i].Unit.WouldDeny = "permission_missing"
			} else {
				list[i].Unit.WouldDeny = ""
			}
		}
		p, err := r.Make(q)
		if err != nil {
			t.Fatal(err)
		}
		var marked []string
		for _, n := range p.Certificate.Needed {
			if n.NotHeld {
				at := routes.BoundaryProject.String()
				if n.GroupID != 0 {
					at = routes.BoundaryGroup.String()
				}
				marked = append(marked, n.Permission+n.Ref+" "+at)
			}
		}
		if len(p.Unticked) != 1 || !p.Unticked[0].NotHeld {
			t.Errorf("what is left out and not held: %+v", p.Unticked)
		}
		return strings.Join(slices.Compact(marked), ", ")
	}
	on := func(permissions string, ids ...int64) policy.ScopeSpec {
		return policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: ids, Permissions: strings.Fields(permissions)}
	}
	both, exact := on("push_code read_job", 101), on("push_code", 101)
	exact.Constraints.RefPatterns = []string{"refs/heads/bot/1", "refs/heads/bot/2", "refs/heads/bot/3"}
	for _, c := range []struct {
		name string
		q    Ask
		held []policy.ScopeSpec
		want string
	}{
		{"all is held", Ask{}, []policy.ScopeSpec{both, on("read_job", 102, 103, 104, 105)}, ""},
		{"a project is new", Ask{}, []policy.ScopeSpec{both, on("read_job", 102, 103, 104)}, "read_job project"},
		{"refs one by one are less than their folder", Ask{}, []policy.ScopeSpec{exact, on("read_job", 101, 102, 103, 104, 105)},
			"refs/heads/bot/* project, push_code project"},
		{"projects are less than their group", Ask{Groups: []int64{10}}, []policy.ScopeSpec{both, on("read_job", 102, 103, 104, 105)},
			"refs/heads/bot/* group, push_code group, read_job group"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := of(t, c.q, c.held...); got != c.want {
				t.Errorf("marked are %q, want %q", got, c.want)
			}
		})
	}
	whole := policy.ScopeSpec{Access: "selected_memberships", GroupIDs: []int64{10}, Permissions: []string{"read_job", "push_code"}}
	if got := of(t, Ask{Groups: []int64{10}}, whole); got != "" {
		t.Errorf("the group is held, and marked are %q", got)
	}
}
