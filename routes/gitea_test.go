package routes_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/inspect"
	"patgate/routes/load"
)

// giteaReferences are the lists of operations, with how many each has: Gitea's own, and those of Forgejo that Gitea lacks.
var giteaReferences = map[string]int{"testdata/gitea-rest.tsv": 467, "testdata/forgejo-rest.tsv": 45}

// giteaExtras are rows that no operation of the reference stands behind, and why they are there.
var giteaExtras = map[string]string{
	"GET /repos/{project}/actions/artifacts/{artifact_id}/zip/raw": "where the download of an artifact is redirected to",
	"GET /repos/{project}/compare/{*comparison}":                   "the second row of one operation, for what reaches another repository",
	"GET /repos/{project}/contents-ext":                            "the root of what the reference has with a path",
	"GET /repos/{project}/{ball_type}/{*archive}":                  "archives under another name",
	"POST /repos/{project}/markdown":                               "text rendered within a repository",
	"POST /repos/{project}/markdown/raw":                           "text rendered within a repository",
	"POST /repos/{project}/markup":                                 "text rendered within a repository",
}

// giteaOperation is one operation of the reference.
type giteaOperation struct{ method, path, name string }

func readGiteaOperations(t *testing.T) []giteaOperation {
	t.Helper()
	var out []giteaOperation
	for file, want := range giteaReferences {
		rows := readTSV(t, file, 6)
		if len(rows) != want {
			t.Fatalf("%s has %d operations, want %d", file, len(rows), want)
		}
		for _, row := range rows {
			out = append(out, giteaOperation{method: row[1], path: row[2], name: row[3]})
		}
	}
	return out
}

// TestGiteaTableIsGood: the embedded files load, and nothing in them is odd.
func TestGiteaTableIsGood(t *testing.T) {
	report := inspect.Lint(load.Options{Forge: routes.ForgeGitea})
	if len(report.Problems) > 0 {
		t.Fatal(routes.Problems(report.Problems))
	}
	if len(report.Warnings) > 0 {
		t.Errorf("%d warnings:\n%v", len(report.Warnings), routes.Problems(report.Warnings))
	}
}

// TestAgreementWithGitea asks the table about concrete requests for every operation that Gitea documents: each is one row,
// with the operation's own literals, and each row of the API stands behind one operation.
func TestAgreementWithGitea(t *testing.T) {
	table, err := load.Gitea()
	if err != nil {
		t.Fatal(err)
	}
	for _, difference := range giteaDifferences(table, readGiteaOperations(t)) {
		t.Error(difference)
	}
}

// TestAgreementWithGiteaNoticesDifferences plants a row that is gone, one that takes another's requests, and one too many.
func TestAgreementWithGiteaNoticesDifferences(t *testing.T) {
	operations := readGiteaOperations(t)
	for _, c := range []struct{ name, file, old, new, want string }{
		{"a row is gone", "wiki.yaml", "      - GET /repos/{project}/wiki/pages public\n", "", "repoGetWikiPages"},
		{"a row has another method", "wiki.yaml", "- DELETE /repos/{project}/wiki/page/", "- PUT /repos/{project}/wiki/page/", "repoDeleteWikiPage"},
		{"a row takes what belongs to another", "wiki.yaml", "GET /repos/{project}/wiki/pages public", "GET /repos/{project}/wiki/{*rest}", "repoGetWikiPages"},
		{"a row stands behind nothing", "wiki.yaml", "GET /repos/{project}/wiki/pages public", "GET /repos/{project}/wiki/pages public\n      - GET /repos/{project}/wiki/all public", "wiki/all"},
	} {
		t.Run(c.name, func(t *testing.T) {
			differences := giteaDifferences(giteaWith(t, c.file, c.old, c.new), operations)
			if !slices.ContainsFunc(differences, func(d string) bool { return strings.Contains(d, c.want) }) {
				t.Errorf("not noticed: %q", differences)
			}
		})
	}
}

