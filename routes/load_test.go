package routes

import (
	"slices"
	"strings"
	"testing"
)

// testHeader and testCatalogue make small tables complete.
const (
	testHeader    = "forge: gitlab\nversion: 3\nbase: /api/v4\n"
	testCatalogue = `categories:
  CI/CD:
    job:
      abilities: read and run jobs
      actions:
        read: {boundaries: [project]}
        run: {boundaries: [project]}
    runner:
      actions:
        read: {boundaries: [project, group, instance]}
        create: {boundaries: [user], abilities: make runners}
        reset: {boundaries: [user], deprecated: true}
  Planning:
    work_item:
      actions:
        create: {boundaries: [project, group]}
        update: {boundaries: [project, group]}
`
)

// testFiles puts rows between the header and the catalogue of a small table.
func testFiles(rows string) []File {
	files := []File{{"table.yaml", []byte(testHeader)}, {"permissions.yaml", []byte(testCatalogue)}}
	if rows != "" {
		files = append(files, File{"rows.yaml", []byte(rows)})
	}
	return files
}

// mustLoad loads a small table with overlays, each as the text of a file a.yaml, b.yaml and so on.
func mustLoad(t *testing.T, rows string, overlays ...string) *Table {
	t.Helper()
	table, problems := Load(LoadOptions{Table: testFiles(rows), Overlay: overlayFiles(overlays)})
	if len(problems) > 0 {
		t.Fatalf("loading: %v", Problems(problems))
	}
	return table
}

func overlayFiles(texts []string) []File {
	var out []File
	for i, text := range texts {
		out = append(out, File{string(rune('a'+i)) + ".yaml", []byte(text)})
	}
	return out
}

// find gives the row of that METHOD PATH.
func find(t *testing.T, table *Table, key string) *Route {
	t.Helper()
	for _, r := range table.Routes() {
		if r.Method+" "+r.Path == key {
			return r
		}
	}
	t.Fatalf("the table has no row %s", key)
	return nil
}

func TestLoadReadsARow(t *testing.T) {
	table := mustLoad(t, `category: CI/CD
captures: {job_id: int, source_id: project}
parameters: {milestone_id: pass, pipeline_id: refuse}
resources:
  job:
    read:
      - GET /projects/{project}/jobs public slash
      - GET /projects/{project}/jobs/{job_id}/trace formats=json,txt since=2
    run:
      - route: POST /projects/{project}/jobs/{job_id}/play
        also: [read_job]
        parameters: {pipeline_id: pass, variables: pass}
        force: {with_shared: "false"}
        body: {limit: 10MiB, stream: [application/octet-stream, "*/*"]}
        response: {remove: [runners_token]}
        mints: job token
        effects: [runs_as_owner, exports]
        refuse: not yet
        targets:
          - {param: to_project_id, ref: project, needs: [create_work_item], required: true, send: path}
          - {param: 'entities[].group', ref: group}
      - route: POST /projects/{project}/jobs/from/{source_id}
        targets: [{capture: source_id, needs: read_job}]
      - route: POST /jobs
        find: {param: project_id, ref: project}
      - route: POST /projects/copy/{source_id}/to/{project}
        find: {capture: project}
        targets: [{capture: source_id}]
  runner:
    boundary: [instance, group, project]
    read:
      - route: GET /runners/{runner_id}
        lookup: {get: '/runners/{runner_id}', project: 'projects[].id', group: 'groups[].id', instance: runner_type=instance_type, user: group=null, send: id}
      - GET /projects/{project}/runners
      - GET /runners boundary=user spans
`)
	if table.Version() != 3 || table.Base() != "/api/v4" || table.Catalogue().Len() != 7 || len(table.Routes()) != 9 {
		t.Fatalf("table: version %d, base %s, %d permissions, %d rows", table.Version(), table.Base(), table.Catalogue().Len(), len(table.Routes()))
	}
	permission := func(name string) Permission {
		p, ok := table.Catalogue().Find(name)
		if !ok {
			t.Fatalf("the catalogue has no %s", name)
		}
		return p
	}

	t.Run("a text with flags", func(t *testing.T) {
		r := find(t, table, "GET /projects/{project}/jobs")
		if r.Kind != KindPermission || !r.Public || r.Since != 1 || r.Category != "CI/CD" || r.Resource != "job" || r.Action != "read" {
			t.Errorf("got %+v", r)
		}
		if r.Source != (Source{"rows.yaml", 7}) {
			t.Errorf("source %s", r.Source)
		}
		if !slices.Equal(r.Needs, []Permission{permission("read_job")}) || !r.NeedSet.Has(permission("read_job")) {
			t.Errorf("needs %v", r.Needs)
		}
		if r.Find != (Find{From: FindInPath, Name: "project", Ref: RefProject}) || !slices.Equal(r.Boundaries, []Boundary{BoundaryProject}) {
			t.Errorf("find %+v, boundaries %v", r.Find, r.Boundaries)
		}
	})
	t.Run("since and the file's parameters", func(t *testing.T) {
		r := find(t, table, "GET /projects/{project}/jobs/{job_id}/trace")
		if r.Since != 2 || len(r.Params) != 2 || r.Params["milestone_id"] != ParamPass || r.Params["pipeline_id"] != ParamRefuse {
			t.Errorf("since %d, parameters %v", r.Since, r.Params)
		}
	})
	t.Run("every key of a mapping", func(t *testing.T) {
		r := find(t, table, "POST /projects/{project}/jobs/{job_id}/play")
		if !slices.Equal(r.Needs, []Permission{permission("run_job"), permission("read_job")}) {
			t.Errorf("needs %v", r.Needs)
		}
		want := map[string]ParamRule{"milestone_id": ParamPass, "pipeline_id": ParamPass, "variables": ParamPass,
			"to_project_id": ParamTarget, "entities[].group": ParamTarget}
		for name, rule := range want {
			if r.Params[name] != rule {
				t.Errorf("parameter %s: %v, want %v", name, r.Params[name], rule)
			}
		}
		if len(r.Params) != len(want) {
			t.Errorf("parameters %v", r.Params)
		}
		if !slices.Equal(r.Force, []Forced{{"with_shared", "false"}}) || r.Body.Limit != 10<<20 ||
			!slices.Equal(r.Body.Stream, []string{"application/octet-stream", "*/*"}) || !slices.Equal(r.Response.Remove, []string{"runners_token"}) ||
			r.Mints != "job token" || !slices.Equal(r.Effects, []string{"runs_as_owner", "exports"}) || r.Refused != "not yet" {
			t.Errorf("got %+v", r)
		}
		first, second := r.Targets[0], r.Targets[1]
		if first.Param != "to_project_id" || first.Ref != RefProject || !first.SendPath || !first.Required ||
			!slices.Equal(first.Needs, []Permission{permission("create_work_item")}) || !first.NeedSet.Has(permission("create_work_item")) {
			t.Errorf("first target %+v", first)
		}
		if second.Ref != RefGroup || second.SendPath || second.Required || !slices.Equal(second.Needs, r.Needs) || !second.NeedSet.Has(permission("run_job")) {
			t.Errorf("second target %+v: without needs it takes the row's own", second)
		}
	})
	t.Run("the first reference is the container, later ones are targets", func(t *testing.T) {
		r := find(t, table, "POST /projects/{project}/jobs/from/{source_id}")
		if r.Find.Name != "project" || len(r.Targets) != 1 || r.Targets[0].Capture != "source_id" || r.Targets[0].Ref != RefProject {
			t.Errorf("find %+v, targets %+v", r.Find, r.Targets)
		}
		r = find(t, table, "POST /projects/copy/{source_id}/to/{project}")
		if r.Find != (Find{From: FindInPath, Name: "project", Ref: RefProject}) {
			t.Errorf("find says another capture, got %+v", r.Find)
		}
	})
	t.Run("find in a parameter gives the boundary", func(t *testing.T) {
		r := find(t, table, "POST /jobs")
		if r.Find != (Find{From: FindInParam, Name: "project_id", Ref: RefProject}) || r.Params["project_id"] != ParamTarget ||
			!slices.Equal(r.Boundaries, []Boundary{BoundaryProject}) {
			t.Errorf("find %+v, boundaries %v", r.Find, r.Boundaries)
		}
	})
	t.Run("lookup", func(t *testing.T) {
		r := find(t, table, "GET /runners/{runner_id}")
		want := Lookup{Get: "/runners/{runner_id}", Project: "projects[].id", Group: "groups[].id", Instance: "runner_type=instance_type", User: "group=null", Send: "id"}
		if r.Find.From != FindByLookup || *r.Find.Lookup != want {
			t.Errorf("find %+v", r.Find)
		}
		if !slices.Equal(r.Boundaries, []Boundary{BoundaryProject, BoundaryGroup, BoundaryInstance}) {
			t.Errorf("boundaries %v: project comes first", r.Boundaries)
		}
	})
	t.Run("the row's boundary wins", func(t *testing.T) {
		r := find(t, table, "GET /runners")
		if !slices.Equal(r.Boundaries, []Boundary{BoundaryUser}) || !r.Spans || r.Find.From != FindNowhere {
			t.Errorf("got %+v", r)
		}
	})
}

