package policy

import (
	"slices"
	"testing"

	"patgate/routes"
)

func TestPlan(t *testing.T) {
	move := with(writing(row(onAProject, "read_job")), func(r *routes.Route) {
		r.Targets = []routes.Target{{NeedSet: newCatalogue().set("create_work_item"), Required: true}}
	})
	cases := []struct {
		name    string
		scopes  []ScopeSpec
		row     *routes.Route
		verdict Verdict
		reason  Reason
		missing []string
	}{
		{"a permission held on some project needs facts", scopes(onProject(site, "read_job")), row(onAProject, "read_job"), Allow, ReasonNone, nil},
		{"a permission held by two scopes together needs facts", scopes(onProject(site, "read_job"), onGroup(acme, "run_job")),
			row(onAProject, "read_job", "run_job"), Allow, ReasonNone, nil},
		{"a permission that no scope holds", scopes(onProject(site, "read_job")), row(onAProject, "read_job", "run_job"), Deny,
			ReasonPermissionMissing, []string{"run_job"}},
		{"a permission that is held elsewhere than on projects", scopes(under("user", "read_project")), row(onAProject, "read_project"),
			Deny, ReasonOutOfBounds, []string{"read_project"}},
		{"a group is out of bounds for selected projects", scopes(onProject(site, "read_work_item")), row(onAGroup, "read_work_item"),
			Deny, ReasonOutOfBounds, []string{"read_work_item"}},
		{"a group is out of bounds for personal projects", scopes(under("personal_projects", "read_work_item")), row(onAGroup, "read_work_item"),
			Deny, ReasonOutOfBounds, []string{"read_work_item"}},
		{"one alternative is enough to go on", scopes(under("instance", "read_runner")),
			byLookup(row(onAProject, "read_runner"), onAProject, onAGroup, onInstance), Allow, ReasonNone, nil},
		{"a public row goes on without a permission", nil, public(row(onAProject, "read_job")), Allow, ReasonNone, nil},
		{"a public row of the account does not", nil, public(row(onAccount, "read_project")), Deny, ReasonPermissionMissing, nil},
		{"a public row that nobody can find does not", nil, public(nowhere(row(onAProject, "read_job"))), Deny, ReasonPermissionMissing, nil},
		{"a row that spans", scopes(onProject(site, "read_job")), spanning(row(onAProject, "read_job")), Deny, ReasonSpans, []string{"read_job"}},
		{"a row that nobody can find", scopes(onProject(site, "read_job")), nowhere(row(onAProject, "read_job")), Deny, ReasonNotFindable, []string{"read_job"}},
		{"a row that nobody can find under all_memberships", scopes(under("all_memberships", "read_job")),
			nowhere(row(onAProject, "read_job")), Allow, ReasonNone, nil},
		{"a write that is newer than the token", scopes(onProject(site, "run_job")), since(2, writing(row(onAProject, "run_job"))),
			Deny, ReasonNewerThanToken, []string{}},
		{"a required target that no scope could allow", scopes(onProject(site, "read_job")), move, Deny, ReasonTargetDenied, []string{"create_work_item"}},
		{"a required target that a scope could allow", scopes(onProject(site, "read_job"), onGroup(acme, "create_work_item")), move, Allow, ReasonNone, nil},
		{"a constrained write goes on, for the reason that Decide gives", scopes(pushing(onProject(site, "push_code"))),
			writing(row(onAProject, "push_code")), Allow, ReasonNone, nil},
		{"no route", nil, nil, Deny, ReasonNone, nil},
		{"an open row is final", nil, &routes.Route{Kind: routes.KindOpen}, Allow, ReasonOpen, nil},
		{"a row for another credential", nil, &routes.Route{Kind: routes.KindOtherCredential}, Deny, ReasonOtherCredential, nil},
		{"a row that the table refuses", nil, &routes.Route{Kind: routes.KindPermission, Refused: "x"}, Deny, ReasonRefused, nil},
		{"a row that mints", nil, &routes.Route{Kind: routes.KindPermission, Mints: "x"}, Deny, ReasonMints, nil},
		{"a row of a kind that is not known", nil, &routes.Route{Kind: 99}, Deny, ReasonNone, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := Plan(grantOf(t, c.scopes...), c.row)
			if d.Verdict != c.verdict || d.Reason != c.reason || d.Scope != -1 || d.Act != -1 {
				t.Fatalf("planned %+v, want %v (%v)", d, c.verdict, c.reason)
			}
			if d.Anonymous != (c.reason == ReasonOpen) {
				t.Errorf("anonymous is %v", d.Anonymous)
			}
			if got := newCatalogue().names(d.Missing); c.missing != nil && !slices.Equal(got, c.missing) {
				t.Errorf("missing are %v, want %v", got, c.missing)
			}
		})
	}
}
