package policy

import (
	"slices"
	"testing"

	"patgate/routes"
)

// decideCase is one sentence about Decide. What is not said of the answer is not checked, except that a denial is never
// anonymous and has no scope.
type decideCase struct {
	name     string
	scopes   []ScopeSpec
	row      *routes.Route
	acts     []Act
	verdict  Verdict
	reason   Reason
	scope    int             // for ReasonGranted
	shown    routes.Boundary // for a denial, unless none
	missing  []string        // for a denial, unless nil
	ceilings Ceilings
	bearer   Bearer
}

func scopes(s ...ScopeSpec) []ScopeSpec { return s }
func acts(a ...Act) []Act               { return a }

const (
	onAProject = routes.BoundaryProject
	onAGroup   = routes.BoundaryGroup
	onAccount  = routes.BoundaryUser
	onInstance = routes.BoundaryInstance
)

func runCases(t *testing.T, cases []decideCase) {
	t.Helper()
	names := newCatalogue()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := grantOf(t, c.scopes...).Under(c.ceilings, c.bearer)
			q := &Question{Route: c.row, Acts: c.acts}
			if c.row != nil {
				q.Entries = c.row.Spanned(func(string) string { return "" })
			}
			d := Decide(g, q)
			if d.Verdict != c.verdict || d.Reason != c.reason {
				t.Fatalf("decided %v (%v), want %v (%v)", d.Verdict, d.Reason, c.verdict, c.reason)
			}
			if d.Anonymous != (d.Reason == ReasonPublic || d.Reason == ReasonOpen) {
				t.Errorf("anonymous is %v for %v", d.Anonymous, d.Reason)
			}
			if want := c.scope; d.Reason == ReasonGranted && d.Scope != want || d.Reason != ReasonGranted && d.Scope != -1 {
				t.Errorf("scope is %d, want %d", d.Scope, want)
			}
			if c.shown != routes.BoundaryNone && d.Boundary != c.shown {
				t.Errorf("boundary is %v, want %v", d.Boundary, c.shown)
			}
			if got := names.names(d.Missing); c.missing != nil && !slices.Equal(got, c.missing) {
				t.Errorf("missing are %v, want %v", got, c.missing)
			}
			if c.row == nil {
				return
			}
			if p := Plan(g, c.row); p.Verdict == Deny && d.Verdict == Allow {
				t.Errorf("the plan denies (%v) what is allowed", p.Reason)
			}
		})
	}
}

