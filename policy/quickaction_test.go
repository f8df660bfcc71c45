package policy

import (
	"testing"

	"patgate/routes"
)

// does is a quick action that needs permissions on the request's containers; anywhere is one that may act on others too.
func does(needs ...string) Act {
	set := newCatalogue().set(needs...)
	return Act{Kind: ActQuickAction, Needs: &set}
}

func anywhere(needs ...string) Act {
	a := does(needs...)
	a.Elsewhere = true
	return a
}

func TestDecideQuickActions(t *testing.T) { runCases(t, quickActionCases()) }

func quickActionCases() []decideCase {
	note := writing(row(onAProject, "create_work_item"))
	return []decideCase{
		{name: "a quick action that is granted on the row's own container", row: note, acts: acts(project(hammer), does("run_job")),
			scopes:  scopes(onProject(hammer, "create_work_item", "run_job")),
			verdict: Allow, reason: ReasonGranted},
		{name: "a quick action that another scope grants there", row: note, acts: acts(project(hammer), does("run_job")),
			scopes:  scopes(onProject(hammer, "create_work_item"), onGroup(acme, "run_job")),
			verdict: Allow, reason: ReasonGranted},
		{name: "a quick action that no scope grants", row: note, acts: acts(project(hammer), does("run_job")),
			scopes: scopes(onProject(hammer, "create_work_item")),
			reason: ReasonQuickAction, shown: onAProject, missing: []string{"run_job"}},
		{name: "a quick action that is granted on another container only", row: note, acts: acts(project(hammer), does("run_job")),
			scopes: scopes(onProject(hammer, "create_work_item"), onProject(site, "run_job")),
			reason: ReasonQuickAction, shown: onAProject, missing: []string{"run_job"}},
		{name: "the second of two quick actions", row: note, acts: acts(project(hammer), does("run_job"), does("run_job", "push_code")),
			scopes: scopes(onProject(hammer, "create_work_item", "run_job")), reason: ReasonQuickAction, missing: []string{"push_code"}},
		{name: "a quick action that may act elsewhere, granted here only", row: note, acts: acts(project(hammer), anywhere("create_work_item")),
			scopes: scopes(onGroup(acme, "create_work_item", "run_job")),
			reason: ReasonQuickAction, missing: []string{"create_work_item"}},
		{name: "a quick action that may act elsewhere, granted under all_memberships", row: note, acts: acts(project(hammer), anywhere("create_work_item")),
			scopes:  scopes(under("all_memberships", "create_work_item")),
			verdict: Allow, reason: ReasonGranted},
		{name: "a quick action that may act elsewhere, of which all_memberships does not reach here", row: note, acts: acts(project(lib), anywhere("run_job")),
			scopes: scopes(onProject(lib, "create_work_item"), under("all_memberships", "run_job")), reason: ReasonQuickAction, missing: []string{"run_job"}},
		{name: "a quick action that only a constrained scope grants", row: note, acts: acts(project(hammer), does("run_job")),
			scopes: scopes(onProject(hammer, "create_work_item"), pushing(onProject(hammer, "run_job"))),
			reason: ReasonConstrained},
		{name: "a quick action that needs nothing is a mistake of the table", row: note, acts: acts(project(hammer), does()),
			scopes: scopes(onProject(hammer, "create_work_item")), reason: ReasonQuickAction},
		{name: "a quick action with no permissions at all is a mistake of the caller", row: note, acts: acts(project(hammer), Act{Kind: ActQuickAction}),
			scopes: scopes(onProject(hammer, "create_work_item")), reason: ReasonQuickAction},
		{name: "a quick action on a row that is public", row: public(row(onAProject, "read_job")), acts: acts(project(lib), does("read_job")),
			scopes: scopes(onProject(hammer, "read_job")), reason: ReasonQuickAction},
		{name: "a quick action that is granted on the row's own container and not on a further one", row: note,
			acts:   acts(project(hammer), target(project(site), "create_work_item"), does("run_job")),
			scopes: scopes(onGroup(acme, "create_work_item"), onProject(hammer, "run_job")),
			reason: ReasonQuickAction, shown: onAProject, missing: []string{"run_job"}},
		{name: "a quick action that is granted on both", row: note,
			acts:    acts(project(hammer), target(project(site), "create_work_item"), does("run_job")),
			scopes:  scopes(onGroup(acme, "create_work_item", "run_job")),
			verdict: Allow, reason: ReasonGranted},
		{name: "what the request itself lacks comes first", row: note, acts: acts(project(hammer), does("push_code")),
			scopes: scopes(onProject(hammer, "run_job")), reason: ReasonPermissionMissing},
		{name: "a further container that is not granted comes before the quick actions", row: note,
			acts:   acts(project(hammer), target(project(site), "create_work_item"), does("run_job")),
			scopes: scopes(onProject(hammer, "create_work_item")), reason: ReasonTargetDenied},
	}
}

func TestTheDeniedActIsNamed(t *testing.T) {
	g := grantOf(t, onProject(hammer, "create_work_item", "run_job"), pushing(onProject(hammer, "push_code")))
	write, push := writing(row(onAProject, "create_work_item")), listing(row(onAProject, "push_code"))
	for _, c := range []struct {
		name     string
		row      *routes.Route
		acts     []Act
		reason   Reason
		act      int
		boundary routes.Boundary
		id       int64
	}{
		{"the own act of an allowed request", write, acts(does("run_job"), project(hammer)), ReasonGranted, 1, onAProject, hammer},
		{"an own act", write, acts(project(hammer), project(site)), ReasonOutOfBounds, 1, onAProject, site},
		{"a target", write, acts(project(hammer), target(project(hammer), "run_job"), target(project(site), "run_job")),
			ReasonTargetDenied, 2, onAProject, site},
		{"a quick action that may act elsewhere", write, acts(project(hammer), does("run_job"), anywhere("run_job"), does("push_code")),
			ReasonQuickAction, 2, routes.BoundaryNone, 0},
		{"a quick action, by the container that it fails on", write, acts(project(hammer), does("run_job"), does("read_job")),
			ReasonQuickAction, 2, onAProject, hammer},
		{"a ref", push, acts(project(hammer), ref("refs/heads/bot/a"), ref("refs/heads/main"), ref("refs/heads/next")),
			ReasonRef, 2, routes.BoundaryNone, hammer},
		{"what has no kind", write, acts(Act{}, project(hammer)), ReasonNone, 0, routes.BoundaryNone, 0},
		{"nothing, where the row decides", writing(row(onAProject, "read_runner")), acts(project(hammer)), ReasonPermissionMissing, -1, onAProject, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Decide(g, &Question{Route: c.row, Acts: c.acts})
			if d.Reason != c.reason || d.Act != c.act || d.Boundary != c.boundary || d.Container != c.id {
				t.Errorf("decided %+v", d)
			}
		})
	}
}

func TestKindsOfActsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for k := ActNone; k <= ActRef; k++ {
		if name := k.String(); name == "" || name == "act" || seen[name] {
			t.Errorf("kind %d has the name %q, which is empty or taken", k, name)
		}
		seen[k.String()] = true
	}
	if ActKind(200).String() != "act" {
		t.Errorf("a number beyond the set is called %q", ActKind(200))
	}
}
