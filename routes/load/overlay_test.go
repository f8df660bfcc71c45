package load_test

import (
	"slices"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/inspect"
	"patgate/routes/load"
	"patgate/routes/routestest"
)

const overlaidRows = `captures: {source_id: project}
resources:
  job:
    read:
      - GET /projects/{project}/jobs public
      - GET /projects/{project}/jobs/latest
      - GET /projects/{project}/jobs/{job_id}
      - GET /projects/{project}/index links
    run:
      - route: POST /projects/{project}/play
        targets: [{param: to_project_id, ref: project, needs: [run_job, create_work_item], required: true}]
        response: {remove: [runners_token]}
        mints: job token
        force: {with_shared: "false"}
        parameters: {group: refuse}
      - {route: 'POST /projects/{project}/refused', refuse: never}
      - route: POST /projects/{project}/copy/{source_id}
        targets: [{capture: source_id}]
  runner:
    read:
      - route: GET /runners/{id} boundary=project
        lookup: {get: '/runners/{id}', project: id}
      - GET /runners boundary=instance spans
`

func TestOverlay(t *testing.T) {
	base := routestest.Load(t, overlaidRows)

	t.Run("adds a row", func(t *testing.T) {
		table := routestest.Load(t, overlaidRows, "resources:\n  job:\n    run:\n      - POST /projects/{project}/ours\n")
		if len(table.Routes()) != len(base.Routes())+1 {
			t.Errorf("%d rows, had %d", len(table.Routes()), len(base.Routes()))
		}
		if r := routestest.Find(t, table, "POST /projects/{project}/ours"); r.Source.String() != "a.yaml:4" {
			t.Errorf("source %s", r.Source)
		}
	})
	t.Run("adds a permission and a row for it", func(t *testing.T) {
		table := routestest.Load(t, overlaidRows,
			"categories:\n  Ours:\n    rocket:\n      actions:\n        launch: {boundaries: [project]}\n"+
				"category: Ours\nresources:\n  rocket:\n    launch:\n      - POST /projects/{project}/rockets\n")
		r := routestest.Find(t, table, "POST /projects/{project}/rockets")
		if names := table.Catalogue().Names(r.Needs); !slices.Equal(names, []string{"launch_rocket"}) || r.Category != "Ours" {
			t.Errorf("needs %v, category %s", names, r.Category)
		}
	})
	t.Run("replaces a row in its place", func(t *testing.T) {
		table := routestest.Load(t, overlaidRows, "resources:\n  runner:\n    read:\n      - GET /projects/{project}/jobs slash\n")
		r := routestest.Find(t, table, "GET /projects/{project}/jobs")
		if r.Resource != "runner" || r.Public || table.Routes()[0] != r || len(table.Routes()) != len(base.Routes()) {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("the last overlay wins", func(t *testing.T) {
		table := routestest.Load(t, overlaidRows, "resources:\n  runner:\n    read:\n      - GET /projects/{project}/jobs\n",
			"resources:\n  job:\n    run:\n      - GET /projects/{project}/jobs\n")
		if r := routestest.Find(t, table, "GET /projects/{project}/jobs"); r.Action != "run" || r.Source.File != "b.yaml" {
			t.Errorf("got %s %s from %s", r.Action, r.Resource, r.Source)
		}
	})
	t.Run("removes a row, which then refuses and does not fall to another one", func(t *testing.T) {
		table := routestest.Load(t, overlaidRows, "remove:\n  - GET /projects/{project}/jobs/latest\n")
		e := inspect.Explain(table, "GET", "/projects/1/jobs/latest")
		if e.Refused != "this route was removed by a.yaml:2" || e.Route != "/projects/{project}/jobs/latest" {
			t.Errorf("explained as %+v: the forge serves it by a row of its own, so patgate must not take it for {job_id}", e)
		}
		if e := inspect.Explain(table, "GET", "/projects/1/jobs/7"); e.Refused != "" || e.Kind != "permission" {
			t.Errorf("another row was hit: %+v", e)
		}
		if routestest.Find(t, base, "GET /projects/{project}/jobs/latest").Refused != "" {
			t.Error("the table before was changed")
		}
	})
	t.Run("a later overlay brings a removed row back", func(t *testing.T) {
		table := routestest.Load(t, overlaidRows, "remove: GET /projects/{project}/jobs\n",
			"resources:\n  job:\n    read:\n      - GET /projects/{project}/jobs\n")
		if r := routestest.Find(t, table, "GET /projects/{project}/jobs"); r.Refused != "" {
			t.Errorf("still refused: %s", r.Refused)
		}
	})
	t.Run("the embedded form is accepted whole", func(t *testing.T) {
		overlay := routestest.Files(overlaidRows)
		for i := range overlay {
			overlay[i].Name = "mine/" + overlay[i].Name
		}
		table, problems := load.Table(load.Options{Table: routestest.Files(overlaidRows), Overlay: overlay})
		if len(problems) > 0 {
			t.Fatalf("an exported table does not load as an overlay: %v", routes.Problems(problems))
		}
		for i, r := range table.Routes() {
			if r.Source.File != "mine/rows.yaml" || r.Path != base.Routes()[i].Path {
				t.Errorf("row %d: %s from %s", i, r.Path, r.Source)
			}
		}
	})
	t.Run("unsafe lets a row drop its protection", func(t *testing.T) {
		table := routestest.Load(t, overlaidRows,
			"resources:\n  job:\n    run:\n      - {route: 'POST /projects/{project}/play', unsafe: true}\n")
		if r := routestest.Find(t, table, "POST /projects/{project}/play"); r.Targets != nil || r.Mints != "" {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("a row may keep all of it and change its permission", func(t *testing.T) {
		routestest.Load(t, overlaidRows, `resources:
  runner:
    read:
      - route: POST /projects/{project}/play
        targets: [{param: to_project_id, ref: project, needs: [create_work_item, read_job, run_job], required: true}]
        response: {remove: [other, runners_token]}
        mints: a job token
        force: {with_shared: "false"}
        parameters: {group: refuse}
`)
	})
}

func TestPlantedMistakesOfOverlays(t *testing.T) {
	play := func(keys string) string {
		return "resources:\n  job:\n    run:\n      - {route: 'POST /projects/{project}/play', " + keys + "}\n"
	}
	const (
		targets  = "targets: [{param: to_project_id, ref: project, needs: [run_job, create_work_item], required: true}]"
		response = "response: {remove: [runners_token]}"
		mints    = "mints: job token"
		force    = `force: {with_shared: "false"}`
		params   = "parameters: {group: refuse}"
	)
	keep := func(but int, instead string) string {
		keys := []string{targets, response, mints, force, params}
		keys[but] = instead
		return play(strings.Join(slices.DeleteFunc(keys, func(k string) bool { return k == "" }), ", "))
	}
	for _, c := range []planted{
		{"drops its targets", keep(0, ""), 4, "drops what protects it: target to_project_id", "unsafe: true"},
		{"weakens what a target needs", keep(0, "targets: [{param: to_project_id, ref: project, needs: run_job, required: true}]"), 4,
			"target to_project_id", "unsafe: true"},
		{"makes a target optional", keep(0, "targets: [{param: to_project_id, ref: project, needs: [run_job, create_work_item]}]"), 4,
			"target to_project_id", "unsafe: true"},
		{"drops its response", keep(1, ""), 4, "response.remove runners_token", "unsafe: true"},
		{"drops mints", keep(2, ""), 4, "protects it: mints", "unsafe: true"},
		{"drops a forced parameter", keep(3, ""), 4, "force with_shared", "unsafe: true"},
		{"lets a refused parameter pass", keep(4, "parameters: {group: pass}"), 4, "parameters group", "unsafe: true"},
		{"drops several things", play("also: read_job"), 4,
			"target to_project_id, response.remove runners_token, mints, force with_shared, parameters group", "unsafe: true"},
		{"allows what is refused", "resources:\n  job:\n    run:\n      - POST /projects/{project}/refused\n", 4, "protects it: refuse",
			"unsafe: true"},
		{"drops links", "resources:\n  job:\n    read:\n      - GET /projects/{project}/index\n", 4, "protects it: links", "unsafe: true"},
		{"drops spans", "resources:\n  runner:\n    read:\n      - GET /runners boundary=instance\n", 4, "protects it: spans",
			"unsafe: true"},
		{"drops a lookup", "resources:\n  runner:\n    read:\n      - GET /runners/{id} boundary=instance\n", 4,
			"where its container is found", "unsafe: true"},
		{"takes a container for a plain value",
			"captures: {source_id: int}\nresources:\n  job:\n    run:\n      - POST /projects/{project}/copy/{source_id}\n", 5,
			"target source_id", "unsafe: true"},
		{"says unsafe for nothing", "resources:\n  job:\n    read:\n      - {route: 'GET /projects/{project}/jobs', unsafe: true}\n", 4,
			"drops nothing", "remove `unsafe`"},
		{"appears twice in one overlay",
			"resources:\n  job:\n    read:\n      - GET /projects/{project}/x\n      - GET /projects/{project}/x\n", 5, "appears twice",
			"remove one"},
		{"replaces twice in one overlay",
			"resources:\n  job:\n    read:\n      - GET /projects/{project}/jobs\n      - GET /projects/{project}/jobs\n", 5,
			"appears twice", "remove one"},
		{"names a capture in another way", "resources:\n  job:\n    read:\n      - GET /projects/{project}/jobs/{id}\n", 4,
			"matches the same requests", "write it as GET /projects/{project}/jobs/{job_id}"},
		{"removes what is not there", "remove: ['GET /projects/{project}/job']\n", 1, "no row GET /projects/{project}/job to remove",
			"did you mean one of GET /projects/{project}/jobs,"},
		{"changes the version", "version: 9\nforge: gitlab\nbase: /api/v4\n", 1, "cannot change that", "remove forge"},
		{"declares a permission twice",
			"categories:\n  A:\n    x: {actions: {read: {boundaries: [user]}}}\n  B:\n    x: {actions: {read: {boundaries: [user]}}}\n",
			5, "declared twice, first at a.yaml:3", "remove one"},
		{"declares a permission without boundaries", "categories: {A: {x: {actions: {read: {abilities: read x}}}}}\n", 1,
			"has no boundaries", "boundaries: [project]"},
		{"declares a resource without actions", "categories: {A: {x: {title: X}}}\n", 1, "has no actions", "actions:"},
		{"declares what is no identifier", "categories: {A: {Merge Request: {actions: {read: {boundaries: project}}}}}\n", 1,
			"is not an identifier", "snake case"},
	} {
		t.Run(c.name, func(t *testing.T) {
			table, problems := load.Table(load.Options{Table: routestest.Files(overlaidRows),
				Overlay: routestest.Overlay([]string{c.rows})})
			expectProblem(t, "a.yaml", c, table, problems)
		})
	}
	t.Run("takes a job token's row for a permission", func(t *testing.T) {
		rows := "kind: other-credential\ncredentials: {CI job token: [GET /job]}\n"
		overlay := "resources:\n  job:\n    read:\n      - GET /job boundary=user\n"
		table, problems := load.Table(load.Options{Table: routestest.Files(rows), Overlay: routestest.Overlay([]string{overlay})})
		expectProblem(t, "a.yaml", planted{line: 4, message: "another credential (CI job token)", fix: "unsafe: true"}, table, problems)
	})
}

func TestHeader(t *testing.T) {
	rows := []routes.File{{Name: "permissions.yaml", Data: []byte(routestest.Catalogue)}}
	load := func(headers ...string) (*routes.Table, []routes.Problem) {
		files := rows
		for i, h := range headers {
			files = append(files[:len(files):len(files)], routes.File{Name: "table" + string(rune('1'+i)) + ".yaml", Data: []byte(h)})
		}
		return load.Table(load.Options{Table: files})
	}
	if table, problems := load(routestest.Header); len(problems) > 0 || table.Version() != 3 {
		t.Fatalf("a good header: %v", problems)
	}
	for _, c := range []struct {
		name    string
		headers []string
		message string
	}{
		{"none", nil, "no file says which forge"},
		{"two", []string{routestest.Header, routestest.Header}, "table1.yaml says what the table is for already"},
		{"no forge", []string{"version: 1\nbase: /api/v4\n"}, "no forge"},
		{"no version", []string{"forge: gitlab\nbase: /api/v4\n"}, "no version"},
		{"no base", []string{"forge: gitlab\nversion: 1\n"}, "no base"},
		{"a base with a capture", []string{"forge: gitlab\nversion: 1\nbase: /api/{x}\n"}, "is not a path like"},
	} {
		t.Run(c.name, func(t *testing.T) {
			table, problems := load(c.headers...)
			if table != nil || len(problems) != 1 || !strings.Contains(problems[0].Message, c.message) {
				t.Errorf("got %v, want %q", routes.Problems(problems), c.message)
			}
		})
	}
}