func grantedCases() []decideCase {
	readJob := row(onAProject, "read_job")
	readItem := row(onAGroup, "read_work_item")
	return []decideCase{
		{name: "a selected project is reached", scopes: scopes(onProject(hammer, "read_job")), row: readJob,
			acts: acts(project(hammer)), verdict: Allow, reason: ReasonGranted},
		{name: "a project of a selected group is reached", scopes: scopes(onGroup(tools, "read_job")), row: readJob,
			acts: acts(project(hammer)), verdict: Allow, reason: ReasonGranted},
		{name: "a project of a subgroup of a selected group is reached", scopes: scopes(onGroup(acme, "read_job")), row: readJob,
			acts: acts(project(hammer)), verdict: Allow, reason: ReasonGranted},
		{name: "a selected group is reached itself", scopes: scopes(onGroup(acme, "read_work_item")), row: readItem,
			acts: acts(group(acme)), verdict: Allow, reason: ReasonGranted},
		{name: "a subgroup of a selected group is reached", scopes: scopes(onGroup(acme, "read_work_item")), row: readItem,
			acts: acts(group(tools)), verdict: Allow, reason: ReasonGranted},
		{name: "a selected project that the owner sees without being a member is reached", scopes: scopes(onProject(lib, "read_job")),
			row: readJob, acts: acts(project(lib)), verdict: Allow, reason: ReasonGranted},
		{name: "personal_projects reaches a project of the owner's namespace", scopes: scopes(under("personal_projects", "read_job")),
			row: readJob, acts: acts(project(dotfiles)), verdict: Allow, reason: ReasonGranted},
		{name: "all_memberships reaches a project by inherited membership", scopes: scopes(under("all_memberships", "read_job")),
			row: readJob, acts: acts(project(hammer)), verdict: Allow, reason: ReasonGranted},
		{name: "all_memberships reaches a group", scopes: scopes(under("all_memberships", "read_work_item")),
			row: readItem, acts: acts(group(acme)), verdict: Allow, reason: ReasonGranted},
		{name: "user reaches the owner's account", scopes: scopes(under("user", "read_project")),
			row: row(onAccount, "read_project"), acts: acts(account()), verdict: Allow, reason: ReasonGranted},
		{name: "user reaches the owner's own user namespace", scopes: scopes(under("user", "read_project")),
			row: row(onAccount, "read_project"), verdict: Allow, reason: ReasonGranted,
			acts: acts(Act{Kind: ActOwn, Boundary: onAccount, Container: &Container{Boundary: onAccount, ID: alice, Access: OwnerMember}})},
		{name: "instance reaches the instance", scopes: scopes(under("instance", "update_setting")),
			row: row(onInstance, "update_setting"), acts: acts(theInstance()), verdict: Allow, reason: ReasonGranted},
		{name: "the scopes that reach a container unite",
			scopes: scopes(under("user", "read_project"), onProject(hammer, "read_job"), onGroup(acme, "run_job")),
			row:    row(onAProject, "read_job", "run_job"), acts: acts(project(hammer)), verdict: Allow, reason: ReasonGranted, scope: 1},
		{name: "the first scope that contributes is named",
			scopes: scopes(onGroup(acme, "run_job"), onProject(hammer, "read_work_item"), under("all_memberships", "read_job")),
			row:    readJob, acts: acts(project(hammer)), verdict: Allow, reason: ReasonGranted, scope: 2},
		{name: "every container of a lookup is reached", scopes: scopes(onGroup(acme, "read_runner")),
			row:  byLookup(row(onAProject, "read_runner"), onAProject, onAGroup, onInstance),
			acts: acts(found(project(hammer)), found(project(site))), verdict: Allow, reason: ReasonGranted},
		{name: "the request's choice among the alternatives is what is checked", scopes: scopes(under("instance", "read_runner")),
			row:  byLookup(row(onAProject, "read_runner"), onAProject, onAGroup, onInstance),
			acts: acts(theInstance()), verdict: Allow, reason: ReasonGranted},
		{name: "a row that nobody can find is reached by all_memberships", scopes: scopes(under("all_memberships", "read_job")),
			row: nowhere(row(onAProject, "read_job")), acts: acts(Act{Kind: ActOwn, Boundary: onAProject}), verdict: Allow,
			reason: ReasonGranted},
		{name: "a row that spans is reached under all_memberships",
			scopes: scopes(under("user", "read_project"), under("all_memberships", "read_project")),
			row:    spanning(row(onAccount, "read_project")), acts: acts(account()), verdict: Allow, reason: ReasonGranted},
		{name: "a granted target passes", scopes: scopes(onProject(hammer, "read_job"), onGroup(acme, "create_work_item")),
			row: writing(readJobCopy()), acts: acts(project(hammer), target(project(site), "create_work_item")),
			verdict: Allow, reason: ReasonGranted},
		{name: "refs within the patterns", scopes: scopes(pushing(onProject(hammer, "push_code"))),
			row:  listing(row(onAProject, "push_code")),
			acts: acts(project(hammer), ref("refs/heads/bot/a"), ref("refs/heads/bot/b/c")), verdict: Allow, reason: ReasonGranted},
		{name: "a push without refs", scopes: scopes(pushing(onProject(hammer, "push_code"))), row: listing(row(onAProject, "push_code")),
			acts: acts(project(hammer)), verdict: Allow, reason: ReasonGranted},
		{name: "each ref is let through by another scope", scopes: scopes(pushing(onProject(hammer, "push_code")),
			onGroup(acme, "push_code")),
			row: listing(row(onAProject, "push_code")), acts: acts(project(hammer), ref("refs/heads/bot/a"), ref("refs/heads/main")),
			verdict: Allow, reason: ReasonGranted},
		{name: "a constrained scope counts for a write that changes no ref", scopes: scopes(pushing(onProject(hammer, "push_code"))),
			row:     with(writing(row(onAProject, "push_code")), func(r *routes.Route) { r.Refs = routes.RefsNone }),
			acts:    acts(project(hammer)),
			verdict: Allow, reason: ReasonGranted},
		{name: "a constrained scope counts for a read", scopes: scopes(pushing(onProject(hammer, "read_job"))), row: readJob,
			acts: acts(project(hammer)), verdict: Allow, reason: ReasonGranted},
		{name: "an unconstrained scope beside a constrained one counts for a write",
			scopes: scopes(pushing(onProject(hammer, "push_code")), onProject(hammer, "run_job")),
			row:    writing(row(onAProject, "run_job")), acts: acts(project(hammer)), verdict: Allow, reason: ReasonGranted, scope: 1},
		{name: "a read that is newer than the token is granted", scopes: scopes(onProject(hammer, "read_job")),
			row: since(2, row(onAProject, "read_job")), acts: acts(project(hammer)), verdict: Allow, reason: ReasonGranted},
		{name: "a write as old as the token is granted", scopes: scopes(onProject(hammer, "run_job")),
			row: since(1, writing(row(onAProject, "run_job"))), acts: acts(project(hammer)), verdict: Allow, reason: ReasonGranted},
		{name: "a granted public container is asked with the owner's credential", scopes: scopes(onProject(lib, "read_job")),
			row: public(row(onAProject, "read_job")), acts: acts(project(lib)), verdict: Allow, reason: ReasonGranted},
	}
}