// giteaWith loads the table for Gitea with a change to one of its files.
func giteaWith(t *testing.T, file, old, new string) *routes.Table {
	t.Helper()
	files := routes.GiteaFiles()
	i := slices.IndexFunc(files, func(f routes.File) bool { return f.Name == "routes/gitea/"+file })
	if i < 0 || !strings.Contains(string(files[i].Data), old) {
		t.Fatalf("%s has no %q", file, old)
	}
	files[i].Data = []byte(strings.Replace(string(files[i].Data), old, new, 1))
	table, problems := load.Table(load.Options{Table: files})
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	return table
}

// giteaDifferences lists what the table and the reference do not agree on.
func giteaDifferences(table *routes.Table, operations []giteaOperation) []string {
	var out []string
	differ := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	taken := map[*routes.Route]string{}
	var op routes.Operation
	for _, o := range operations {
		var row *routes.Route
		for _, target := range o.targets() {
			err := table.Classify(&op, o.method, []byte(table.Base()+target))
			switch {
			case err != nil:
				differ("%s: %s %s is refused: %v", o.name, o.method, target, err)
			case row != nil && row != op.Route:
				differ("%s is two rows, %s and %s", o.name, row.Source, op.Route.Source)
			case giteaShape(op.Route.Path) != giteaShape(o.path):
				differ("%s: %s %s is the row %s at %s", o.name, o.method, target, op.Route.Path, op.Route.Source)
			}
			row = op.Route
		}
		if row == nil {
			continue
		}
		if other, twice := taken[row]; twice {
			differ("%s and %s are one row, %s", o.name, other, row.Source)
		}
		taken[row] = o.name
	}
	for _, r := range table.Routes() {
		_, extra := giteaExtras[r.Method+" "+r.Path]
		switch used := taken[r] != ""; {
		case r.Surface != "" || strings.HasPrefix(r.Path, "/api/"): // not of the API that the reference describes
		case used && extra:
			differ("%s %s is no extra row: %s", r.Method, r.Path, taken[r])
		case !used && !extra:
			differ("%s %s at %s stands behind no operation", r.Method, r.Path, r.Source)
		}
	}
	return out
}

var (
	giteaProject = regexp.MustCompile(`\{(owner|org|template_owner)\}/\{(repo|template_repo)\}|\{project\}`)
	giteaCapture = regexp.MustCompile(`\{[^}]*\}`)
)

// giteaShape is a path without the names of its captures.
func giteaShape(path string) string {
	return giteaCapture.ReplaceAllString(giteaProject.ReplaceAllString(path, "{}/{}"), "{}")
}

// targets makes concrete requests for an operation: plain names, and names with dots, and slashes where Gitea takes them.
func (o giteaOperation) targets() []string {
	plain := giteaCapture.ReplaceAllStringFunc(o.path, func(c string) string { return o.value(c[1:len(c)-1], false) })
	odd := giteaCapture.ReplaceAllStringFunc(o.path, func(c string) string { return o.value(c[1:len(c)-1], true) })
	if plain == odd {
		return []string{plain}
	}
	return []string{plain, odd}
}

// giteaNumbers are the captures that Gitea reads as numbers.
var giteaNumbers = regexp.MustCompile(`^(id|index|position|run|comment|user-id|repository-id|artifact_id|attachment_id|job_id|runner_id)$`)

func (o giteaOperation) value(name string, odd bool) string {
	switch {
	case name == "id" && strings.Contains(o.path, "/milestones/"), giteaNumbers.MatchString(name) && !strings.Contains(o.path, "/hooks/git/"):
		return "17"
	case name == "diffType":
		return "patch"
	case name == "basehead":
		return "main...v1.2"
	case odd && (name == "branch" || name == "filepath" && !strings.Contains(o.path, "editorconfig") || name == "archive" || name == "head" ||
		name == "ref" && strings.Contains(o.path, "/git/refs/") || name == "tag" && strings.Contains(o.path, "/repo}/tags/")):
		return "some/v1.2.json"
	case name == "sha" && strings.HasSuffix(o.path, "{diffType}"):
		return "deadbeef" // Gitea's router looks for the first dot, too
	case odd:
		return "1.2-x.json"
	}
	return "alpha"
}
