package policy

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"patgate/routes"
)

func TestCompileGivesWhatTheSpecsSay(t *testing.T) {
	names := newCatalogue()
	g, err := Compile(alice, 3, []ScopeSpec{
		{Access: "selected_memberships", Permissions: []string{"run_job", "read_job"}, ProjectIDs: []int64{9, 2, 9, 5}, GroupIDs: []int64{4, 4}},
		{Access: "user", Permissions: []string{"read_project"}},
	}, names)
	if err != nil {
		t.Fatal(err)
	}
	if g.Owner != alice || g.TableVersion != 3 || len(g.Scopes) != 2 {
		t.Fatalf("compiled to %+v", g)
	}
	first := g.Scopes[0]
	if first.Access != AccessSelectedMemberships || !slices.Equal(first.Projects, []int64{2, 5, 9}) || !slices.Equal(first.Groups, []int64{4}) {
		t.Errorf("ids are not sorted and unique: %+v", first)
	}
	if got := names.names(first.Permissions); !slices.Equal(got, []string{"read_job", "run_job"}) {
		t.Errorf("permissions are %v", got)
	}
	if g.Scopes[1].Access != AccessUser || len(g.Scopes[1].Projects) != 0 {
		t.Errorf("the second scope is %+v", g.Scopes[1])
	}
}

