package load_test

import (
	"slices"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
	"patgate/routes/routestest"
)

func TestRowFlags(t *testing.T) {
	table := routestest.Load(t, `category: CI/CD
resources:
  job:
    read:
      - POST /projects/{project}/jobs/batch public
      - GET /jobs/{id} boundary=project
    run:
      - POST /projects/{project}/jobs/{id}/play runs_as_owner exports
      - POST /projects/{project}/packages auth=nuget_key,basic links
      - POST /projects/{project}/packages/any auth=any
      - route: POST /jobs/play boundary=project runs_as_owner
        find: {param: project_path, ref: project, send: path}
        effects: [grants_rights]
      - route: POST /jobs/retry boundary=project
        find: {param: project_id, ref: project}
`)
	t.Run("effects are flags", func(t *testing.T) {
		if r := routestest.Find(t, table, "POST /projects/{project}/jobs/{id}/play"); !slices.Equal(r.Effects,
			[]string{"runs_as_owner", "exports"}) {
			t.Errorf("effects %v", r.Effects)
		}
	})
	t.Run("places of the credential, in their order", func(t *testing.T) {
		if r := routestest.Find(t, table, "POST /projects/{project}/packages"); !slices.Equal(r.Auth,
			[]routes.Auth{routes.AuthNugetKey, routes.AuthBasic}) || !r.Response.Links {
			t.Errorf("%v, %+v", r.Auth, r.Response)
		}
		if r := routestest.Find(t, table, "POST /projects/{project}/packages/any"); !slices.Equal(r.Auth,
			[]routes.Auth{routes.AuthPrivateToken, routes.AuthBearer, routes.AuthBasic}) || r.Response.Links {
			t.Errorf("%v, %+v", r.Auth, r.Response)
		}
	})
	t.Run("flags and the key effects add up", func(t *testing.T) {
		if r := routestest.Find(t, table, "POST /jobs/play"); !slices.Equal(r.Effects, []string{"runs_as_owner", "grants_rights"}) {
			t.Errorf("effects %v", r.Effects)
		}
	})
	t.Run("a read by POST can be public", func(t *testing.T) {
		if r := routestest.Find(t, table, "POST /projects/{project}/jobs/batch"); !r.Public {
			t.Error("not public")
		}
	})
	t.Run("find sends a path when the row says so", func(t *testing.T) {
		if r := routestest.Find(t, table, "POST /jobs/play"); !r.Find.SendPath || r.Find.Name != "project_path" {
			t.Errorf("find %+v", r.Find)
		}
		if r := routestest.Find(t, table, "POST /jobs/retry"); r.Find.SendPath {
			t.Errorf("find %+v", r.Find)
		}
	})
}

func TestRowFlagsRefuse(t *testing.T) {
	for name, c := range map[string]struct{ row, want string }{
		"public on a write":        {"- PUT /projects/{project}/jobs public", "only reads can be public"},
		"an effect that is twice":  {"- GET /projects/{project}/jobs exports exports", "appears twice"},
		"an effect nobody knows":   {"- GET /projects/{project}/jobs export", "unknown flag"},
		"a place nobody knows":     {"- GET /projects/{project}/jobs auth=cookie", "unknown place"},
		"a place that is twice":    {"- GET /projects/{project}/jobs auth=basic,basic", "appears twice"},
		"a ticket or something":    {"- GET /projects/{project}/jobs auth=ticket,basic", "takes nothing else"},
		"an unknown form to send":  {"- {route: GET /jobs boundary=project, find: {param: p, ref: project, send: name}}", "unknown form"},
		"effects of an open route": {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			rows := "category: CI/CD\nresources:\n  job:\n    read:\n      " + c.row + "\n"
			if c.row == "" {
				rows, c.want = "kind: open\nroutes:\n  - GET /version exports\n", "belong to rows that need a permission"
			}
			_, problems := load.Table(load.Options{Table: routestest.Files(rows)})
			if len(problems) != 1 || !strings.Contains(problems[0].Error(), c.want) {
				t.Errorf("problems %v, want one with %q", problems, c.want)
			}
		})
	}
}
