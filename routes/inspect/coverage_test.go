package inspect_test

import (
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/inspect"
	"patgate/routes/routestest"
)

const coveredRows = `captures: {path: text}
resources:
  job:
    read:
      - GET /projects/{project}/jobs
      - GET /projects/{project}/(-/)search
      - GET /projects/{project}/files/{*path}
      - GET /projects/{project}/go/{version}.info
      - GET /projects/{project}/feed formats=json
      - GET /api/scim/{version}/users boundary=instance
    run:
      - POST /projects/{project}/run
`

func names(list []inspect.CoveredOperation) string {
	var out []string
	for _, o := range list {
		out = append(out, o.Method+" "+o.Path)
	}
	return strings.Join(out, ", ")
}

func TestCoverage(t *testing.T) {
	table := routestest.Load(t, coveredRows)
	const allPaths = `
  /projects/{id}/jobs: {get: {}, head: {}, post: {}, parameters: [], options: {}}
  /projects/{id}/search: {get: {}}
  /projects/{id}/files/{file_path}: {get: {}}
  /projects/{id}/go/{module_version}.info: {get: {}}
  /projects/{id}/feed.json: {get: {}}
  /projects/{id}/unknown/: {get: {}}
  x-extension: {get: {}}
`
	const (
		mapped   = "GET /projects/{id}/jobs, HEAD /projects/{id}/jobs, GET /projects/{id}/search, GET /projects/{id}/files/{file_path}, GET /projects/{id}/go/{module_version}.info, GET /projects/{id}/feed.json"
		unmapped = "POST /projects/{id}/jobs, GET /projects/{id}/unknown/"
		stale    = "GET /api/scim/{version}/users, POST /projects/{project}/run"
	)
	for _, c := range []struct {
		name, document          string
		mapped, unmapped, stale string
	}{
		{"version 2 with a base path", "swagger: 2.0\nbasePath: /api/v4/\npaths:" + allPaths, mapped, unmapped, stale},
		{"version 2 without a base path", "swagger: \"2.0\"\npaths:" + allPaths, mapped, unmapped, stale},
		{"version 3 with a server", "openapi: 3.0.1\nservers: [{url: 'https://forge.example/{where}', variables: {where: {default: api/v4}}}]\npaths:" + allPaths, mapped, unmapped, stale},
		{"version 3 with the base in its paths", "openapi: 3.1.0\npaths: {'/api/v4/projects/{id}/run': {post: {}}, '/api/scim/{v}/users': {get: {}}}\n",
			"POST /api/v4/projects/{id}/run, GET /api/scim/{v}/users", "", ""},
		{"optional parts as GitLab writes them", "openapi: 3.0.0\npaths: {'/projects/{id}/(-/)search': {get: {}}}\n", "GET /projects/{id}/(-/)search", "", ""},
		{"splats as Grape writes them", "swagger: '2.0'\npaths: {'/api/v4/projects/{id}/files/*file_path': {get: {}}}\n", "GET /api/v4/projects/{id}/files/*file_path", "", ""},
		{"JSON with tabs", "{\n\t\"openapi\": \"3.0.0\", \"info\": {\"title\": \"\\ud83d\\ude00\"},\n\t\"paths\": {\"/projects/{id}/jobs\": {\"get\": {}, \"delete\": {}}, \"x-a\": 5}\n}",
			"GET /projects/{id}/jobs", "DELETE /projects/{id}/jobs", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, problems := inspect.Cover(table, routes.File{Name: "spec", Data: []byte(c.document)})
			if len(problems) > 0 {
				t.Fatal(routes.Problems(problems))
			}
			sorted := func(s string) string { return strings.Join(sortedList(s), ", ") }
			if sorted(names(got.Mapped)) != sorted(c.mapped) || sorted(names(got.Unmapped)) != sorted(c.unmapped) {
				t.Errorf("mapped %s\nunmapped %s", names(got.Mapped), names(got.Unmapped))
			}
			if c.stale != "" && sorted(names(got.Stale)) != sorted(c.stale) {
				t.Errorf("stale %s", names(got.Stale))
			}
			if c.stale == "" && len(got.Stale) == 0 {
				t.Error("no row is stale")
			}
			for _, o := range got.Mapped {
				if o.Route == "" || o.Source == "" {
					t.Errorf("%+v does not say which row it is", o)
				}
			}
		})
	}
	for _, c := range []struct{ name, document, message string }{
		{"nothing", "", "does not say"},
		{"no YAML", "a: [", "did not find"},
		{"no JSON", "{\"a\": ", "JSON"},
		{"another document", "a: b\n", "does not say"},
		{"an unknown version", "openapi: 4.0.0\npaths: {}\n", "does not say"},
		{"no operations", "openapi: 3.0.0\npaths: {/a: {$ref: other.yaml}}\n", "no operations"},
	} {
		t.Run("refuses "+c.name, func(t *testing.T) {
			_, problems := inspect.Cover(table, routes.File{Name: "spec", Data: []byte(c.document)})
			if len(problems) != 1 || !strings.Contains(problems[0].Message, c.message) || problems[0].Fix == "" {
				t.Errorf("got %v, want %q", routes.Problems(problems), c.message)
			}
		})
	}
}

func sortedList(s string) []string {
	out := strings.Split(s, ", ")
	for i := range out { // insertion sort: the lists are short
		for j := i; j > 0 && out[j] < out[j-1]; j-- {
			out[j], out[j-1] = out[j-1], out[j]
		}
	}
	return out
}
