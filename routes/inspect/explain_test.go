package inspect_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"patgate/routes/inspect"
	"patgate/routes/routestest"
)

func TestExplain(t *testing.T) {
	table := routestest.Load(t, `captures: {job_id: int, source_id: project}
resources:
  job:
    read:
      - GET /projects/{project}/jobs/{job_id} public
      - GET /jobs boundary=project,group
      - GET /all boundary=user spans
    run:
      - route: POST /projects/{project}/jobs/from/{source_id}
        also: read_job
        mints: job token
        effects: exports
        parameters: {b: pass, a: pass, c: refuse}
        targets: [{capture: source_id, needs: read_job}, {param: to, ref: group, required: true}]
      - {route: 'POST /projects/{project}/never', refuse: the answer would hold a secret}
      - route: POST /jobs
        find: {param: project_id, ref: project}
  runner:
    read:
      - route: GET /runners/{job_id} boundary=instance
        lookup: {get: '/runners/{job_id}', instance: a=b}
`)
	t.Run("a request that needs a permission", func(t *testing.T) {
		e := inspect.Explain(table, "HEAD", "/api/v4/projects/g%2Fp/jobs/5?page=2")
		if e.Method != "HEAD" || e.Path != "/api/v4/projects/g%2Fp/jobs/5?page=2" || e.Kind != "permission" ||
			e.Route != "/projects/{project}/jobs/{job_id}" ||
			!slices.Equal(e.Permissions, []string{"read_job"}) || !slices.Equal(e.Boundaries, []string{"project"}) || !e.Public ||
			e.Source != "rows.yaml:5" ||
			e.Container != "path: project" || e.Refused != "" {
			t.Errorf("got %+v", e)
		}
		want := []inspect.ExplainedCapture{{"project", "g/p", "project"}, {"job_id", "5", ""}}
		if !slices.Equal(e.Captures, want) {
			t.Errorf("captures %v", e.Captures)
		}
	})
	t.Run("a target below the base needs no base", func(t *testing.T) {
		if e := inspect.Explain(table, "GET", "/projects/1/jobs/5"); e.Route != "/projects/{project}/jobs/{job_id}" ||
			e.Path != "/projects/1/jobs/5" {
			t.Errorf("got %+v", e)
		}
	})
	t.Run("targets, parameters, effects", func(t *testing.T) {
		e := inspect.Explain(table, "POST", "/projects/1/jobs/from/2")
		if !slices.Equal(e.Permissions, []string{"run_job", "read_job"}) || e.Mints != "job token" ||
			!slices.Equal(e.Effects, []string{"exports"}) {
			t.Errorf("got %+v", e)
		}
		first, second := e.Targets[0], e.Targets[1]
		if first.Name != "source_id" || first.Where != "path" || first.Reference != "project" ||
			!slices.Equal(first.Permissions, []string{"read_job"}) {
			t.Errorf("first target %+v", first)
		}
		if second.Name != "to" || second.Where != "parameter" || !second.Required || len(second.Permissions) != 2 {
			t.Errorf("second target %+v", second)
		}
		if !slices.Equal(e.Parameters["pass"], []string{"a", "b"}) || !slices.Equal(e.Parameters["refuse"], []string{"c"}) ||
			!slices.Equal(e.Parameters["target"], []string{"to"}) {
			t.Errorf("parameters %v", e.Parameters)
		}
	})
	for _, c := range []struct {
		name, method, target       string
		kind, route, refused, code string
	}{
		{"a refused row says why", "POST", "/projects/1/never", "permission", "/projects/{project}/never", "would hold a secret", ""},
		{"no row", "GET", "/nothing", "none", "", "no route of the table", "no_route"},
		{"another method", "DELETE", "/jobs", "none", "", "no route of the table", "no_route"},
		{"an unknown method", "BREW", "/jobs", "none", "", "method", "method"},
		{"a value of another class", "GET", "/projects/1/jobs/x", "permission", "/projects/{project}/jobs/{job_id}",
			"job_id must be a whole number", "bad_value"},
		{"a path that can be read in two ways", "GET", "/projects/1/../jobs", "none", "", "dot", "ambiguous_path"},
		{"text that is no path", "GET", "jobs", "none", "", "must be a path", "malformed_target"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := inspect.Explain(table, c.method, c.target)
			if e.Kind != c.kind || e.Route != c.route || !strings.Contains(e.Refused, c.refused) &&
				!strings.Contains(e.Refused, "\".\"") || e.RefusalCode != c.code {
				t.Errorf("got %+v", e)
			}
		})
	}
	for _, c := range []struct{ name, method, target, container, note string }{
		{"a parameter", "POST", "/jobs", "parameter: project_id (project)", ""},
		{"a lookup", "GET", "/runners/5", "lookup: GET /runners/{job_id}", ""},
		{"nowhere", "GET", "/jobs", "", "only a scope with access all_memberships"},
		{"all containers", "GET", "/all", "", "reaches over all"},
	} {
		t.Run("the container is found by "+c.name, func(t *testing.T) {
			e := inspect.Explain(table, c.method, c.target)
			if e.Container != c.container || !strings.Contains(strings.Join(e.Notes, "\n"), c.note) || c.note == "" && len(e.Notes) > 0 {
				t.Errorf("got %+v", e)
			}
		})
	}
	t.Run("JSON always has the eight fields", func(t *testing.T) {
		for _, target := range []string{"/nothing", "/projects/1/jobs/5"} {
			data, err := json.Marshal(inspect.Explain(table, "GET", target))
			if err != nil {
				t.Fatal(err)
			}
			var fields map[string]any
			if err := json.Unmarshal(data, &fields); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"method", "path", "kind", "route", "permissions", "boundaries", "public", "source"} {
				if value, have := fields[name]; !have || value == nil {
					t.Errorf("%s: no field %s in %s", target, name, data)
				}
			}
		}
	})
}
