package routes_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

// namedTable is a table for a forge that names projects owner/name.
func namedTable(t testing.TB) *routes.Table {
	t.Helper()
	table, problems := load.Table(load.Options{Table: []routes.File{
		{Name: "table.yaml", Data: []byte("forge: gitea\nversion: 1\nbase: /api/v1\nprojects: owner/name\n")},
		{Name: "permissions.yaml", Data: []byte("categories: {Test: {thing: {actions: {read: {boundaries: [project, group, user, instance]}, create: {boundaries: [project]}}}}}\n")},
		{Name: "rows.yaml", Data: []byte(`category: Test
captures: {index: int, ref: text, other: project}
resources:
  thing:
    read:
      - GET /repos/issues/search boundary=instance
      - GET /repos/{project}
      - GET /repos/{project}/issues
      - GET /repos/{project}/issues/{index}
      - GET /repos/{project}/raw/{*ref}
      - GET /repositories/{project_id}
      - GET /orgs/{group}/repos
      - GET /packages/{namespace}
      - GET /users/{user}/heatmap boundary=user
      - GET /api/packages/{namespace}/generic/{ref}
      - route: PUT /repos/{project}/links/{other}
        targets: [{capture: other, needs: read_thing}]
    create:
      - route: POST /repos/{project}/pulls
        targets: [{param: head, ref: namespace, needs: read_thing, before: ":"}]
`)},
	}})
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	return table
}

// TestNamedProjects reads paths in which a project is two segments and a name of digits is a name.
func TestNamedProjects(t *testing.T) {
	table := namedTable(t)
	for _, c := range []struct{ target, row, value, now, sent string }{
		{"/api/v1/repos/acme/app/issues", "/repos/{project}/issues", "acme/app", "acme/app", "/api/v1/repos/acme/app/issues"},
		{"/api/v1/repos/Acme/App/issues/7", "/repos/{project}/issues/{index}", "Acme/App", "acme/app", "/api/v1/repos/acme/app/issues/7"},
		{"/api/v1/repos/old/name", "/repos/{project}", "old/name", "new/name", "/api/v1/repos/new/name"},
		{"/api/v1/repos/1/2", "/repos/{project}", "1/2", "1/2", "/api/v1/repos/1/2"},
		{"/api/v1/repos/issues/search", "/repos/issues/search", "", "", "/api/v1/repos/issues/search"},
		{"/api/v1/repos/issues/other", "/repos/{project}", "issues/other", "issues/other", "/api/v1/repos/issues/other"},
		{"/api/v1/repos/a/b.json/issues", "/repos/{project}/issues", "a/b.json", "a/b.json", "/api/v1/repos/a/b.json/issues"},
		{"/api/v1/repos/a/-x", "/repos/{project}", "a/-x", "a/-x", "/api/v1/repos/a/-x"},
		{"/api/v1/repos/a/%62", "/repos/{project}", "a/b", "a/b", "/api/v1/repos/a/b"},
		{"/api/v1/repos/a/b/raw/x/y.md", "/repos/{project}/raw/{*ref}", "a/b", "a/b", "/api/v1/repos/a/b/raw/x/y.md"},
		{"/api/v1/orgs/42/repos", "/orgs/{group}/repos", "42", "42", "/api/v1/orgs/42/repos"},
		{"/api/v1/users/a.b/heatmap", "/users/{user}/heatmap", "a.b", "a.b", "/api/v1/users/a.b/heatmap"},
		{"/api/packages/acme/generic/x", "/api/packages/{namespace}/generic/{ref}", "acme", "acme", "/api/packages/acme/generic/x"},
	} {
		t.Run(c.target, func(t *testing.T) {
			var op routes.Operation
			if err := table.Classify(&op, "GET", []byte(c.target)); err != nil {
				t.Fatal(err)
			}
			if op.Route.Path != c.row {
				t.Fatalf("row %s", op.Route.Path)
			}
			if c.value != "" {
				first := op.Captures()[0]
				if string(first.Value) != c.value || !first.Named || first.ID != 0 {
					t.Errorf("capture %+v", first)
				}
				if !op.SetPath(0, c.now) {
					t.Errorf("%q is not taken", c.now)
				}
			}
			sent := op.AppendPath(nil)
			if string(sent) != c.sent || !table.Means(&op, sent) {
				t.Errorf("%s is sent", sent)
			}
		})
	}
}

