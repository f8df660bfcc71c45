package routes_test

import (
	"slices"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/inspect"
	"patgate/routes/load"
)

// TestGitLabTableIsGood: the embedded files load, and nothing in them is odd.
func TestGitLabTableIsGood(t *testing.T) {
	report := inspect.Lint(load.Options{})
	if len(report.Problems) > 0 {
		t.Fatal(routes.Problems(report.Problems))
	}
	if len(report.Warnings) > 0 {
		t.Errorf("%d warnings:\n%v", len(report.Warnings), routes.Problems(report.Warnings))
	}
}

// TestGitLabCatalogue compares the catalogue with GitLab's own names.
func TestGitLabCatalogue(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	used := boundariesInUse(table)
	for _, row := range readTSV(t, "testdata/gitlab-permission-names.tsv", 7) {
		name, resource, action, boundaries, deprecated := row[0], row[2], row[3], strings.Split(row[4], ","), row[5] == "deprecated"
		known[name] = true
		p, ok := table.Catalogue().Find(name)
		if !ok {
			t.Errorf("the catalogue has no %s", name)
			continue
		}
		info := table.Catalogue().Info(p)
		if info.Resource != resource || info.Action != action || info.Deprecated != deprecated || info.Abilities == "" || info.Title == "" {
			t.Errorf("%s: %+v, GitLab has %v", name, info, row)
		}
		for b := routes.BoundaryProject; b <= routes.BoundaryInstance; b++ {
			has, gitlab := slices.Contains(info.Boundaries, b), slices.Contains(boundaries, b.String())
			if gitlab && !has {
				t.Errorf("%s cannot be granted on %s, with GitLab it can", name, b)
			} else if has && !gitlab && !used[p][b] {
				t.Errorf("%s can be granted on %s, where no row needs it", name, b)
			}
		}
	}
	for _, p := range readForgePairs(t) { // permissions that are newer than the list of names
		for _, name := range p.permissions {
			known[name] = true
			if _, ok := table.Catalogue().Find(name); !ok {
				t.Errorf("the catalogue has no %s, which %s %s needs", name, p.method, p.path)
			}
		}
	}
	for _, row := range readTSV(t, "testdata/gitlab-graphql.tsv", 7) { // and those that GraphQL alone has
		name := graphqlPermission(row)
		if _, has := table.Catalogue().Find(name); has { // what is newer than the schema has no row
			known[name] = true
		}
	}
	known["create_container_repository"] = true                                              // patgate's own: with GitLab's own tokens nothing pushes to the registry
	for _, name := range []string{"skip_secret_push_protection", "bypass_security_policy"} { // and so are those of push options
		known[name] = true
	}
	for _, info := range table.Catalogue().All() {
		if !known[info.Name] {
			t.Errorf("%s is no permission of GitLab", info.Name)
		}
	}
	if n := table.Catalogue().Len(); n != len(known) || n < 790 {
		t.Errorf("%d permissions, GitLab has %d", n, len(known))
	}
}

// graphqlPermission gives the name of the permission in a row of testdata/gitlab-graphql.tsv, which has titles.
func graphqlPermission(row []string) string {
	return strings.NewReplacer(" ", "_", "-", "_", "/", "_").Replace(strings.ToLower(row[2] + " " + row[1]))
}

// TestGraphQLRowsAreGitLabs compares the rows of types, fields and mutations with GitLab's own list.
func TestGraphQLRowsAreGitLabs(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]*routes.Route{} // without regard to case: the list has the names of mutations' classes
	for _, r := range table.Routes() {
		if name, is := strings.CutPrefix(r.Path, "/api/graphql#"); is {
			rows[strings.ToLower(name)] = r
		}
	}
	found := 0
	for _, line := range readTSV(t, "testdata/gitlab-graphql.tsv", 7) {
		name, boundary := line[5], strings.ToLower(line[3])
		if line[4] == "Mutation" {
			name = "Mutation." + name
		}
		r := rows[strings.ToLower(name)]
		if r == nil {
			t.Logf("%s has no row", name) // newer than the schema
			continue
		}
		found++
		needs := table.Catalogue().Names(r.Needs)
		if permission := graphqlPermission(line); !slices.Contains(needs, permission) && r.Refused == "" {
			t.Errorf("%s: %s needs %v, GitLab has %s", r.Source, name, needs, permission)
		}
		if b, err := routes.ParseBoundary(boundary); err != nil || !slices.Contains(r.Boundaries, b) && r.Refused == "" {
			t.Errorf("%s: %s is on %v, GitLab has %s", r.Source, name, r.Boundaries, boundary)
		}
	}
	if found < 830 {
		t.Errorf("%d rows", found)
	}
}

