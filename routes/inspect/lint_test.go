package inspect_test

import (
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/inspect"
	"patgate/routes/load"
	"patgate/routes/routestest"
)

func TestLintWarns(t *testing.T) {
	for _, c := range []struct{ name, rows, message string }{
		{"of a deprecated permission", "resources: {runner: {reset: [POST /a boundary=user]}}\n", "deprecated permission reset_runner"},
		{"of a deprecated permission of a target",
			routestest.InJob("{route: 'GET /projects/{project}/a', targets: [{param: x, ref: group, needs: reset_runner}]}"),
			"deprecated permission reset_runner of a target"},
		{"of a boundary on which the permission is not granted", routestest.InJob("GET /a boundary=user"),
			"boundary user, on which read_job is not granted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			report := inspect.Lint(load.Options{Table: routestest.Files(c.rows)})
			if report.Table == nil || len(report.Problems) > 0 {
				t.Fatalf("not loaded: %v", routes.Problems(report.Problems))
			}
			if len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0].Message, c.message) || report.Warnings[0].Fix == "" ||
				report.Warnings[0].Source.File != "rows.yaml" {
				t.Errorf("got %v, want %q", routes.Problems(report.Warnings), c.message)
			}
		})
	}
	t.Run("of nothing in a good table", func(t *testing.T) {
		if report := inspect.Lint(load.Options{Table: routestest.Files(routestest.InJob("GET /projects/{project}/a public"))}); report.Table == nil || len(report.Warnings) > 0 {
			t.Errorf("got %v", routes.Problems(report.Warnings))
		}
	})
	t.Run("only of the overlay when there is one", func(t *testing.T) {
		overlay := routestest.Overlay([]string{"resources: {runner: {reset: [POST /b boundary=user]}}\n"})
		report := inspect.Lint(load.Options{Table: routestest.Files("resources: {runner: {reset: [POST /a boundary=user]}}\n"),
			Overlay: overlay})
		if len(report.Warnings) != 1 || report.Warnings[0].Source.File != "a.yaml" {
			t.Errorf("got %v", routes.Problems(report.Warnings))
		}
	})
	t.Run("of a write of the user's that hardly any token reaches", func(t *testing.T) {
		rows := "resources: {job: {run: [POST /a boundary=project]}}\n"
		if report := inspect.Lint(load.Options{Table: routestest.Files(rows)}); len(report.Warnings) > 0 {
			t.Errorf("the table's own row: %v", routes.Problems(report.Warnings))
		}
		report := inspect.Lint(load.Options{Table: routestest.Files(""), Overlay: routestest.Overlay([]string{rows})})
		if len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0].Message, "only scopes with all_memberships reach it") {
			t.Errorf("got %v", routes.Problems(report.Warnings))
		}
	})
	t.Run("and reports problems first", func(t *testing.T) {
		if report := inspect.Lint(load.Options{Table: routestest.Files("a: b\n")}); report.Table != nil || len(report.Problems) != 1 ||
			report.Warnings != nil {
			t.Errorf("got %+v", report)
		}
	})
}