func readJobCopy() *routes.Route { return row(onAProject, "read_job") }

func deniedCases() []decideCase {
	readJob := row(onAProject, "read_job")
	return []decideCase{
		{name: "no scope holds the permission", scopes: scopes(onProject(hammer, "read_work_item")), row: readJob,
			acts: acts(project(hammer)), reason: ReasonPermissionMissing, shown: onAProject, missing: []string{"read_job"}},
		{name: "the zero grant holds nothing", row: readJob, acts: acts(project(hammer)), reason: ReasonPermissionMissing},
		{name: "another project than the selected one", scopes: scopes(onProject(site, "read_job")), row: readJob,
			acts: acts(project(hammer)), reason: ReasonOutOfBounds, shown: onAProject, missing: []string{"read_job"}},
		{name: "a selected project does not open its group", scopes: scopes(onProject(hammer, "read_work_item")),
			row: row(onAGroup, "read_work_item"), acts: acts(group(tools)), reason: ReasonOutOfBounds, shown: onAGroup},
		{name: "a group id does not select the project of the same number", scopes: scopes(onGroup(hammer, "read_job")), row: readJob,
			acts: acts(project(hammer)), reason: ReasonOutOfBounds},
		{name: "a project id does not select the group of the same number", scopes: scopes(onProject(acme, "read_work_item")),
			row: row(onAGroup, "read_work_item"), acts: acts(group(acme)), reason: ReasonOutOfBounds},
		{name: "a selected subgroup does not open the group above it", scopes: scopes(onGroup(tools, "read_work_item")),
			row: row(onAGroup, "read_work_item"), acts: acts(group(acme)), reason: ReasonOutOfBounds},
		{name: "personal_projects does not reach a project of a group", scopes: scopes(under("personal_projects", "read_job")),
			row: readJob, acts: acts(project(hammer)), reason: ReasonOutOfBounds},
		{name: "personal_projects does not reach another user's project", scopes: scopes(under("personal_projects", "read_job")),
			row: readJob, reason: ReasonOutOfBounds,
			acts: acts(Act{Kind: ActOwn, Boundary: onAProject, Container: &Container{Boundary: onAProject, ID: 301, PersonalOf: bob,
				Access: OwnerMember}})},
		{name: "all_memberships does not reach what the owner only sees", scopes: scopes(under("all_memberships", "read_job")),
			row: readJob, acts: acts(project(engine)), reason: ReasonOutOfBounds},
		{name: "user does not reach a project", scopes: scopes(under("user", "read_project")),
			row: row(onAProject, "read_project"), acts: acts(project(hammer)), reason: ReasonOutOfBounds},
		{name: "all_memberships does not reach the account", scopes: scopes(under("all_memberships", "read_project")),
			row: row(onAccount, "read_project"), acts: acts(account()), reason: ReasonOutOfBounds, shown: onAccount},
		{name: "instance does not reach the account", scopes: scopes(under("instance", "read_runner")),
			row: row(onAccount, "read_runner"), acts: acts(account()), reason: ReasonOutOfBounds},
		{name: "user does not reach another user's namespace", scopes: scopes(under("user", "read_project")),
			row: row(onAccount, "read_project"), reason: ReasonOutOfBounds,
			acts: acts(Act{Kind: ActOwn, Boundary: onAccount, Container: &Container{Boundary: onAccount, ID: bob, Access: OwnerMember}})},
		{name: "one of two needed permissions is not enough", scopes: scopes(onProject(hammer, "read_job"), onProject(site, "run_job")),
			row: row(onAProject, "read_job", "run_job"), acts: acts(project(hammer)), reason: ReasonOutOfBounds,
			missing: []string{"run_job"}},
		{name: "scopes of different containers do not unite", scopes: scopes(onProject(hammer, "read_job"), onProject(site, "run_job")),
			row: row(onAProject, "read_job", "run_job"), acts: acts(project(engine)), reason: ReasonOutOfBounds,
			missing: []string{"read_job", "run_job"}},
		{name: "one of several containers of a lookup is out of bounds", scopes: scopes(onProject(hammer, "read_runner")),
			row:  byLookup(row(onAProject, "read_runner"), onAProject, onAGroup, onInstance),
			acts: acts(found(project(hammer)), found(project(site))), reason: ReasonOutOfBounds},
		{name: "a boundary that the row does not offer", scopes: scopes(under("user", "read_project")),
			row: row(onAProject, "read_project"), acts: acts(account()), reason: ReasonOutOfBounds, shown: onAProject},
		{name: "a container that is not of the checked boundary", scopes: scopes(onGroup(acme, "read_work_item")),
			row: row(onAProject, "read_work_item"), acts: acts(by(onAProject, acme)), reason: ReasonOutOfBounds},
		{name: "a container with an unknown owner's access", scopes: scopes(onProject(hammer, "read_job")), row: readJob,
			acts:   acts(Act{Kind: ActOwn, Boundary: onAProject, Container: &Container{Boundary: onAProject, ID: hammer}}),
			reason: ReasonOutOfBounds},
		{name: "a further need of the act is held by no scope", scopes: scopes(onProject(hammer, "read_job")), row: readJob,
			acts: acts(needing(project(hammer), "run_job")), reason: ReasonPermissionMissing, missing: []string{"run_job"}},
		{name: "a further need of the act is held elsewhere", scopes: scopes(onProject(hammer, "read_job"), onProject(site, "run_job")),
			row: readJob, acts: acts(needing(project(hammer), "run_job")), reason: ReasonOutOfBounds, missing: []string{"run_job"}},
	}
}

