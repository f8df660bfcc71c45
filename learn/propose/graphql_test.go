package propose

import (
	"slices"
	"testing"
	"time"

	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/load"
)

// A document's unit is proposed with the permissions of all its acts, each where it was used.
func TestDocumentsAreProposedWithAllTheirActs(t *testing.T) {
	table, problems := load.Table(load.Options{Overlay: []routes.File{{Name: "rules.yaml",
		Data: []byte("graphql:\n  roots:\n    metadata: instance\n")}}})
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	r := NewReplay(table)
	on := func(project int64, needs ...string) learn.Act {
		return learn.Act{Kind: policy.ActOwn, Boundary: routes.BoundaryProject, Needs: needs, Found: routes.BoundaryProject,
			Access: policy.OwnerMember, Visibility: policy.VisibilityPrivate, Container: project}
	}
	unit := func(row string, acts ...learn.Act) learn.Observation {
		var needs []string
		for _, a := range acts {
			needs = append(needs, a.Needs...)
		}
		at := learn.Day(1000).Start().Add(time.Hour)
		return learn.Observation{Unit: learn.Unit{Method: "POST", Route: row, Needs: needs, Acts: acts}, First: at, Last: at, Uses: 3,
			Days: []learn.Count{{Day: 1000, N: 3}}}
	}
	row := table.SurfaceRow([]byte("POST /api/graphql#Mutation.branchRuleCreate"))
	if row == nil || len(row.Dangers()) == 0 {
		t.Fatal("there is no danger to try")
	}
	risky := table.Catalogue().NamesOf(&row.NeedSet)
	anywhere := learn.Act{Kind: policy.ActOwn, Boundary: routes.BoundaryProject, Elsewhere: true, Needs: []string{"read_project"}}
	for _, c := range []struct {
		name     string
		seen     learn.Observation
		scopes   []policy.ScopeSpec
		unticked bool
	}{
		{"a read of two projects", unit(routes.QueryRow, on(7, "read_project"), on(7, "read_work_item"), on(8, "read_project")),
			[]policy.ScopeSpec{
				{Access: "selected_memberships", ProjectIDs: []int64{7}, Permissions: []string{"read_project", "read_work_item"}},
				{Access: "selected_memberships", ProjectIDs: []int64{8}, Permissions: []string{"read_project"}}}, false},
		{"what may be anywhere", unit(routes.QueryRow, on(7, "read_work_item"), anywhere), []policy.ScopeSpec{
			{Access: "selected_memberships", ProjectIDs: []int64{7}, Permissions: []string{"read_work_item"}},
			{Access: "all_memberships", Permissions: []string{"read_project"}}}, false},
		{"the account", unit(routes.QueryRow, learn.Act{Kind: policy.ActOwn, Boundary: routes.BoundaryUser, Needs: []string{"read_user"}}),
			[]policy.ScopeSpec{{Access: "user", Permissions: []string{"read_user"}}}, false},
		{"a mutation with a quick action", unit(routes.MutationRow, on(7, "create_work_item"),
			learn.Act{Kind: policy.ActQuickAction, Needs: []string{"update_work_item"}}), []policy.ScopeSpec{{Access: "selected_memberships",
			ProjectIDs: []int64{7}, Permissions: []string{"create_work_item", "update_work_item"}}}, false},
		{"a mutation that gives rights", unit(routes.MutationRow, on(7, risky...)), nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := r.Make(Ask{Observations: []learn.Observation{c.seen}, Today: 1001, Owner: owner})
			if err != nil {
				t.Fatal(err)
			}
			same := func(a, b policy.ScopeSpec) bool {
				return a.Access == b.Access && slices.Equal(a.ProjectIDs, b.ProjectIDs) && slices.Equal(a.Permissions, b.Permissions)
			}
			for _, want := range c.scopes {
				if !slices.ContainsFunc(p.Scopes, func(got policy.ScopeSpec) bool { return same(got, want) }) {
					t.Errorf("%+v is not in %+v", want, p.Scopes)
				}
			}
			if len(p.Scopes) != len(c.scopes) || (len(p.Unticked) > 0) != c.unticked {
				t.Errorf("%+v %+v", p.Scopes, p.Unticked)
			}
		})
	}
}
