package load_test

import (
	"slices"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
	"patgate/routes/routestest"
)

func TestLoadReadsARow(t *testing.T) {
	table := routestest.Load(t, `category: CI/CD
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
		t.Fatalf("table: version %d, base %s, %d permissions, %d rows", table.Version(), table.Base(), table.Catalogue().Len(),
			len(table.Routes()))
	}
	permission := func(name string) routes.Permission {
		p, ok := table.Catalogue().Find(name)
		if !ok {
			t.Fatalf("the catalogue has no %s", name)
		}
		return p
	}

	t.Run("a text with flags", func(t *testing.T) {
		r := routestest.Find(t, table, "GET /projects/{project}/jobs")
		if r.Kind != routes.KindPermission || !r.Public || r.Since != 1 || r.Category != "CI/CD" || r.Resource != "job" ||
			r.Action != "read" {
			t.Errorf("got %+v", r)
		}
		if r.Source != (routes.Source{File: "rows.yaml", Line: 7}) {
			t.Errorf("source %s", r.Source)
		}
		if !slices.Equal(r.Needs, []routes.Permission{permission("read_job")}) || !r.NeedSet.Has(permission("read_job")) {
			t.Errorf("needs %v", r.Needs)
		}
		if r.Find != (routes.Find{From: routes.FindInPath, Name: "project", Ref: routes.RefProject}) ||
			!slices.Equal(r.Boundaries, []routes.Boundary{routes.BoundaryProject}) {
			t.Errorf("find %+v, boundaries %v", r.Find, r.Boundaries)
		}
	})
	t.Run("since and the file's parameters", func(t *testing.T) {
		r := routestest.Find(t, table, "GET /projects/{project}/jobs/{job_id}/trace")
		if r.Since != 2 || len(r.Params) != 2 || r.Params["milestone_id"] != routes.ParamPass ||
			r.Params["pipeline_id"] != routes.ParamRefuse {
			t.Errorf("since %d, parameters %v", r.Since, r.Params)
		}
	})
	t.Run("every key of a mapping", func(t *testing.T) {
		r := routestest.Find(t, table, "POST /projects/{project}/jobs/{job_id}/play")
		if !slices.Equal(r.Needs, []routes.Permission{permission("run_job"), permission("read_job")}) {
			t.Errorf("needs %v", r.Needs)
		}
		want := map[string]routes.ParamRule{"milestone_id": routes.ParamPass, "pipeline_id": routes.ParamPass,
			"variables":     routes.ParamPass,
			"to_project_id": routes.ParamTarget, "entities[].group": routes.ParamTarget}
		for name, rule := range want {
			if r.Params[name] != rule {
				t.Errorf("parameter %s: %v, want %v", name, r.Params[name], rule)
			}
		}
		if len(r.Params) != len(want) {
			t.Errorf("parameters %v", r.Params)
		}
		if !slices.Equal(r.Force, []routes.Forced{{Name: "with_shared", Value: "false"}}) || r.Body.Limit != 10<<20 ||
			!slices.Equal(r.Body.Stream, []string{"application/octet-stream", "*/*"}) || !slices.Equal(r.Response.Remove,
			[]string{"runners_token"}) ||
			r.Mints != "job token" || !slices.Equal(r.Effects, []string{"runs_as_owner", "exports"}) || r.Refused != "not yet" {
			t.Errorf("got %+v", r)
		}
		first, second := r.Targets[0], r.Targets[1]
		if first.Param != "to_project_id" || first.Ref != routes.RefProject || !first.SendPath || !first.Required ||
			!slices.Equal(first.Needs, []routes.Permission{permission("create_work_item")}) ||
			!first.NeedSet.Has(permission("create_work_item")) {
			t.Errorf("first target %+v", first)
		}
		if second.Ref != routes.RefGroup || second.SendPath || second.Required || !slices.Equal(second.Needs, r.Needs) ||
			!second.NeedSet.Has(permission("run_job")) {
			t.Errorf("second target %+v: without needs it takes the row's own", second)
		}
	})
	t.Run("the first reference is the container, later ones are targets", func(t *testing.T) {
		r := routestest.Find(t, table, "POST /projects/{project}/jobs/from/{source_id}")
		if r.Find.Name != "project" || len(r.Targets) != 1 || r.Targets[0].Capture != "source_id" || r.Targets[0].Ref != routes.RefProject {
			t.Errorf("find %+v, targets %+v", r.Find, r.Targets)
		}
		r = routestest.Find(t, table, "POST /projects/copy/{source_id}/to/{project}")
		if r.Find != (routes.Find{From: routes.FindInPath, Name: "project", Ref: routes.RefProject}) {
			t.Errorf("find says another capture, got %+v", r.Find)
		}
	})
	t.Run("find in a parameter gives the boundary", func(t *testing.T) {
		r := routestest.Find(t, table, "POST /jobs")
		if r.Find != (routes.Find{From: routes.FindInParam, Name: "project_id", Ref: routes.RefProject}) ||
			r.Params["project_id"] != routes.ParamTarget ||
			!slices.Equal(r.Boundaries, []routes.Boundary{routes.BoundaryProject}) {
			t.Errorf("find %+v, boundaries %v", r.Find, r.Boundaries)
		}
	})
	t.Run("lookup", func(t *testing.T) {
		r := routestest.Find(t, table, "GET /runners/{runner_id}")
		want := routes.Lookup{Get: "/runners/{runner_id}", Project: "projects[].id", Group: "groups[].id",
			Instance: "runner_type=instance_type", User: "group=null", Send: "id"}
		if r.Find.From != routes.FindByLookup || *r.Find.Lookup != want {
			t.Errorf("find %+v", r.Find)
		}
		if !slices.Equal(r.Boundaries, []routes.Boundary{routes.BoundaryProject, routes.BoundaryGroup, routes.BoundaryInstance}) {
			t.Errorf("boundaries %v: project comes first", r.Boundaries)
		}
	})
	t.Run("the row's boundary wins", func(t *testing.T) {
		r := routestest.Find(t, table, "GET /runners")
		if !slices.Equal(r.Boundaries, []routes.Boundary{routes.BoundaryUser}) || !r.Spans || r.Find.From != routes.FindNowhere {
			t.Errorf("got %+v", r)
		}
	})
}

func TestLoadReadsOtherKinds(t *testing.T) {
	table := routestest.Load(t, "kind: open\nroutes:\n  - GET /templates slash\n  - {route: 'GET /templates/{name}', refuse: not now}\n")
	if r := routestest.Find(t, table, "GET /templates"); r.Kind != routes.KindOpen || r.Needs != nil || r.Boundaries != nil {
		t.Errorf("open row: %+v", r)
	}
	if r := routestest.Find(t, table, "GET /templates/{name}"); r.Refused != "not now" {
		t.Errorf("refused open row: %+v", r)
	}
	table = routestest.Load(t,
		"kind: other-credential\ncredentials:\n  CI job token:\n    - GET /job\n  SCIM token: [GET /api/scim/groups]\n")
	if r := routestest.Find(t, table, "GET /job"); r.Kind != routes.KindOtherCredential || r.Credential != "CI job token" {
		t.Errorf("other-credential row: %+v", r)
	}
	if r := routestest.Find(t, table, "GET /api/scim/groups"); r.Credential != "SCIM token" {
		t.Errorf("other-credential row: %+v", r)
	}
}

func TestLoadReportsAllProblemsInOrder(t *testing.T) {
	files := routestest.Files("resources:\n  job:\n    raed:\n      - GET /a\n    read:\n      - FETCH /b\n      - GET /c pubilc boundary=user\n")
	files[0].Data = []byte("forge: gitlab\nversion: 0\nbase: v4\n")
	overlay := []routes.File{{Name: "mine.yaml", Data: []byte("remove: [GET /x]\nresurces: {}\n")}}
	table, problems := load.Table(load.Options{Table: files, Overlay: overlay})
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
		t.Errorf("problems at %s\nwant       %s\n%v", got, want, routes.Problems(problems))
	}
}
