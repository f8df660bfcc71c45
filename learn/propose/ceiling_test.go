package propose

import (
	"testing"

	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/load"
)

// TestACutChainMayLieInALimit asks again what was done on a project of which not all groups above were seen: with a limit on a group
// it is denied now as it would be then.
func TestACutChainMayLieInALimit(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	r := NewReplay(table)
	p, _ := table.Catalogue().Find("read_job")
	limit := policy.Ceiling{Name: "frozen", Groups: []int64{9}}
	limit.Permissions.Add(p)
	grant, err := policy.Compile(7, table.Version(), []policy.ScopeSpec{{Access: "selected_memberships", ProjectIDs: []int64{100},
		Permissions: []string{"read_job"}}}, table.Catalogue())
	if err != nil {
		t.Fatal(err)
	}
	grant = grant.Under(policy.Ceilings{limit}, policy.Bearer{})
	for partial, denied := range map[bool]int64{false: 0, true: 3} {
		o := learn.Observation{Unit: learn.Unit{Method: "GET", Route: "/projects/{project}/jobs", Acts: []learn.Act{{
			Kind: policy.ActOwn, Boundary: routes.BoundaryProject, Found: routes.BoundaryProject, Access: policy.OwnerMember,
			Container: 100, Ancestors: []int64{10}, Partial: partial}}}}
		o.Days = append(o.Days, learn.Count{Day: 5, N: 3})
		out := r.Simulate(grant, []learn.Observation{o}, 1)
		if out.Observed != 3 || out.Requests != denied || denied > 0 && out.Denied[0].Ceiling != "frozen" {
			t.Errorf("partial %v: %+v", partial, out)
		}
		kind, places, above, err := o.Unit.Text()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := learn.ParseUnit(kind, places, above); err != nil || back.Acts[0].Partial != partial {
			t.Errorf("it became %+v, %v", back, err)
		}
	}
}
