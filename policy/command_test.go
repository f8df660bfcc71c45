package policy

import (
	"testing"

	"patgate/routes"
)

// does is a command that needs permissions on the request's containers; anywhere is one that may act on others too.
func does(needs ...string) Command {
	set := newCatalogue().set(needs...)
	return Command{Needs: &set}
}

func anywhere(needs ...string) Command {
	c := does(needs...)
	c.Elsewhere = true
	return c
}

func commands(c ...Command) []Command { return c }

func TestDecideCommands(t *testing.T) { runCases(t, commandCases()) }

func commandCases() []decideCase {
	note := writing(row(onAProject, "create_work_item"))
	return []decideCase{
		{name: "a command that is granted on the row's own container", row: note, checks: checks(project(hammer)),
			scopes: scopes(onProject(hammer, "create_work_item", "run_job")), commands: commands(does("run_job")),
			verdict: Allow, reason: ReasonGranted},
		{name: "a command that another scope grants there", row: note, checks: checks(project(hammer)),
			scopes: scopes(onProject(hammer, "create_work_item"), onGroup(acme, "run_job")), commands: commands(does("run_job")),
			verdict: Allow, reason: ReasonGranted},
		{name: "a command that no scope grants", row: note, checks: checks(project(hammer)),
			scopes: scopes(onProject(hammer, "create_work_item")), commands: commands(does("run_job")),
			reason: ReasonQuickAction, shown: onAProject, missing: []string{"run_job"}},
		{name: "a command that is granted on another container only", row: note, checks: checks(project(hammer)),
			scopes: scopes(onProject(hammer, "create_work_item"), onProject(site, "run_job")), commands: commands(does("run_job")),
			reason: ReasonQuickAction, shown: onAProject, missing: []string{"run_job"}},
		{name: "the second of two commands", row: note, checks: checks(project(hammer)),
			scopes:   scopes(onProject(hammer, "create_work_item", "run_job")),
			commands: commands(does("run_job"), does("run_job", "push_code")), reason: ReasonQuickAction, missing: []string{"push_code"}},
		{name: "a command that may act elsewhere, granted here only", row: note, checks: checks(project(hammer)),
			scopes: scopes(onGroup(acme, "create_work_item", "run_job")), commands: commands(anywhere("create_work_item")),
			reason: ReasonQuickAction, missing: []string{"create_work_item"}},
		{name: "a command that may act elsewhere, granted under all_memberships", row: note, checks: checks(project(hammer)),
			scopes: scopes(under("all_memberships", "create_work_item")), commands: commands(anywhere("create_work_item")),
			verdict: Allow, reason: ReasonGranted},
		{name: "a command that may act elsewhere, of which all_memberships does not reach here", row: note, checks: checks(project(lib)),
			scopes:   scopes(onProject(lib, "create_work_item"), under("all_memberships", "run_job")),
			commands: commands(anywhere("run_job")), reason: ReasonQuickAction, missing: []string{"run_job"}},
		{name: "a command that only a constrained scope grants", row: note, checks: checks(project(hammer)),
			scopes: scopes(onProject(hammer, "create_work_item"), pushing(onProject(hammer, "run_job"))), commands: commands(does("run_job")),
			reason: ReasonConstrained},
		{name: "a command that needs nothing is a mistake of the table", row: note, checks: checks(project(hammer)),
			scopes: scopes(onProject(hammer, "create_work_item")), commands: commands(does()), reason: ReasonQuickAction},
		{name: "a command with no permissions at all is a mistake of the caller", row: note, checks: checks(project(hammer)),
			scopes: scopes(onProject(hammer, "create_work_item")), commands: commands(Command{}), reason: ReasonQuickAction},
		{name: "a command on a row that is public", row: public(row(onAProject, "read_job")), checks: checks(project(lib)),
			scopes: scopes(onProject(hammer, "read_job")), commands: commands(does("read_job")), reason: ReasonQuickAction},
		{name: "a command that is granted on the row's own container and not on a further one", row: note,
			checks: checks(project(hammer), target(project(site), "create_work_item")),
			scopes: scopes(onGroup(acme, "create_work_item"), onProject(hammer, "run_job")), commands: commands(does("run_job")),
			reason: ReasonQuickAction, shown: onAProject, missing: []string{"run_job"}},
		{name: "a command that is granted on both", row: note,
			checks: checks(project(hammer), target(project(site), "create_work_item")),
			scopes: scopes(onGroup(acme, "create_work_item", "run_job")), commands: commands(does("run_job")),
			verdict: Allow, reason: ReasonGranted},
		{name: "what the request itself lacks comes first", row: note, checks: checks(project(hammer)),
			scopes: scopes(onProject(hammer, "run_job")), commands: commands(does("push_code")), reason: ReasonPermissionMissing},
		{name: "a further container that is not granted comes before the commands", row: note,
			checks: checks(project(hammer), target(project(site), "create_work_item")),
			scopes: scopes(onProject(hammer, "create_work_item")), commands: commands(does("run_job")), reason: ReasonTargetDenied},
	}
}

func TestADeniedCommandIsNamed(t *testing.T) {
	g := grantOf(t, onProject(hammer, "create_work_item", "run_job"))
	q := &Question{Route: writing(row(onAProject, "create_work_item")), Checks: checks(project(hammer)),
		Commands: commands(does("run_job"), anywhere("run_job"), does("push_code"))}
	d := Decide(g, q)
	if d.Reason != ReasonQuickAction || d.Check != 1 || d.Boundary != routes.BoundaryNone {
		t.Errorf("decided %+v, want the command with index 1", d)
	}
	q.Commands[1].Elsewhere = false
	if d = Decide(g, q); d.Reason != ReasonQuickAction || d.Check != 2 || d.Boundary != onAProject || d.Container != hammer {
		t.Errorf("decided %+v, want the command with index 2", d)
	}
}