func TestCompileAccepts(t *testing.T) {
	cases := []struct {
		name  string
		specs []ScopeSpec
	}{
		{"one project", scopes(onProject(hammer, "read_job"))},
		{"one group", scopes(onGroup(acme, "update_group"))},
		{"a deprecated permission", scopes(onProject(hammer, "read_old"))},
		{"a permission of several boundaries under each access that has one of them",
			scopes(onProject(hammer, "read_runner"), under("all_memberships", "read_runner"), under("personal_projects", "read_runner"), under("instance", "read_runner"))},
		{"different permissions on different projects", scopes(onProject(hammer, "read_job"), onProject(site, "run_job"))},
		{"a project and the group of the same number", scopes(onProject(hammer, "read_job"), onGroup(hammer, "read_job"))},
		{"a project with a constraint and without", scopes(onProject(hammer, "read_job"), pushing(onProject(hammer, "push_code")))},
		{"all_memberships with a constraint and without", scopes(under("all_memberships", "read_job"), pushing(under("all_memberships", "push_code")))},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Compile(alice, 1, c.specs, newCatalogue()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCompileRefuses(t *testing.T) {
	withPatterns := func(s ScopeSpec, patterns ...string) ScopeSpec {
		s.Constraints.RefPatterns = patterns
		return s
	}
	cases := []struct {
		name  string
		specs []ScopeSpec
		want  string
	}{
		{"no scope", nil, "a token needs at least one scope"},
		{"an unknown access", scopes(under("everything", "read_job")), `scopes[0].access: unknown access "everything"`},
		{"the access none", scopes(under("none", "read_job")), `scopes[0].access: unknown access "none"`},
		{"no permission", scopes(under("user")), "scopes[0].permissions: a scope needs at least one permission"},
		{"an unknown permission", scopes(onProject(1, "read_jop")), `scopes[0].permissions: unknown permission "read_jop", nearest: read_job`},
		{"an unknown permission that is like no other", scopes(onProject(1, "xx")), `scopes[0].permissions: unknown permission "xx"`},
		{"a permission twice", scopes(onProject(1, "read_job", "read_job")), `scopes[0].permissions: "read_job" is listed twice`},
		{"an instance permission on selected containers", scopes(onProject(1, "update_setting")),
			`scopes[0].permissions: "update_setting" cannot be granted under selected_memberships: its boundary is instance`},
		{"a group permission on personal projects", scopes(under("personal_projects", "update_group")),
			`scopes[0].permissions: "update_group" cannot be granted under personal_projects: its boundary is group`},
		{"a project permission on the account", scopes(under("user", "read_job")),
			`scopes[0].permissions: "read_job" cannot be granted under user: its boundary is project`},
		{"a user permission on the instance", scopes(under("instance", "create_project")),
			`scopes[0].permissions: "create_project" cannot be granted under instance: its boundary is user`},
		{"a user permission on all memberships", scopes(under("all_memberships", "create_project")),
			`scopes[0].permissions: "create_project" cannot be granted under all_memberships: its boundary is user`},
		{"a permission of several boundaries where it has none", scopes(under("user", "read_runner")),
			`scopes[0].permissions: "read_runner" cannot be granted under user: its boundary is project or group or instance`},
		{"a permission without a boundary", scopes(under("user", "read_nothing")),
			`scopes[0].permissions: "read_nothing" cannot be granted under user: it cannot be granted at all`},
		{"selected without a container", scopes(under("selected_memberships", "read_job")),
			"scopes[0]: selected_memberships needs project_ids or group_ids"},
		{"containers for another access", scopes(ScopeSpec{Access: "all_memberships", Permissions: []string{"read_job"}, GroupIDs: []int64{4}}),
			"scopes[0]: all_memberships takes no project_ids or group_ids: they are for selected_memberships"},
		{"an id of zero", scopes(onProject(0, "read_job")), "scopes[0].project_ids: 0 is not an id: ids are positive"},
		{"a negative id", scopes(onGroup(-4, "read_job")), "scopes[0].group_ids: -4 is not an id: ids are positive"},
		{"one project in two scopes", scopes(onProject(5, "read_job"), onGroup(4, "read_job"), onProject(5, "run_job")),
			"scopes[2].project_ids: project 5 is in scopes[0] already: put its permissions into one scope"},
		{"one group in two scopes", scopes(onGroup(5, "read_job"), onGroup(5, "run_job")),
			"scopes[1].group_ids: group 5 is in scopes[0] already: put its permissions into one scope"},
		{"one project in two scopes with the same constraint", scopes(pushing(onProject(5, "read_job")), pushing(onProject(5, "run_job"))),
			"scopes[1].project_ids: project 5 is in scopes[0] already: put its permissions into one scope"},
		{"one access twice", scopes(under("user", "read_project"), under("user", "create_project")),
			"scopes[1].access: user is in scopes[0] already: put the permissions into one scope"},
		{"ref patterns where there are no refs", scopes(withPatterns(under("user", "read_project"), "refs/heads/*")),
			"scopes[0].constraints.ref_patterns: user reaches no repository: remove the patterns"},
	}
	for _, pattern := range []string{"", "main", "heads/main", "refs/", "refs/heads//x", "refs/heads/", "refs/heads/a b", "refs/heads/a\nb",
		"refs/heads/a..b", "refs/heads/.x", "refs/heads/x.lock", "refs/heads/x.", "refs/heads/a@{b", "refs/heads/a?", "refs/heads/[ab]",
		`refs/heads/a\b`, "refs/heads/a~1", "refs/heads/a^", "refs/heads/a:b", "refs/heads/\xff", " refs/heads/a"} {
		cases = append(cases, struct {
			name  string
			specs []ScopeSpec
			want  string
		}{"the ref pattern " + strings.ToValidUTF8(pattern, "?"), scopes(withPatterns(onProject(5, "push_code"), pattern)), "is not a pattern of full ref names"})
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g, err := Compile(alice, 1, c.specs, newCatalogue())
			if g != nil {
				t.Error("a grant came with the error")
			}
			var problems *SpecError
			if !errors.As(err, &problems) {
				t.Fatalf("error is %v", err)
			}
			if len(problems.Problems) != 1 || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %q, want one problem with %q", err, c.want)
			}
		})
	}
	t.Run("an owner that is nobody", func(t *testing.T) {
		if _, err := Compile(0, 1, scopes(onProject(1, "read_job")), newCatalogue()); err == nil || !strings.Contains(err.Error(), "user id") {
			t.Errorf("error is %v", err)
		}
	})
}