func needing(a Act, needs ...string) Act {
	set := newCatalogue().set(needs...)
	a.Needs = &set
	return a
}

func hiddenCases() []decideCase {
	readJob := row(onAProject, "read_job")
	workItems := with(row(onAProject, "read_work_item"), func(r *routes.Route) {
		r.Boundaries = []routes.Boundary{onAProject, onAGroup}
		r.Find.Ref = routes.RefNamespace
	})
	runners := byLookup(row(onAProject, "read_runner"), onAProject, onAGroup, onInstance)
	return []decideCase{
		{name: "an absent project answers as one out of bounds", scopes: scopes(onProject(site, "read_job")), row: readJob,
			acts: acts(project(absent)), reason: ReasonOutOfBounds, shown: onAProject, missing: []string{"read_job"}},
		{name: "an absent project may lie in a selected group, and answers as one out of bounds", scopes: scopes(onGroup(acme, "read_job")),
			row: readJob, acts: acts(project(absent)), reason: ReasonOutOfBounds, shown: onAProject},
		{name: "an absent project with a nil container answers as one out of bounds", scopes: scopes(onGroup(acme, "read_job")),
			row: readJob, acts: acts(Act{Kind: ActOwn, Boundary: onAProject}), reason: ReasonOutOfBounds, shown: onAProject},
		{name: "an absent project that is selected by its id is hidden", scopes: scopes(onProject(absent, "read_job")), row: readJob,
			acts: acts(byID(absent, project(absent))), reason: ReasonHidden, missing: []string{}},
		{name: "an absent project by its path is not known to be the selected one", scopes: scopes(onProject(absent, "read_job")),
			row: readJob, acts: acts(project(absent)), reason: ReasonOutOfBounds},
		{name: "an absent selected project without the permission is not hidden",
			scopes: scopes(onProject(absent, "read_work_item"), onProject(site, "read_job")), row: readJob,
			acts: acts(byID(absent, project(absent))), reason: ReasonOutOfBounds},
		{name: "an absent group that is selected by its id is hidden", scopes: scopes(onGroup(absent, "read_work_item")),
			row: row(onAGroup, "read_work_item"), acts: acts(byID(absent, group(absent))), reason: ReasonHidden},
		{name: "an absent namespace that is a selected group by its id is hidden", scopes: scopes(onGroup(absent, "read_work_item")),
			row: workItems, acts: acts(asNamespace(byID(absent, group(absent)))), reason: ReasonHidden},
		{name: "an absent group is not hidden because the project of that number is selected",
			scopes: scopes(onProject(absent, "read_work_item"), onGroup(acme, "read_work_item")),
			row:    row(onAGroup, "read_work_item"), acts: acts(byID(absent, group(absent))), reason: ReasonOutOfBounds},
		{name: "anything absent is hidden under all_memberships", scopes: scopes(under("all_memberships", "read_job")), row: readJob,
			acts: acts(project(absent)), reason: ReasonHidden},
		{name: "an absent target is hidden under all_memberships",
			scopes: scopes(under("all_memberships", "read_job", "create_work_item")), row: readJob,
			acts: acts(project(hammer), target(project(absent), "create_work_item")), reason: ReasonHidden},
		{name: "an absent target namespace, which may be a group or not, is hidden under all_memberships",
			scopes: scopes(under("all_memberships", "read_job", "create_work_item")), row: readJob, reason: ReasonHidden,
			acts: acts(project(hammer), asNamespace(target(by(routes.BoundaryNone, absent), "create_work_item")))},
		{name: "a namespace out of bounds does not tell that it is a group", scopes: scopes(onProject(site, "read_work_item")),
			row:  workItems,
			acts: acts(asNamespace(group(globex))), reason: ReasonOutOfBounds, shown: onAProject},
		{name: "a namespace that a scope reaches is told as what it is",
			scopes: scopes(onGroup(acme, "read_job"), onProject(site, "read_work_item")), row: workItems,
			acts: acts(asNamespace(group(acme))), reason: ReasonOutOfBounds, shown: onAGroup},
		{name: "a global id out of bounds does not tell what it belongs to", scopes: scopes(onProject(site, "read_runner")), row: runners,
			acts: acts(theInstance()), reason: ReasonOutOfBounds, shown: onAProject},
		{name: "a global id that was not found is not the account's", scopes: scopes(under("user", "read_project")),
			row: byLookup(row(onAccount, "read_project"), onAccount), acts: acts(Act{Kind: ActOwn}), reason: ReasonOutOfBounds,
			shown: onAccount},
		{name: "a global id that was not found is hidden under all_memberships", scopes: scopes(under("all_memberships", "read_runner")),
			row: runners, acts: acts(Act{Kind: ActOwn}), reason: ReasonHidden},
		{name: "a target namespace out of bounds does not tell that it is a project",
			scopes: scopes(onProject(hammer, "read_job"), onProject(site, "create_work_item")), row: readJob,
			acts: acts(project(hammer), asNamespace(target(project(engine), "create_work_item"))), reason: ReasonTargetDenied,
			shown: onAGroup},
	}
}

