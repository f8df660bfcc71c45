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

// addressRows is a small table with addresses.
const addressRows = `
category: Planning
resources:
  job:
    read:
      - GET /projects/{project}/items
      - GET /projects/{project}/labels
addresses:
  - fields: [clone_url, _links.*]
    rows:
      - GET   /projects/{project}/items
  - fields: .url
    rows: ['GET /projects/{project}/items', 'GET /projects/{project}/labels']
`

func TestAddressRowsAreLoaded(t *testing.T) {
	table := routestest.Load(t, addressRows)
	if r := routestest.Find(t, table, "GET /projects/{project}/items"); !slices.Equal(r.Response.Addresses,
		[]string{"clone_url", "_links.*", ".url"}) {
		t.Errorf("items: %q", r.Response.Addresses)
	}
	if notes := inspect.Explain(table, "GET", "/projects/1/labels").Notes; !slices.Contains(notes,
		"addresses that programs follow lead to patgate: .url") {
		t.Errorf("labels are explained by %q", notes)
	}
}

func TestWrongAddressRowsAreReported(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"an unknown key", "fields: .url", "keys: .url", `unknown key "keys" in addresses`},
		{"a key that is none", "fields: .url", "fields: a.b.c", `"a.b.c" is not a key`},
		{"every key", "fields: .url", `fields: "*"`, `"*" is not a key`},
		{"a row that is none", "'GET /projects/{project}/labels']", "'PUT /projects/{project}/labels']",
			"there is no row PUT /projects/{project}/labels"},
		{"a key twice", "fields: .url", "fields: clone_url", "has clone_url twice under addresses"},
		{"an unknown folder", "fields: .url", "attachments: pulls", `there is no folder "pulls" of attachments`},
		{"a mapping", "addresses:\n", "addresses: {rows: []}\nx:\n", "addresses must be a list"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(addressRows, c.old, c.new, 1)
			if text == addressRows {
				t.Fatalf("%q is not in the table", c.old)
			}
			_, problems := load.Table(load.Options{Table: routestest.Files(text)})
			wantProblem(t, problems, c.want)
		})
	}
	t.Run("a row that takes no patgate token", func(t *testing.T) {
		other := "kind: other-credential\ncredentials:\n  job token:\n    - GET /job\naddresses: [{fields: url, rows: GET /job}]\n"
		_, problems := load.Table(load.Options{Table: append(routestest.Files(addressRows), routes.File{Name: "other.yaml",
			Data: []byte(other)})})
		wantProblem(t, problems, "takes no patgate token")
	})
	for _, row := range []string{"GET /labels boundary=instance", "GET /projects/{project}/all spans", "GET /groups/{group}/of/{project}"} {
		t.Run("attachments of "+row, func(t *testing.T) {
			method, path, _ := strings.Cut(row, " ")
			path, _, _ = strings.Cut(path, " ")
			other := "category: Others\nresources:\n  job:\n    read:\n      - route: \"" + row + "\"\n"
			if strings.Contains(row, "group") {
				other += "        targets: [{capture: project}]\n"
			}
			other += "addresses: [{attachments: issues, rows: '" + method + " " + path + "'}]\n"
			_, problems := load.Table(load.Options{Table: append(routestest.Files(addressRows), routes.File{Name: "other.yaml",
				Data: []byte(other)})})
			wantProblem(t, problems, "its path names no project that all of its answer lies in")
		})
	}
	t.Run("attachments of a project", func(t *testing.T) {
		table := routestest.Load(t, addressRows, "addresses: [{attachments: issues, rows: 'GET /projects/{project}/labels'}]")
		if r := routestest.Find(t, table, "GET /projects/{project}/labels"); r.Response.Attachments != "issues" ||
			!slices.Equal(r.Response.Addresses, []string{".url"}) {
			t.Errorf("%+v", r.Response)
		}
	})
	t.Run("an overlay says it again", func(t *testing.T) {
		table := routestest.Load(t, addressRows,
			"resources: {job: {read: ['GET /projects/{project}/labels']}}\naddresses: [{fields: [.url, self], rows: 'GET /projects/{project}/labels'}]")
		if r := routestest.Find(t, table, "GET /projects/{project}/labels"); !slices.Equal(r.Response.Addresses, []string{".url", "self"}) {
			t.Errorf("%q", r.Response.Addresses)
		}
	})
}