func TestCompileReportsAllProblemsAtOnce(t *testing.T) {
	_, err := Compile(-1, 1, scopes(under("nothing"), onProject(-1, "read_jop", "update_setting"), under("user", "read_project", "read_job")), newCatalogue())
	var problems *SpecError
	if !errors.As(err, &problems) {
		t.Fatal(err)
	}
	var places []string
	for _, p := range problems.Problems {
		places = append(places, strings.SplitN(p.String(), ":", 2)[0])
	}
	want := []string{"the owner's user id must be positive, not -1", "scopes[0].access", "scopes[0].permissions", "scopes[1].permissions",
		"scopes[1].permissions", "scopes[1].project_ids", "scopes[2].permissions"}
	if !slices.Equal(places, want) {
		t.Errorf("problems are at %q,\nwant %q", places, want)
	}
	if got := strings.Count(err.Error(), "; "); got != len(want)-1 {
		t.Errorf("%d separators in %q", got, err)
	}
}

// TestScopeSpecIsGitLabsShape holds the field names that clients of GitLab send.
func TestScopeSpecIsGitLabsShape(t *testing.T) {
	const text = `{"access":"selected_memberships","permissions":["read_job","run_job"],"project_ids":[6],"group_ids":[9]}`
	var spec ScopeSpec
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		t.Fatal(err)
	}
	want := ScopeSpec{Access: "selected_memberships", Permissions: []string{"read_job", "run_job"}, ProjectIDs: []int64{6}, GroupIDs: []int64{9}}
	if !reflect.DeepEqual(spec, want) {
		t.Errorf("read %+v", spec)
	}
	again, err := json.Marshal(spec)
	if err != nil || string(again) != text {
		t.Errorf("wrote %s (%v)", again, err)
	}
	again, err = json.Marshal(pushing(under("all_memberships", "push_code")))
	if err != nil || string(again) != `{"access":"all_memberships","permissions":["push_code"],"constraints":{"ref_patterns":["refs/heads/bot/*"]}}` {
		t.Errorf("wrote %s (%v)", again, err)
	}
}

func TestParseAccess(t *testing.T) {
	for a := AccessPersonalProjects; a <= AccessInstance; a++ {
		t.Run(a.String(), func(t *testing.T) {
			got, err := ParseAccess(a.String())
			if err != nil || got != a {
				t.Errorf("read as %v (%v)", got, err)
			}
		})
	}
	for _, text := range []string{"", "none", "User", "user ", "access(6)", "membership"} {
		t.Run("not "+text, func(t *testing.T) {
			if got, err := ParseAccess(text); err == nil || got != AccessNone {
				t.Errorf("read as %v", got)
			}
		})
	}
	if got := Access(9).String(); got != "access(9)" {
		t.Errorf("a number beyond the set is called %q", got)
	}
	if AccessNone.reaches(routes.BoundaryProject) || Access(9).reaches(routes.BoundaryInstance) {
		t.Error("no access reaches something")
	}
}

func TestZeroValuesDeny(t *testing.T) {
	if v := (Decision{}).Verdict; v != Deny || v.String() != "deny" || Allow.String() != "allow" {
		t.Errorf("the zero decision is %v", v)
	}
	q := &Question{Route: row(onAProject, "read_job"), Acts: acts(project(hammer))}
	for name, g := range map[string]*Grant{"nil": nil, "zero": {}, "not compiled": {Owner: alice, Scopes: []Scope{
		{Access: AccessAllMemberships, Permissions: newCatalogue().set("read_job")}}}} {
		t.Run("a grant that is "+name, func(t *testing.T) {
			if d := Decide(g, q); d.Verdict != Deny || d.Reason != ReasonPermissionMissing {
				t.Errorf("decided %+v", d)
			}
			if d := Plan(g, q.Route); d.Verdict != Deny || d.Reason != ReasonPermissionMissing {
				t.Errorf("planned %+v", d)
			}
		})
	}
}
