package load_test

import (
	"fmt"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
	"patgate/routes/routestest"
)

// planted is a table with one mistake, and the problem that must be reported for it.
type planted struct {
	name    string
	rows    string // of rows.yaml
	line    int
	message string // a part of the message
	fix     string // a part of the fix; line 0 means that there is no problem
}

// TestPlantedMistakes shows that each rule of the loader finds what it is for: one problem, in the right line, with a fix.
func TestPlantedMistakes(t *testing.T) {
	for _, c := range []planted{
		{"no YAML", "resources: [", 1, "did not find", "correct the YAML"},
		{"a class inside an unquoted row", routestest.InJob("GET /a/{x: int}"), 4, "has no route", "between double quotes"},
		{"an unquoted row between braces", routestest.InJob("{route: GET /projects/{project}/a, also: run_job}"), 4,
			"did not find expected ',' or '}'", "between quotes"},
		{"a second document", routestest.InJob("GET /projects/{project}/a") + "---\na: b\n", 5, "second YAML document", "two files"},
		{"an empty file", " \n", 1, "empty", "remove the file"},
		{"a comment and nothing else", "# nothing\n", 1, "empty", "remove the file"},
		{"a list as the file", "- a\n", 1, "must be a mapping, not a list", "key: value"},
		{"nothing behind a document's beginning", "---", 1, "must be a mapping, not empty", "key: value"},
		{"an anchor", "category: &c CI\n" + routestest.InJob("GET /projects/{project}/a"), 1, "anchors are not read", "remove it"},
		{"a tag", "category: !mine CI\n" + routestest.InJob("GET /projects/{project}/a"), 1, "tags are not read", "remove it"},
		{"an unknown key", "ressources: {}\n", 1, `unknown key "ressources"`, "did you mean resources?"},
		{"a key twice", "category: a\ncategory: b\n" + routestest.InJob("GET /projects/{project}/a"), 2, "appears twice, first in line 1",
			"merge"},
		{"an empty value", "category:\n" + routestest.InJob("GET /projects/{project}/a"), 1, "must be a text, not empty", "write a text"},
		{"a list of rows that is empty", "resources:\n  job:\n    read: []\n", 3, "is empty", "fill it"},
		{"rows that are no list", "resources:\n  job:\n    read: GET /a\n", 3, "must be a list", "- "},
		{"an unknown kind", "kind: opne\n", 1, `unknown kind "opne"`, "use permission, open"},
		{"rows of another kind", "kind: open\n" + routestest.InJob("GET /a"), 2, "does not belong to a file of kind open", "write routes"},
		{"a permission's flag on an open row", "kind: open\nroutes:\n  - GET /a public\n", 3, "belong to rows that need a permission",
			"remove the flag"},
		{"a permission's key on an open row", "kind: open\nroutes:\n  - {route: GET /a, also: read_job}\n", 3, `unknown key "also"`,
			"use one of"},

		{"an unknown permission", "resources:\n  job:\n    raed:\n      - GET /a\n", 3, `unknown permission "raed_job"`,
			"did you mean read_job?"},
		{"words in another order", "resources:\n  job:\n    read: [{route: 'GET /projects/{project}/a', also: job_run}]\n", 3,
			`unknown permission "job_run" in also`, "did you mean run_job"},
		{"a permission that is like no other", routestest.InJob("{route: 'GET /projects/{project}/a', also: fly_to_the_moon}"), 4,
			"unknown permission", "patgate routes list"},
		{"a permission twice", routestest.InJob("{route: 'GET /projects/{project}/a', also: read_job}"), 4, "is needed already",
			"remove it"},

		{"a row without a path", routestest.InJob("GET"), 4, "has no path", "METHOD PATH"},
		{"an unknown method", routestest.InJob("FETCH /a"), 4, `method "FETCH" has no rows`, "use GET"},
		{"a method in lower case", routestest.InJob("get /a"), 4, `method "get" has no rows`, "write GET"},
		{"HEAD", routestest.InJob("HEAD /a"), 4, `method "HEAD" has no rows`, "HEAD is read as GET"},
		{"a path without a slash", routestest.InJob("GET a"), 4, "must start with /", "docs/routes.md"},
		{"an unknown class", "captures: {x: numeral}\n" + routestest.InJob("GET /projects/{project}/{x}"), 1, `unknown class "numeral"`,
			"use group, hex, int"},
		{"an expression that does not compile", "captures: {x: /(/}\n" + routestest.InJob("GET /projects/{project}/{x}"), 1,
			"reading the expression", "use group, hex, int"},
		{"a reference's name for something else", "captures: {project: int}\n" + routestest.InJob("GET /projects/{project}/a"), 1,
			"always a reference", "something else"},
		{"a description among the rows", "resources:\n  job:\n    title: Job\n    read: ['GET /projects/{project}/a']\n", 3,
			"describes a permission", "categories"},
		{"a class that no row uses", "captures: {job_ib: int}\n" + routestest.InJob("GET /projects/{project}/{job_id}"), 1,
			`no row of the file has a capture "job_ib"`, "did you mean job_id?"},
		{"a capture twice", routestest.InJob("GET /projects/{project}/{project}"), 4, "appears twice", "path notation"},
		{"an unknown flag", routestest.InJob("GET /projects/{project}/a pubilc"), 4, `unknown flag "pubilc"`, "did you mean public?"},
		{"a flag twice", routestest.InJob("GET /projects/{project}/a slash slash"), 4, "appears twice", "write it once"},
		{"public on a write", routestest.InJob("PUT /projects/{project}/a public"), 4, "only reads can be public", "remove the flag"},
		{"public without a container", routestest.InJob("GET /a public boundary=user"), 4, "has no project or group that could be",
			"remove"},
		{"a format that is no suffix", routestest.InJob("GET /projects/{project}/a formats=.json"), 0, "", ""},
		{"a format with a slash", routestest.InJob("GET /projects/{project}/a formats=a/b"), 4, "no suffix has", "formats=json"},
		{"since without a version", routestest.InJob("GET /projects/{project}/a since=new"), 4, "has no version", "since=2"},
		{"since in the future", routestest.InJob("GET /projects/{project}/a since=4"), 4, "newer than the table's version 3", "raise"},

		{"no boundary", routestest.InJob("GET /a"), 4, "declares no boundary", "boundary=user"},
		{"an unknown boundary", routestest.InJob("GET /a boundary=projects"), 4, `unknown boundary "projects"`, "use project"},
		{"a boundary twice", routestest.InJob("GET /a boundary=user,user"), 4, "appears twice", "once"},
		{"a second project that nothing checks", routestest.InJob("GET /projects/{project}/a/{group}"), 4,
			"second group in {group} that nothing checks", "targets: [{capture: group"},
		{"the container as a target", routestest.InJob("{route: 'GET /projects/{project}/a', targets: [{capture: project}]}"), 4,
			"is the row's own container", "remove it"},
		{"a target that the path does not have",
			routestest.InJob("{route: 'GET /projects/{project}/a/{source}', targets: [{capture: sauce}]}"), 4, `no capture "sauce"`,
			"did you mean source?"},
		{"a target that names no container",
			routestest.InJob("{route: 'GET /projects/{project}/a/{source}', targets: [{capture: source}]}"), 4, "names no container",
			"captures"},
		{"a target that names nothing", routestest.InJob("{route: 'GET /projects/{project}/a', targets: [{ref: project}]}"), 4,
			"must name one parameter or one capture", "param: name"},
		{"a target without ref", routestest.InJob("{route: 'GET /projects/{project}/a', targets: [{param: to}]}"), 4,
			`does not say what "to" names`, "ref: project"},
		{"a target that is a user", routestest.InJob("{route: 'GET /projects/{project}/a', targets: [{param: to, ref: user}]}"), 4,
			`unknown ref "user"`, "use project"},
		{"a target that needs nothing",
			routestest.InJob("{route: 'GET /projects/{project}/a', targets: [{param: to, ref: project, needs: []}]}"), 4,
			"needs is empty", "remove the key"},
		{"a target twice",
			routestest.InJob("{route: 'GET /projects/{project}/a', targets: [{param: to, ref: project}, {param: to, ref: group}]}"), 4,
			"declared twice", "remove one"},
		{"a target that is passed on too",
			routestest.InJob("{route: 'GET /projects/{project}/a', parameters: {to: pass}, targets: [{param: to, ref: project}]}"), 4,
			"declared twice", "remove one"},
		{"an unknown form to send",
			routestest.InJob("{route: 'GET /projects/{project}/a', targets: [{param: to, ref: project, send: name}]}"), 4,
			`unknown form "name"`, "id or path"},
		{"find and lookup",
			routestest.InJob("{route: 'GET /jobs/{id}', find: {param: p, ref: project}, lookup: {get: '/jobs/{id}', project: id}}"), 4,
			"both find and lookup", "keep one"},
		{"a lookup that finds nothing", routestest.InJob("{route: 'GET /jobs/{id} boundary=project', lookup: {get: '/jobs/{id}'}}"), 4,
			"does not say which field", "project: field"},
		{"a lookup without a path", routestest.InJob("{route: 'GET /jobs/{id} boundary=project', lookup: {project: id}}"), 4,
			"no path that can be read", "get: /path"},
		{"a lookup of another capture",
			routestest.InJob("{route: 'GET /jobs/{id} boundary=project', lookup: {get: '/jobs/{job_id}', project: id}}"), 4,
			`has no capture "job_id"`, "capture of the row"},
		{"a lookup's condition without a value",
			routestest.InJob("{route: 'GET /jobs/{id} boundary=instance', lookup: {get: '/jobs/{id}', instance: shared}}"), 4,
			"has no value", "field=value"},

		{"a row without a route", routestest.InJob("{also: read_job}"), 4, "has no route", "route: METHOD PATH"},
		{"an unknown key of a row", routestest.InJob("{route: 'GET /projects/{project}/a', target: []}"), 4, `unknown key "target"`,
			"did you mean targets?"},
		{"a parameter's rule", routestest.InJob("{route: 'GET /projects/{project}/a', parameters: {x: check}}"), 4,
			`unknown rule "check"`, "or refuse"},
		{"an unknown effect", routestest.InJob("{route: 'GET /projects/{project}/a', effects: export}"), 4, `unknown effect "export"`,
			"did you mean exports?"},
		{"a limit without a unit", routestest.InJob("{route: 'GET /projects/{project}/a', body: {limit: 10}}"), 4, "no unit", "10MiB"},
		{"a limit that is no number", routestest.InJob("{route: 'GET /projects/{project}/a', body: {limit: tenMiB}}"), 4,
			"not a whole number", "10MiB"},
		{"a limit out of bounds", routestest.InJob("{route: 'GET /projects/{project}/a', body: {limit: 17GiB}}"), 4, "more than 16 GiB",
			"10MiB"},
		{"a media type with a parameter",
			routestest.InJob("{route: 'GET /projects/{project}/a', body: {stream: 'text/plain; charset=utf-8'}}"), 4, "is not a media type",
			"without parameters"},
		{"a reason on two lines", routestest.InJob(`{route: 'GET /projects/{project}/a', refuse: "one\ntwo"}`), 4, "must be one line",
			"one line"},
		{"unsafe in the table itself", routestest.InJob("{route: 'GET /projects/{project}/a', unsafe: true}"), 4, "belongs to overlays",
			"remove"},
		{"a reason that is a list", routestest.InJob("{route: 'GET /projects/{project}/a', refuse: [no]}"), 4,
			"must be a text, not a list", "write a text"},
		{"a row that is an empty mapping", routestest.InJob("{}"), 4, "must be a text, not a mapping", "write a text"},

		{"a row twice", routestest.InJob("GET /projects/{project}/a", "GET /projects/{project}/a slash"), 5,
			"appears twice, first at rows.yaml:4", "also:"},
		{"rows for the same requests", routestest.InJob("GET /projects/{project}/{a}", "GET /projects/{project}/{b}"), 5,
			"matches the same requests", "another class"},
		{"after a row that does not exist", routestest.InJob("{route: 'GET /projects/{project}/a', after: ['GET /b']}"), 4,
			"which is not a row", "METHOD PATH"},
		{"a wide path that no capture widens", "wide: /a/{b}\n", 1, "no capture takes several segments", "{*name}"},
		{"a wide path that is none", "wide: [a]\n", 1, "must start with /", "as in a row"},
		{"a wide path with a character that has two spellings", "wide: ['/a/{*b}/@v']\n", 1, "written in two ways", "leave it out"},
		{"a wide path with more than a capture in a part", "wide: ['/a/{*b}/v{c}']\n", 1, "written in two ways", "leave it out"},
		{"a wide path that is a mapping", "wide: [{a: b}]\n", 1, "must be a text, not a mapping", "write a text"},
		{"a row that can never match", "captures: {a: '/[^!]+/', b: '/z.*/'}\n" + routestest.InJob("GET /projects/{project}/{a}",
			"GET /projects/{project}/{b}"), 6, "can never match", "class of a capture"},
	} {
		t.Run(c.name, func(t *testing.T) {
			table, problems := load.Table(load.Options{Table: routestest.Files(c.rows)})
			expectProblem(t, "rows.yaml", c, table, problems)
		})
	}
}

// expectProblem checks that exactly the planted problem was reported, and none when it has line 0.
func expectProblem(t *testing.T, file string, c planted, table *routes.Table, problems []routes.Problem) {
	t.Helper()
	if c.line == 0 {
		if len(problems) > 0 {
			t.Errorf("got %v, want no problem", routes.Problems(problems))
		}
		return
	}
	if table != nil {
		t.Error("the table was loaded")
	}
	if len(problems) != 1 {
		t.Fatalf("got %d problems, want one:\n%v", len(problems), routes.Problems(problems))
	}
	p := problems[0]
	if want := fmt.Sprintf("%s:%d", file, c.line); p.Source.String() != want {
		t.Errorf("at %s, want %s: %v", p.Source, want, p)
	}
	if !strings.Contains(p.Message, c.message) || c.message == "" {
		t.Errorf("message %q, want %q in it", p.Message, c.message)
	}
	if !strings.Contains(p.Fix, c.fix) || c.fix == "" {
		t.Errorf("fix %q, want %q in it", p.Fix, c.fix)
	}
}