func TestLoadReadsOtherKinds(t *testing.T) {
	table := mustLoad(t, "kind: open\nroutes:\n  - GET /templates slash\n  - {route: 'GET /templates/{name}', refuse: not now}\n")
	if r := find(t, table, "GET /templates"); r.Kind != KindOpen || r.Needs != nil || r.Boundaries != nil {
		t.Errorf("open row: %+v", r)
	}
	if r := find(t, table, "GET /templates/{name}"); r.Refused != "not now" {
		t.Errorf("refused open row: %+v", r)
	}
	table = mustLoad(t, "kind: other-credential\ncredentials:\n  CI job token:\n    - GET /job\n  SCIM token: [GET /api/scim/groups]\n")
	if r := find(t, table, "GET /job"); r.Kind != KindOtherCredential || r.Credential != "CI job token" {
		t.Errorf("other-credential row: %+v", r)
	}
	if r := find(t, table, "GET /api/scim/groups"); r.Credential != "SCIM token" {
		t.Errorf("other-credential row: %+v", r)
	}
}

func TestLoadReportsAllProblemsInOrder(t *testing.T) {
	files := testFiles("resources:\n  job:\n    raed:\n      - GET /a\n    read:\n      - FETCH /b\n      - GET /c pubilc boundary=user\n")
	files[0].Data = []byte("forge: gitlab\nversion: 0\nbase: v4\n")
	overlay := []File{{"mine.yaml", []byte("remove: [GET /x]\nresurces: {}\n")}}
	table, problems := Load(LoadOptions{Table: files, Overlay: overlay})
	if table != nil {
		t.Error("a table with problems was loaded")
	}
	var at []string
	for _, p := range problems {
		at = append(at, p.Source.String())
		if p.Fix == "" {
			t.Errorf("%v has no fix", p)
		}
	}
	want := "table.yaml:2 table.yaml:3 rows.yaml:3 rows.yaml:6 rows.yaml:7 mine.yaml:1 mine.yaml:2"
	if got := strings.Join(at, " "); got != want {
		t.Errorf("problems at %s\nwant       %s\n%v", got, want, Problems(problems))
	}
}
