package load_test

import (
	"bytes"
	"reflect"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
	"patgate/routes/routestest"
)

// FuzzLoad reads arbitrary bytes as a file of a table and as an overlay. It must not panic, a table comes exactly when
// there is no problem, and every problem has a place in the file and a fix.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{"", "a: b", "resources: {job: {read: [GET /projects/{project}]}}",
		routestest.InJob("GET /projects/{project}/jobs public slash"),
		overlaidRows, routestest.Catalogue, routestest.Header, "remove: GET /a", "a: &x [*x]", "--- a\n--- b", "\xff",
		"kind: open\nroutes: [GET /a]",
		"kind: other-credential\ncredentials: {a: [GET /b]}",
		routestest.InJob("{route: 'GET /a/{group}/{project}', targets: [{capture: project}], after: GET /b}")} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, opts := range []load.Options{
			{Table: append(routestest.Files(""), routes.File{Name: "fuzz.yaml", Data: data})},
			{Table: routestest.Files(overlaidRows), Overlay: []routes.File{{Name: "fuzz.yaml", Data: data}}},
		} {
			table, problems := load.Table(opts)
			if (table == nil) != (len(problems) > 0) {
				t.Fatalf("table %v with problems %v", table != nil, routes.Problems(problems))
			}
			lines := bytes.Count(data, []byte("\n")) + 1
			for _, p := range problems {
				if p.Message == "" || p.Fix == "" {
					t.Errorf("problem without message or fix: %+v", p)
				}
				if p.Source.File == "fuzz.yaml" && (p.Source.Line < 1 || p.Source.Line > lines) {
					t.Errorf("%v: the file has %d lines", p, lines)
				}
			}
			if _, again := load.Table(opts); !reflect.DeepEqual(problems, again) {
				t.Errorf("problems differ from one load to the next:\n%v\n\n%v", routes.Problems(problems), routes.Problems(again))
			}
			if table == nil {
				continue
			}
			for _, r := range table.Routes() {
				if r.Kind == routes.KindPermission && (len(r.Boundaries) == 0 || len(r.Needs) == 0 || r.NeedSet.Empty()) {
					t.Errorf("row %s %s needs nothing or has no boundary", r.Method, r.Path)
				}
				for _, target := range r.Targets {
					if target.NeedSet.Empty() || target.Ref == routes.RefNone {
						t.Errorf("row %s %s has a target that nothing checks: %+v", r.Method, r.Path, target)
					}
				}
			}
		}
	})
}