func publicCases() []decideCase {
	readJob := public(row(onAProject, "read_job"))
	return []decideCase{
		{name: "a public project is read without a permission", scopes: scopes(onProject(hammer, "run_job")), row: readJob,
			acts: acts(project(lib)), verdict: Allow, reason: ReasonPublic},
		{name: "a public project is read out of bounds", scopes: scopes(onProject(hammer, "read_job")), row: readJob,
			acts: acts(project(lib)), verdict: Allow, reason: ReasonPublic},
		{name: "a public group is read without a permission", scopes: scopes(onProject(hammer, "run_job")),
			row: public(row(onAGroup, "read_work_item")), acts: acts(group(oss)), verdict: Allow, reason: ReasonPublic},
		{name: "a public row of all its containers", scopes: scopes(onProject(hammer, "run_job")),
			row:  public(byLookup(row(onAProject, "read_runner"), onAProject)),
			acts: acts(found(project(lib)), found(project(lib))), verdict: Allow, reason: ReasonPublic},
		{name: "one container of a public row is not public", scopes: scopes(onProject(hammer, "run_job")),
			row:  public(byLookup(row(onAProject, "read_runner"), onAProject)),
			acts: acts(found(project(lib)), found(project(site))), reason: ReasonPermissionMissing},
		{name: "an internal project is not public", scopes: scopes(onProject(hammer, "read_job")), row: readJob,
			acts: acts(project(engine)), reason: ReasonOutOfBounds},
		{name: "an absent project is not public", scopes: scopes(onProject(hammer, "read_job")), row: readJob,
			acts: acts(project(absent)), reason: ReasonOutOfBounds},
		{name: "a row that is not marked public", scopes: scopes(onProject(hammer, "read_job")), row: row(onAProject, "read_job"),
			acts: acts(project(lib)), reason: ReasonOutOfBounds},
		{name: "the account is not public", scopes: scopes(onProject(hammer, "read_job")), row: public(row(onAccount, "read_project")),
			acts: acts(account()), reason: ReasonPermissionMissing},
		{name: "a public row with a target that is granted", scopes: scopes(onProject(hammer, "run_job")), row: readJob,
			acts: acts(project(lib), target(project(hammer), "run_job")), verdict: Allow, reason: ReasonPublic},
		{name: "a public row with a target that fails", scopes: scopes(onProject(hammer, "run_job")), row: readJob,
			acts: acts(project(lib), target(project(site), "run_job")), reason: ReasonTargetDenied},
		{name: "a public container that the row spans from is answered as to anyone", scopes: scopes(onProject(lib, "read_job")),
			row: spanning(public(row(onAProject, "read_job"))), acts: acts(project(lib)), verdict: Allow, reason: ReasonPublic},
	}
}

