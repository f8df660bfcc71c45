// Package routestest makes small route tables for tests.
package routestest

import (
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

// Header and Catalogue make small tables complete.
const (
	Header    = "forge: gitlab\nversion: 3\nbase: /api/v4\n"
	Catalogue = `categories:
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

// Files puts rows between the header and the catalogue of a small table.
func Files(rows string) []routes.File {
	files := []routes.File{{Name: "table.yaml", Data: []byte(Header)}, {Name: "permissions.yaml", Data: []byte(Catalogue)}}
	if rows != "" {
		files = append(files, routes.File{Name: "rows.yaml", Data: []byte(rows)})
	}
	return files
}

// Load loads a small table with overlays, each as the text of a file a.yaml, b.yaml and so on.
func Load(t *testing.T, rows string, overlays ...string) *routes.Table {
	t.Helper()
	table, problems := load.Table(load.Options{Table: Files(rows), Overlay: Overlay(overlays)})
	if len(problems) > 0 {
		t.Fatalf("loading: %v", routes.Problems(problems))
	}
	return table
}

// Overlay gives texts as the files a.yaml, b.yaml and so on of an overlay.
func Overlay(texts []string) []routes.File {
	var out []routes.File
	for i, text := range texts {
		out = append(out, routes.File{Name: string(rune('a'+i)) + ".yaml", Data: []byte(text)})
	}
	return out
}

// Find gives the row of that METHOD PATH.
func Find(t *testing.T, table *routes.Table, key string) *routes.Route {
	t.Helper()
	for _, r := range table.Routes() {
		if r.Method+" "+r.Path == key {
			return r
		}
	}
	t.Fatalf("the table has no row %s", key)
	return nil
}

// InJob puts rows under read_job, the first one in line 4.
func InJob(rows ...string) string {
	return "resources:\n  job:\n    read:\n      - " + strings.Join(rows, "\n      - ") + "\n"
}
