package routecmd

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// runRoutes runs `patgate routes ARGS` with an input and gives its output.
func runRoutes(t *testing.T, input string, args ...string) (string, error) {
	t.Helper()
	cmd := New()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	var out bytes.Buffer
	cmd.SetIn(strings.NewReader(input))
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(args)
	err := cmd.Execute()
	return out.String(), err
}

func TestRoutesExplain(t *testing.T) {
	t.Run("for people", func(t *testing.T) {
		out, err := runRoutes(t, "", "explain", "get", "/projects/group%2Fproject/jobs")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"request      GET /projects/group%2Fproject/jobs", "permission   read_job", "boundary     project",
			"capture      project = group/project (project)", "source       routes/gitlab/ci_cd.yaml:"} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
	})
	t.Run("as JSON", func(t *testing.T) {
		out, err := runRoutes(t, "", "explain", "--json", "GET", "/api/v4/projects/5/jobs")
		if err != nil {
			t.Fatal(err)
		}
		var e struct {
			Kind, Route, Source     string
			Permissions, Boundaries []string
			Public                  bool
		}
		if err := json.Unmarshal([]byte(out), &e); err != nil || e.Kind != "permission" || e.Route != "/projects/{project}/jobs" || e.Permissions[0] != "read_job" || e.Boundaries[0] != "project" {
			t.Errorf("%v: %s", err, out)
		}
	})
	t.Run("line by line", func(t *testing.T) {
		out, err := runRoutes(t, "GET /projects/5/jobs\n\n# a comment\nDELETE   /no/such\nGET /templates/licenses\n", "explain", "--json", "-")
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for line := range strings.Lines(out) {
			var e struct{ Method, Path, Kind, Source string }
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("%v in %q", err, line)
			}
			kinds = append(kinds, e.Method+" "+e.Path+" "+e.Kind)
		}
		if want := "GET /projects/5/jobs permission; DELETE /no/such none; GET /templates/licenses open"; strings.Join(kinds, "; ") != want {
			t.Errorf("got %s", strings.Join(kinds, "; "))
		}
	})
	t.Run("a line that is no request", func(t *testing.T) {
		out, err := runRoutes(t, "GET /projects/5/jobs\nnonsense\n", "explain", "-")
		if err == nil || !strings.Contains(err.Error(), "line 2") || !strings.Contains(out, "read_job") {
			t.Errorf("%v\n%s", err, out)
		}
	})
	for _, args := range [][]string{{"explain"}, {"explain", "GET"}, {"explain", "GET", "/a", "/b"}} {
		t.Run("refuses "+strings.Join(args, " "), func(t *testing.T) {
			if _, err := runRoutes(t, "", args...); err == nil || !strings.Contains(err.Error(), "METHOD and PATH") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestRoutesExplainAsksTheSurface: each protocol reads its own targets.
func TestRoutesExplainAsksTheSurface(t *testing.T) {
	for _, c := range []struct{ method, target, route, refused string }{
		{"GET", "/group/project.git/info/refs?service=git-receive-pack", "/{project}.git/info/refs?service=git-receive-pack", ""},
		{"GET", "/group/project/info/refs?service=git-receive-pack", "", "must end in .git"},
		{"PUT", "/v2/group/project/manifests/v1", "/v2/{project}/manifests/{reference}", ""},
		{"GET", "/v2/", "", "needs a token of the token service"},
		{"GET", "/v2/group/dependency_proxy/containers/alpine/manifests/latest",
			"/v2/{group}/dependency_proxy/containers/{image}/manifests/{reference}", ""},
		{"GET", "/jwt/auth?service=container_registry&scope=repository:group/project:push,pull",
			"/jwt/auth?scope=repository:{project}:push", ""},
		{"GET", "/jwt/auth?service=container_registry", "", "name a scope"},
		{"GET", "/jwt/auth?service=container_registry&scope=registry:catalog:all", "", "registry itself"},
		{"GET", "/group/project/-/archive/main/project.zip", "/{project}/-/archive/{archive}", ""},
		{"GET", "/group/project/-/settings", "", "no route of the table"},
		{"POST", "/api/graphql", "", "patgate routes explain --graphql"},
		{"GET", "/api/graphql", "", "takes POST alone"},
		{"GET", "/projects/5/jobs", "/projects/{project}/jobs", ""},
		{"GET", "/projects/5/jobs/x", "/projects/{project}/jobs/{job_id}", "must be a whole number"},
	} {
		t.Run(c.method+" "+c.target, func(t *testing.T) {
			out, err := runRoutes(t, "", "explain", "--json", c.method, c.target)
			var e struct{ Route, Refused string }
			if err != nil || json.Unmarshal([]byte(out), &e) != nil || e.Route != c.route || !strings.Contains(e.Refused, c.refused) ||
				(e.Refused != "") != (c.refused != "") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// TestRoutesExplainRequests: of requests of GraphQL, one on a line, each gets one JSON object.
func TestRoutesExplainRequests(t *testing.T) {
	type act struct {
		Field, Boundary, Reference, Reach string
		Permissions                       []string
	}
	type explained struct {
		Kind    string
		Acts    []act
		Refused bool
		Code    string `json:"refusal_code"`
	}
	cases := []struct {
		request string
		want    explained
	}{
		{`{"query":"query($p:ID!){project(fullPath:$p){mergeRequests{nodes{title}} forkedFrom{name}}}","variables":{"p":"acme/website"}}`,
			explained{"query", []act{{"project", "project", "acme/website", "", []string{"read_project"}},
				{"project.mergeRequests", "project", "acme/website", "", []string{"read_merge_request"}},
				{"project.forkedFrom", "project", "", "all_memberships", []string{"read_project"}}}, false, ""}},
		{`{"query":"query A{metadata{version}} query B{currentUser{id}}","operationName":"B"}`,
			explained{"query", []act{{"currentUser", "user", "", "", []string{"read_user"}}}, false, ""}},
		{`{"query":"mutation($input:WorkItemCreateInput!){workItemCreate(input:$input){errors}}"}`,
			explained{"mutation", []act{{"workItemCreate", "project,group", "$input.namespacePath", "",
				[]string{"create_work_item"}}}, false, ""}},
		{`{"query":"query($p:ID!){project(fullPath:$p){name}}"}`,
			explained{"query", []act{{"project", "project", "$p", "", []string{"read_project"}}}, false, ""}},
		{`{"query":"{workItem(id:\"gid://gitlab/WorkItem/7\"){title}}"}`,
			explained{"query", []act{{"workItem", "project,group", "gid://gitlab/WorkItem/7", "",
				[]string{"read_work_item"}}}, false, ""}},
		{`{"query":"{project(fullPath:\"a/b\"){trackingKey}}"}`, explained{"none", []act{}, true, "graphql_refused"}},
		{`{"query":"{project("}`, explained{"none", []act{}, true, "graphql_document"}},
		{`[]`, explained{"none", []act{}, true, "graphql_batch"}},
		{`{"query":"{x}","query":"{y}"}`, explained{"none", []act{}, true, "graphql_body"}},
	}
	var lines []string
	for _, c := range cases {
		lines = append(lines, c.request, "")
	}
	out, err := runRoutes(t, strings.Join(lines, "\n"), "explain", "--graphql", "-")
	answers := strings.Split(strings.TrimSpace(out), "\n")
	if err != nil || len(answers) != len(cases) {
		t.Fatalf("%v\n%s", err, out)
	}
	for i, c := range cases {
		var got explained
		if err := json.Unmarshal([]byte(answers[i]), &got); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s\n%v %+v, want %+v", c.request, err, got, c.want)
		}
	}
	if _, err := runRoutes(t, "", "explain", "--graphql", "-", "--forge", "gitea"); err == nil ||
		!strings.Contains(err.Error(), "gitea has no GraphQL") {
		t.Errorf("in front of Gitea: %v", err)
	}
}

func TestRoutesList(t *testing.T) {
	t.Run("one resource", func(t *testing.T) {
		out, err := runRoutes(t, "", "list", "--resource", "job")
		if err != nil || !strings.Contains(out, "/projects/{project}/jobs/{job_id}/play") || strings.Contains(out, "read_pipeline ") {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("all as JSON", func(t *testing.T) {
		out, err := runRoutes(t, "", "list", "--json")
		if err != nil {
			t.Fatal(err)
		}
		var rows []map[string]any
		if err := json.Unmarshal([]byte(out), &rows); err != nil || len(rows) < 2000 {
			t.Errorf("%v: %d rows", err, len(rows))
		}
	})
	t.Run("an unknown resource names near ones", func(t *testing.T) {
		if _, err := runRoutes(t, "", "list", "--resource", "jobs"); err == nil || !strings.Contains(err.Error(), "did you mean") || !strings.Contains(err.Error(), "job") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("with an overlay", func(t *testing.T) {
		name := writeFile(t, "resources:\n  job:\n    run:\n      - POST /projects/{project}/ours\n")
		out, err := runRoutes(t, "", "list", "--resource", "job", "--routes", name)
		if err != nil || !strings.Contains(out, "/projects/{project}/ours") || !strings.Contains(out, name+":4") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestRoutesLint(t *testing.T) {
	t.Run("the built-in table", func(t *testing.T) {
		if out, err := runRoutes(t, "", "lint"); err != nil || !strings.Contains(out, "no problem, 0 warnings") {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("a file with two mistakes", func(t *testing.T) {
		name := writeFile(t, "resources:\n  job:\n    raed:\n      - GET /a\n    read:\n      - GET /b\n")
		out, err := runRoutes(t, "", "lint", name)
		if err == nil || err.Error() != "2 problems" {
			t.Errorf("got %v", err)
		}
		lines := strings.Split(out, "\n")
		if !strings.HasPrefix(lines[0], name+":3: unknown permission") || !strings.Contains(lines[0], "(fix: did you mean read_job") || !strings.HasPrefix(lines[1], name+":6: ") {
			t.Errorf("got\n%s", out)
		}
	})
	t.Run("a warning", func(t *testing.T) {
		out, err := runRoutes(t, "", "lint", writeFile(t, "resources:\n  job:\n    run:\n      - POST /ours boundary=project\n"))
		if err != nil || !strings.Contains(out, ":4: warning: POST /ours writes") ||
			!strings.Contains(out, "1 overlay file: no problem, 1 warning") {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("a file that is not there", func(t *testing.T) {
		out, err := runRoutes(t, "", "lint", "/no/such.yaml")
		if err == nil || !strings.Contains(out, "/no/such.yaml:1: cannot be read") {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

func TestRoutesCoverage(t *testing.T) {
	const document = "openapi: 3.0.0\npaths:\n  /api/v4/projects/{id}/jobs:\n    get: {}\n  /api/v4/ours:\n    get: {}\n"
	out, err := runRoutes(t, document, "coverage", "--openapi", "-")
	if err != nil || !strings.Contains(out, "unmapped  GET    /api/v4/ours  (-:6)") || !strings.Contains(out, "1 mapped, 1 unmapped,") || !strings.Contains(out, "stale     ") {
		t.Errorf("%v\n%.500s", err, out)
	}
	if _, err := runRoutes(t, document, "coverage", "--openapi", "-", "--strict"); err == nil || !strings.HasPrefix(err.Error(), "1 operations are unmapped") {
		t.Errorf("--strict: %v", err)
	}
	out, err = runRoutes(t, document, "coverage", "--openapi", "-", "--json")
	var c struct {
		Mapped, Unmapped, Stale []struct{ Path, Source string }
	}
	if err != nil || json.Unmarshal([]byte(out), &c) != nil || len(c.Mapped) != 1 || len(c.Unmapped) != 1 || len(c.Stale) < 2000 {
		t.Errorf("--json: %v\n%.500s", err, out)
	}
	if _, err := runRoutes(t, "", "coverage"); err == nil || !strings.Contains(err.Error(), "openapi") {
		t.Errorf("without a document: %v", err)
	}
	if _, err := runRoutes(t, "", "coverage", "--openapi", "-", "--graphql", "-"); err == nil || !strings.Contains(err.Error(), "openapi") {
		t.Errorf("with two: %v", err)
	}
	const schema = "type Query { project(fullPath: ID!): Project }\ntype Project { name: String newer: Int }"
	out, err = runRoutes(t, schema, "coverage", "--graphql", "-")
	if err != nil || !strings.HasPrefix(out, "unmapped  Project.newer\nstale     ") || !strings.Contains(out, "\n2 mapped, 1 unmapped, ") {
		t.Errorf("%v\n%.500s", err, out)
	}
	if _, err := runRoutes(t, schema, "coverage", "--graphql", "-", "--forge", "gitea"); err == nil ||
		!strings.Contains(err.Error(), "no GraphQL") {
		t.Errorf("of Gitea: %v", err)
	}
	if _, err := runRoutes(t, schema, "coverage", "--graphql", "-", "--strict"); err == nil ||
		!strings.HasPrefix(err.Error(), "1 types and fields are unmapped") {
		t.Errorf("--strict: %v", err)
	}
	if _, err := runRoutes(t, "a: b", "coverage", "--openapi", "-"); err == nil || !strings.Contains(err.Error(), "version 2 or 3") {
		t.Errorf("another document: %v", err)
	}
}

func TestRoutesExport(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mine")
	if out, err := runRoutes(t, "", "export", dir); err != nil || !strings.Contains(out, "wrote ") {
		t.Fatalf("%v %s", err, out)
	}
	before, err := runRoutes(t, "", "list", "--json")
	if err != nil {
		t.Fatal(err)
	}
	after, err := runRoutes(t, "", "list", "--json", "--routes", dir)
	if err != nil {
		t.Fatalf("the exported files do not load as an overlay: %v", err)
	}
	after = strings.ReplaceAll(after, filepath.Join(dir, "graphql_"), "routes/gitlab/graphql/")
	if !strings.Contains(after, dir) || strings.ReplaceAll(after, dir, "routes/gitlab") != before {
		t.Error("the exported files make another table")
	}

	t.Run("never overwrites", func(t *testing.T) {
		name := filepath.Join(dir, "ci_cd.yaml")
		if err := os.WriteFile(name, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(dir, "application_security.yaml")); err != nil {
			t.Fatal(err)
		}
		if _, err := runRoutes(t, "", "export", dir); err == nil || !strings.Contains(err.Error(), "nothing was written") {
			t.Errorf("got %v", err)
		}
		if data, err := os.ReadFile(name); err != nil || string(data) != "mine" {
			t.Errorf("the file was overwritten: %v", err)
		}
		if _, err := os.Stat(filepath.Join(dir, "application_security.yaml")); err == nil {
			t.Error("a file was written although another was in the way")
		}
	})
}
