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

// renderedRows is a small table with rendered texts.
const renderedRows = `
category: Planning
resources:
  job:
    read:
      - GET /projects/{project}/items
      - GET /projects/{project}/labels
      - route: GET /projects/{project}/status
        response: {shows_rendered: emoji alone}
  work_item:
    update:
      - PUT /projects/{project}/items/{id}
rendered:
  always:
    - GET   /projects/{project}/labels
    - PUT /projects/{project}/items/{id}
  with:
    details: GET /projects/{project}/items
`

func TestRenderedRowsAreLoaded(t *testing.T) {
	table := routestest.Load(t, renderedRows)
	if r := routestest.Find(t, table, "GET /projects/{project}/labels"); !r.Response.Rendered || r.Response.RenderedFor != nil {
		t.Errorf("labels: %+v", r.Response)
	}
	if r := routestest.Find(t, table, "GET /projects/{project}/items"); r.Response.Rendered || !slices.Equal(r.Response.RenderedFor,
		[]string{"details"}) {
		t.Errorf("items: %+v", r.Response)
	}
	for target, want := range map[string]string{
		"/projects/1/labels": "texts that the forge rendered are taken out of the answer",
		"/projects/1/status": "rendered texts stay in the answer: emoji alone",
		"/projects/1/items":  "with details, texts that the forge rendered are taken out of the answer"} {
		if notes := inspect.Explain(table, "GET", target).Notes; !slices.Contains(notes, want) {
			t.Errorf("%s is explained by %q", target, notes)
		}
	}
}

func TestWrongRenderedRowsAreReported(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"an unknown key", "  always:", "  ever:", `unknown key "ever" in rendered`},
		{"a row that is none", "\n    - PUT /projects/{project}/items/{id}", "\n    - PUT /projects/{project}/items",
			"there is no row PUT /projects/{project}/items whose answer"},
		{"a row twice", "\n    - PUT /projects/{project}/items/{id}", "\n    - GET /projects/{project}/labels",
			"appears twice under rendered"},
		{"a row that says otherwise", "\n    - PUT /projects/{project}/items/{id}", "\n    - GET /projects/{project}/status",
			"says itself that it shows rendered texts"},
		{"a parameter of a body", "details: GET /projects/{project}/items", "details: PUT /projects/{project}/items/{id}", "is not a GET"},
		{"a reason that is empty", "{shows_rendered: emoji alone}", `{shows_rendered: ""}`, "the reason must be a text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(renderedRows, c.old, c.new, 1)
			if text == renderedRows {
				t.Fatalf("%q is not in the table", c.old)
			}
			_, problems := load.Table(load.Options{Table: routestest.Files(text)})
			wantProblem(t, problems, c.want)
		})
	}
}

func TestOverlaysOfRenderedRows(t *testing.T) {
	load := func(rows string) (*routes.Table, []routes.Problem) {
		return load.Table(load.Options{Table: routestest.Files(renderedRows), Overlay: routestest.Overlay([]string{rows})})
	}
	t.Run("a row that is replaced still loses what is rendered", func(t *testing.T) {
		table := routestest.Load(t, renderedRows, "resources: {job: {read: ['GET /projects/{project}/labels']}}")
		if r := routestest.Find(t, table, "GET /projects/{project}/labels"); !r.Response.Rendered || r.Source.File != "a.yaml" {
			t.Errorf("%+v", r)
		}
	})
	t.Run("a row of the overlay's own", func(t *testing.T) {
		table := routestest.Load(t, renderedRows,
			"category: Ours\nresources: {job: {read: ['GET /projects/{project}/ours']}}\nrendered: {always: ['GET /projects/{project}/ours']}")
		if r := routestest.Find(t, table, "GET /projects/{project}/ours"); !r.Response.Rendered {
			t.Errorf("%+v", r)
		}
	})
	const shown = "resources: {job: {read: [{route: 'GET /projects/{project}/labels', response: {shows_rendered: ours}%s}]}}"
	t.Run("a row that shows it", func(t *testing.T) {
		_, problems := load(strings.Replace(shown, "%s", "", 1))
		wantProblem(t, problems, "drops what protects it: that its answer shows no rendered text")
	})
	t.Run("a row that shows it and says so", func(t *testing.T) {
		table, problems := load(strings.Replace(shown, "%s", ", unsafe: true", 1))
		if len(problems) > 0 {
			t.Fatal(routes.Problems(problems))
		}
		if r := routestest.Find(t, table, "GET /projects/{project}/labels"); r.Response.Rendered || r.Response.ShowsRendered != "ours" {
			t.Errorf("%+v", r.Response)
		}
	})
}