// entriesOf gives a row entries, projects or groups.
func entriesOf(b routes.Boundary, r *routes.Route) *routes.Route {
	return with(r, func(r *routes.Route) {
		r.Entries = []*routes.Entries{{Of: []routes.EntryName{{Ref: routes.RefProject, ID: "id", Row: row(b)}}}}
	})
}

// minting gives a row that hands out a credential and may be granted by the permission's name alone.
func minting(r *routes.Route) *routes.Route {
	return with(r, func(r *routes.Route) { r.Mints, r.Escapes = "a credential", "whatever that may do" })
}

func entryCases() []decideCase {
	lists := func() *routes.Route { return entriesOf(onAProject, spanning(row(onAccount, "read_project"))) }
	closes := func() *routes.Route { return entriesOf(onAProject, spanning(row(onAProject, "read_job"))) }
	user := func(self bool) Act {
		return Act{Kind: ActOwn, Boundary: onAccount, Self: self, Reference: routes.Reference{Kind: routes.RefUser, ID: 5}}
	}
	return []decideCase{
		{name: "a list is filtered for a token of one project", scopes: scopes(onProject(hammer, "read_project")), row: lists(),
			acts: acts(account()), verdict: Allow, reason: ReasonFiltered},
		{name: "a list is filtered under all_memberships alone", scopes: scopes(under("all_memberships", "read_project")), row: lists(),
			acts: acts(account()), verdict: Allow, reason: ReasonFiltered},
		{name: "a list is whole under all_memberships and user",
			scopes: scopes(under("user", "read_project"), under("all_memberships", "read_project")), row: lists(), acts: acts(account()),
			verdict: Allow, reason: ReasonGranted},
		{name: "a list that is newer than the token", scopes: scopes(onProject(hammer, "read_project")), row: since(2, lists()),
			acts: acts(account()), verdict: Allow, reason: ReasonFiltered},
		{name: "a list that hands out credentials and is newer than the token", scopes: scopes(onProject(hammer, "read_project")),
			row: since(2, minting(lists())), acts: acts(account()), reason: ReasonNewerThanToken},
		{name: "a list that hands out credentials", scopes: scopes(onProject(hammer, "read_project")), row: minting(lists()),
			acts: acts(account()), verdict: Allow, reason: ReasonFiltered},
		{name: "a list is denied to a token without its permission", scopes: scopes(onProject(hammer, "read_job")), row: lists(),
			acts: acts(account()), reason: ReasonPermissionMissing, missing: []string{"read_project"}},
		{name: "a list is denied to a token with its permission on the account alone", scopes: scopes(under("user", "read_project")),
			row: lists(), acts: acts(account()), reason: ReasonSpans, missing: []string{"read_project"}},
		{name: "a list of projects may not be of groups", scopes: scopes(onProject(hammer, "read_project")),
			row: entriesOf(onAGroup, spanning(row(onAccount, "read_project"))), acts: acts(account()), reason: ReasonSpans},
		{name: "what hangs on a project that is reached", scopes: scopes(onProject(hammer, "read_job")), row: closes(),
			acts: acts(project(hammer)), verdict: Allow, reason: ReasonFiltered},
		{name: "what hangs on a project that is not", scopes: scopes(onProject(hammer, "read_job")), row: closes(),
			acts: acts(project(site)), reason: ReasonOutOfBounds},
		{name: "what hangs on a project without the permission", scopes: scopes(onProject(hammer, "read_project")), row: closes(),
			acts: acts(project(hammer)), reason: ReasonPermissionMissing},
		{name: "the projects of the owner", scopes: scopes(onProject(hammer, "read_project")), row: lists(), acts: acts(user(true)),
			verdict: Allow, reason: ReasonFiltered},
		{name: "the projects of somebody else, who may not exist", scopes: scopes(onProject(hammer, "read_project")), row: lists(),
			acts: acts(user(false)), reason: ReasonSpans},
		{name: "a list that nobody asks for", scopes: scopes(onProject(hammer, "read_project")), row: lists(), reason: ReasonSpans},
	}
}