// boundariesInUse gives the boundaries on which rows and their targets need each permission; a row that spans needs it
// on projects and groups too.
func boundariesInUse(table *routes.Table) map[routes.Permission]map[routes.Boundary]bool {
	used := map[routes.Permission]map[routes.Boundary]bool{}
	use := func(needs []routes.Permission, boundaries ...routes.Boundary) {
		for _, p := range needs {
			if used[p] == nil {
				used[p] = map[routes.Boundary]bool{}
			}
			for _, b := range boundaries {
				used[p][b] = true
			}
		}
	}
	for _, r := range table.Routes() {
		use(r.Needs, r.Boundaries...)
		if r.Spans {
			use(r.Needs, routes.BoundaryProject, routes.BoundaryGroup)
		}
		for _, target := range r.Targets {
			use(target.Needs, target.Ref.Boundaries()...)
		}
	}
	return used
}

// GitLab's router takes as much of jobs/artifacts/:ref_name/raw/*artifact_path as it can for the ref.
func TestTheLastRawEndsTheRef(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	for path, artifact := range map[string]string{
		"main/raw/a/b.txt": "a/b.txt", "main/raw/draw/b": "draw/b", "main/raw/a/raw": "a/raw", "main/raw/raw": "raw",
		"main/raw/raw/b": "", "main/raw/a/raw/b": "", "main/raw/a/raw/raw/b": "", "main/raw/raw%2Fb": "",
	} {
		var op routes.Operation
		err := table.Classify(&op, "GET", []byte("/api/v4/projects/1/jobs/artifacts/"+path))
		switch {
		case artifact == "" && err == nil:
			t.Errorf("%s: taken, with the path %q", path, op.Capture("artifact_path"))
		case artifact != "" && (err != nil || string(op.Capture("artifact_path")) != artifact):
			t.Errorf("%s: %v, the path is %q, want %q", path, err, op.Capture("artifact_path"), artifact)
		}
	}
}

// GitLab's router tries rows that take several segments for one capture before some of those that a path seems to name.
func TestPathsOfTwoRowsAreRefused(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	const artifacts = "/api/v4/projects/7/ml/mlflow/api/2.0/mlflow-artifacts/artifacts/"
	for _, c := range []struct{ path, row string }{
		{artifacts + "5/model/data", "/projects/{project}/ml/mlflow/api/2.0/mlflow-artifacts/artifacts/{model_version}/{*file_path}"},
		{artifacts + "-/work_items", ""},
		{artifacts + "-/work_items.json", ""},
		{artifacts + "-/work_items%2Ejson", ""},
		{artifacts + "5/-/work_items/3/notes", ""},
		{artifacts + "5/%2D/work_items/3", ""},
		{artifacts + "5/-/work_itemsy/3", "/projects/{project}/ml/mlflow/api/2.0/mlflow-artifacts/artifacts/{model_version}/{*file_path}"},
		{artifacts + "5/work_items/-/3", "/projects/{project}/ml/mlflow/api/2.0/mlflow-artifacts/artifacts/{model_version}/{*file_path}"},
		{"/api/v4/projects/7/dependency_proxy/packages/maven/org/a/a.jar", "/projects/{project}/dependency_proxy/packages/maven/{*path}/{file_name}"},
		{"/api/v4/projects/7/dependency_proxy/packages/maven/-/work_items", ""},
		{"/api/v4/projects/7/dependency_proxy/packages/maven/-/work_items/5", ""},
		{"/api/v4/projects/7/dependency_proxy/packages/npm/x/-/x.tgz", "/projects/{project}/dependency_proxy/packages/npm/{*package_name}/-/{*file_name}"},
		{"/api/v4/projects/7/dependency_proxy/packages/npm/x/-/work_items.tgz", ""},
		{"/api/v4/projects/7/-/work_items/5", "/projects/{project}/-/work_items/{work_item_iid}"},
		{"/api/v4/projects/g%2Fp/-/work_items", "/projects/{project}/-/work_items"},
		{"/api/v4/projects/g/p/-/work_items", ""},
		{"/api/v4/groups/g/h/-/work_items/5", ""},
		{"/api/v4/projects/7/jobs/artifacts/main/raw/a/b.txt", "/projects/{project}/jobs/artifacts/{ref_name}/raw/{*artifact_path: raw_path}"},
		{"/api/v4/projects/7/jobs/artifacts/main/raw/download/b.txt", "/projects/{project}/jobs/artifacts/{ref_name}/raw/{*artifact_path: raw_path}"},
		{"/api/v4/projects/7/jobs/artifacts/main/raw/a/download", ""},
		{"/api/v4/projects/7/jobs/artifacts/main/raw/download.zip", ""},
		{"/api/v4/projects/7/jobs/artifacts/main/download", "/projects/{project}/jobs/artifacts/{ref_name}/download"},
	} {
		var op routes.Operation
		err := table.Classify(&op, "GET", []byte(c.path))
		switch {
		case c.row == "" && err == nil:
			t.Errorf("%s is taken for %s", c.path, op.Route.Path)
		case c.row != "" && err != nil:
			t.Errorf("%s: %v", c.path, err)
		case c.row != "" && op.Route.Path != c.row:
			t.Errorf("%s is taken for %s, want %s", c.path, op.Route.Path, c.row)
		}
	}
}

// BenchmarkLoadGitLab loads the whole embedded table, as a start and a reload do.
func BenchmarkLoadGitLab(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := load.GitLab(); err != nil {
			b.Fatal(err)
		}
	}
}