// TestNamedProjectsRefuse refuses what could name a project in more than one way.
func TestNamedProjectsRefuse(t *testing.T) {
	table := namedTable(t)
	for _, c := range []struct {
		name, target string
		code         routes.RefusalCode
	}{
		{"an encoded slash in the owner", "/api/v1/repos/a%2Fb/c", routes.CodeReference},
		{"an encoded slash in the name", "/api/v1/repos/a/b%2Fc/issues", routes.CodeReference},
		{"an encoded slash for the slash", "/api/v1/repos/a%2Fb", routes.CodeNoRoute},
		{"one segment", "/api/v1/repos/a", routes.CodeNoRoute},
		{"an encoded dot segment", "/api/v1/repos/a/%2e%2e/issues", routes.CodeAmbiguousPath},
		{"a lone dash", "/api/v1/repos/a/-", routes.CodeReference},
		{"an owner with a dash in front", "/api/v1/repos/-a/b", routes.CodeReference},
		{"a blank", "/api/v1/repos/a/b%20c", routes.CodeReference},
		{"a name where an id belongs", "/api/v1/repositories/acme", routes.CodeReference},
		{"a literal that is encoded", "/api/v1/repos/issues/s%65arch", routes.CodeAmbiguousPath},
		{"an organization with a slash", "/api/v1/orgs/a%2Fb/repos", routes.CodeReference},
	} {
		t.Run(c.name, func(t *testing.T) {
			var op routes.Operation
			err := table.Classify(&op, "GET", []byte(c.target))
			var refusal *routes.Refusal
			if !errors.As(err, &refusal) || refusal.Code != c.code {
				t.Fatalf("%v, want %s", err, c.code)
			}
		})
	}
}

// TestNamedPathThatMeansMore: a repository whose present name is a literal of another row is not sent to that row.
func TestNamedPathThatMeansMore(t *testing.T) {
	table := namedTable(t)
	var op routes.Operation
	if err := table.Classify(&op, "GET", []byte("/api/v1/repos/Issues/search")); err != nil {
		t.Fatal(err)
	}
	if !op.SetPath(0, "issues/search") || table.Means(&op, op.AppendPath(nil)) {
		t.Errorf("%s is taken for %s", op.AppendPath(nil), op.Route.Path)
	}
	if op.SetPath(0, "issues/search/x") || op.SetPath(0, "a") || op.SetPath(0, "a/b?c") {
		t.Error("a path that is no project's is taken")
	}
}

// FuzzNamedClassify holds every target that is read to its promise: what is written is read as the same operation.
func FuzzNamedClassify(f *testing.F) {
	for _, seed := range []string{"/api/v1/repos/a/b", "/api/v1/repos/a/%62/raw/x%2Fy", "/api/v1/repos/issues/search", "/api/v1/repositories/7", "/api/v1/repos/a/b/links/c/d"} {
		f.Add("GET", seed)
		f.Add("PUT", seed)
	}
	table := namedTable(f)
	f.Fuzz(func(t *testing.T, method, target string) {
		var op, again routes.Operation
		if table.Classify(&op, method, []byte(target)) != nil {
			return
		}
		sent := op.AppendPath(nil)
		if err := table.Classify(&again, method, sent); err != nil || again.Route != op.Route || !again.Same(&op) {
			t.Fatalf("%q is written as %q, which is %v %v", target, sent, again.Route, err)
		}
	})
}

// FuzzGiteaPath holds Gitea's own table to the same promise, with names in the forge's spelling in place of the client's.
func FuzzGiteaPath(f *testing.F) {
	table, err := load.Gitea()
	if err != nil {
		f.Fatal(err)
	}
	for i, r := range table.Routes() {
		if target, ok := r.Pattern.Sample(); ok && r.Surface == "" && i%7 == 0 {
			f.Add(r.Method, target)
		}
	}
	f.Fuzz(func(t *testing.T, method, target string) {
		var op, again routes.Operation
		if table.Classify(&op, method, []byte(target)) != nil {
			return
		}
		for i, c := range op.Captures() {
			if c.Named && !op.SetPath(i, strings.ToLower(string(c.Value))) {
				t.Fatalf("%q is no name of %q", c.Value, target)
			}
		}
		sent := op.AppendPath(nil)
		if !table.Means(&op, sent) {
			return // refused: the name is a literal of another row
		}
		if err := table.Classify(&again, method, sent); err != nil || again.Route != op.Route || len(again.Captures()) != len(op.Captures()) {
			t.Fatalf("%q is written as %q, which is %v %v", target, sent, again.Route, err)
		}
		for i, c := range again.Captures() {
			if before := op.Captures()[i]; !bytes.EqualFold(c.Value, before.Value) || !c.Named && !bytes.Equal(c.Value, before.Value) {
				t.Fatalf("%q is written as %q: {%s} is %q", target, sent, c.Name, c.Value)
			}
		}
	})
}

// TestNamedDoesNotAllocate: reading a path, naming its project anew and writing it costs no allocation.
func TestNamedDoesNotAllocate(t *testing.T) {
	table, err := load.Gitea()
	if err != nil {
		t.Fatal(err)
	}
	target := []byte("/api/v1/repos/Acme/App/issues/7/comments")
	var op routes.Operation
	out := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() {
		if table.Classify(&op, "GET", target) != nil || !op.SetPath(0, "acme/app") {
			t.Fatal("not read")
		}
		if out = op.AppendPath(out[:0]); !table.Means(&op, out) {
			t.Fatal("not the same")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