func specialCases() []decideCase {
	kind := func(k routes.Kind) *routes.Route { return &routes.Route{Kind: k, Method: "GET"} }
	move := with(writing(row(onAProject, "read_job")), func(r *routes.Route) {
		r.Targets = []routes.Target{{Param: "to_project_id", NeedSet: newCatalogue().set("create_work_item"), Required: true}}
	})
	return []decideCase{
		{name: "a question without a route", reason: ReasonNone},
		{name: "a question of no kind", row: kind(routes.KindNone), acts: acts(project(hammer)), reason: ReasonNone},
		{name: "a question without an act", scopes: scopes(onProject(hammer, "read_job")), row: row(onAProject, "read_job"),
			reason: ReasonNone},
		{name: "a question without an act of the row's own", scopes: scopes(onProject(hammer, "read_job")),
			row:  row(onAProject, "read_job"),
			acts: acts(target(project(hammer), "read_job")), reason: ReasonNone},
		{name: "an act of no kind", scopes: scopes(onProject(hammer, "read_job")), row: row(onAProject, "read_job"),
			acts: acts(project(hammer), Act{Boundary: onAProject}), reason: ReasonNone},
		{name: "an act of a kind that is not known", scopes: scopes(onProject(hammer, "read_job")), row: row(onAProject, "read_job"),
			acts: acts(project(hammer), Act{Kind: ActRef + 1, Boundary: onAProject}), reason: ReasonNone},
		{name: "an act of no kind on a row that is public", scopes: scopes(onProject(hammer, "read_job")),
			row: public(row(onAProject, "read_job")), acts: acts(project(lib), Act{}), reason: ReasonNone},
		{name: "a row that needs nothing", scopes: scopes(onProject(hammer, "read_job")), row: row(onAProject),
			acts: acts(project(hammer)), reason: ReasonNone},
		{name: "an open row answers anyone", row: kind(routes.KindOpen), verdict: Allow, reason: ReasonOpen},
		{name: "a row for another credential", row: kind(routes.KindOtherCredential), reason: ReasonOtherCredential},
		{name: "a row that the table refuses", scopes: scopes(onProject(hammer, "read_job")), acts: acts(project(hammer)),
			row: with(row(onAProject, "read_job"), func(r *routes.Route) { r.Refused = "not safe" }), reason: ReasonRefused},
		{name: "an open row that the table refuses", row: with(kind(routes.KindOpen), func(r *routes.Route) { r.Refused = "not safe" }),
			reason: ReasonRefused},
		{name: "a row that mints", scopes: scopes(onProject(hammer, "read_job")), acts: acts(project(hammer)),
			row: with(row(onAProject, "read_job"), func(r *routes.Route) { r.Mints = "deploy token" }), reason: ReasonMints},
		{name: "a write that is newer than the token", scopes: scopes(onProject(hammer, "run_job")), acts: acts(project(hammer)),
			row: since(2, writing(row(onAProject, "run_job"))), reason: ReasonNewerThanToken},
		{name: "a write that is newer than the token and was never granted", scopes: scopes(onProject(hammer, "read_job")),
			acts: acts(project(hammer)), row: since(2, writing(row(onAProject, "run_job"))), reason: ReasonPermissionMissing},
		{name: "a row that spans, under a selected group", scopes: scopes(onGroup(acme, "read_work_item")), acts: acts(group(acme)),
			row: spanning(row(onAGroup, "read_work_item")), reason: ReasonSpans, missing: []string{"read_work_item"}},
		{name: "a row that spans, without its own boundary", scopes: scopes(under("all_memberships", "read_project")),
			row: spanning(row(onAccount, "read_project")), acts: acts(account()), reason: ReasonSpans, missing: []string{"read_project"}},
		{name: "a row that nobody can find, under a selected group", scopes: scopes(onGroup(acme, "read_job")),
			row: nowhere(row(onAProject, "read_job")), acts: acts(Act{Kind: ActOwn, Boundary: onAProject}), reason: ReasonNotFindable,
			missing: []string{"read_job"}},
		{name: "a row that nobody can find, with a container all the same", scopes: scopes(onGroup(acme, "read_job")),
			row: nowhere(row(onAProject, "read_job")), acts: acts(project(hammer)), reason: ReasonNotFindable},
		{name: "a target out of bounds", scopes: scopes(onProject(hammer, "read_job", "create_work_item")), row: move,
			acts: acts(project(hammer), target(project(site), "create_work_item")), reason: ReasonTargetDenied, shown: onAProject,
			missing: []string{"create_work_item"}},
		{name: "a required target that nobody checked", scopes: scopes(onProject(hammer, "read_job", "create_work_item")), row: move,
			acts: acts(project(hammer)), reason: ReasonTargetDenied, missing: []string{"create_work_item"}},
		{name: "a required target that was checked for something else", scopes: scopes(onProject(hammer, "read_job", "create_work_item")),
			row:  move,
			acts: acts(project(hammer), target(project(hammer), "read_job")), reason: ReasonTargetDenied},
		{name: "a target that needs nothing", scopes: scopes(onProject(hammer, "read_job")), row: readJobCopy(),
			acts: acts(project(hammer), target(project(hammer))), reason: ReasonTargetDenied},
		{name: "a target without a container, although the account would do", scopes: scopes(onProject(hammer, "read_job"),
			under("user", "create_project")),
			row: readJobCopy(), acts: acts(project(hammer), target(account(), "create_project")), reason: ReasonTargetDenied},
		{name: "the row's own denial comes before that of a target", scopes: scopes(onProject(site, "read_job")), row: move,
			acts: acts(target(project(engine), "create_work_item"), project(hammer)), reason: ReasonOutOfBounds},
		{name: "a write that only a constrained scope would allow", scopes: scopes(pushing(onProject(hammer, "push_code"))),
			row: writing(row(onAProject, "push_code")), acts: acts(project(hammer)), reason: ReasonConstrained},
		{name: "a write that not even the constrained scope would allow", scopes: scopes(pushing(onProject(hammer, "push_code"))),
			row: writing(row(onAProject, "push_code")), acts: acts(project(site)), reason: ReasonOutOfBounds},
		{name: "a ref outside of the patterns", scopes: scopes(pushing(onProject(hammer, "push_code"))),
			row:  listing(row(onAProject, "push_code")),
			acts: acts(project(hammer), ref("refs/heads/bot/a"), ref("refs/heads/main")), reason: ReasonRef},
		{name: "a ref that only a scope of another project lets through",
			scopes: scopes(pushing(onProject(hammer, "push_code")), onProject(site, "push_code")),
			row:    listing(row(onAProject, "push_code")),
			acts:   acts(project(hammer), ref("refs/heads/main")), reason: ReasonRef},
		{name: "a ref of a project that no scope reaches", scopes: scopes(pushing(onProject(hammer, "push_code"))),
			row: listing(row(onAProject, "push_code")), acts: acts(project(site), ref("refs/heads/bot/a")), reason: ReasonOutOfBounds},
		{name: "a ref that stands before what it needs", scopes: scopes(pushing(onProject(hammer, "push_code"))),
			row: listing(row(onAProject, "push_code")), acts: acts(ref("refs/heads/main"), project(hammer)), reason: ReasonRef},
		{name: "a change of no ref", scopes: scopes(pushing(onProject(hammer, "push_code"))),
			row: listing(row(onAProject, "push_code")), acts: acts(project(hammer), Act{Kind: ActRef}), reason: ReasonNone},
		{name: "a write that spans, under constrained all_memberships", scopes: scopes(pushing(under("all_memberships", "push_code")),
			onProject(hammer, "push_code")),
			row: spanning(writing(row(onAProject, "push_code"))), acts: acts(project(hammer)), reason: ReasonConstrained},
		{name: "a target that only a constrained scope would allow",
			scopes: scopes(onProject(hammer, "read_job"), pushing(onProject(site, "create_work_item"))), row: move,
			acts: acts(project(hammer), target(project(site), "create_work_item")), reason: ReasonConstrained},
	}
}

func TestDecideGrants(t *testing.T)      { runCases(t, grantedCases()) }
func TestDecideDenies(t *testing.T)      { runCases(t, deniedCases()) }
func TestDecideHides(t *testing.T)       { runCases(t, hiddenCases()) }
func TestDecidePublicReads(t *testing.T) { runCases(t, publicCases()) }
func TestDecideLists(t *testing.T)       { runCases(t, entryCases()) }
func TestDecideSpecialRows(t *testing.T) { runCases(t, specialCases()) }

// TestEveryReasonHasACase fails for a reason that no sentence above expects, and for one without a name.
func TestEveryReasonHasACase(t *testing.T) {
	expected := map[Reason]int{}
	for _, c := range slices.Concat(grantedCases(), deniedCases(), hiddenCases(), publicCases(), specialCases(), entryCases(),
		quickActionCases(), ceilingCases()) {
		expected[c.reason]++
	}
	if got, want := len(Reasons()), int(ReasonCeiling)+1; got != want {
		t.Fatalf("%d reasons have a name, there are %d", got, want)
	}
	names := map[string]bool{}
	for _, r := range Reasons() {
		if expected[r] == 0 {
			t.Errorf("no case decides %v", r)
		}
		if r.String() == "" || names[r.String()] {
			t.Errorf("reason %d has the name %q, which is empty or taken", r, r)
		}
		names[r.String()] = true
	}
	if Reason(200).String() != "reason" {
		t.Errorf("a number beyond the set is called %q", Reason(200))
	}
}
