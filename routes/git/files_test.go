package git

import (
	"bytes"
	"errors"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

// aUUID names a file.
const aUUID = "0b9b8f1c-3c8e-4d7b-9a55-5d9a5bb0c001"

func TestFiles(t *testing.T) {
	table, err := load.Gitea()
	if err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]struct{ row, sent string }{
		"/acme/app/raw/branch/main/README.md":         {"/{project}/raw/{*filepath}", "/Acme/App/raw/branch/main/README.md"},
		"/acme/app/raw/branch/main/a%20b%C3%A9.md":    {"/{project}/raw/{*filepath}", "/Acme/App/raw/branch/main/a%20b%C3%A9.md"},
		"/acme/app/raw/info/refs":                     {"/{project}/raw/{*filepath}", "/Acme/App/raw/info/refs"},
		"/acme/app/archive/v1.0.tar.gz":               {"/{project}/archive/{*filepath}", "/Acme/App/archive/v1.0.tar.gz"},
		"/acme/raw/archive/main.zip":                  {"/{project}/archive/{*filepath}", "/Acme/App/archive/main.zip"},
		"/acme/app/releases/download/v1.0/tool_1.zip": {"/{project}/releases/download/{*filepath}", "/Acme/App/releases/download/v1.0/tool_1.zip"},
		"/acme/app/issues/attachments/" + aUUID:       {"/{project}/issues/attachments/{uuid}", "/Acme/App/attachments/" + aUUID},
		"/acme/app/releases/attachments/" + aUUID + "?ticket=pgf.x-_Y": {"/{project}/releases/attachments/{uuid}",
			"/Acme/App/attachments/" + aUUID},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			t.Run(method+" "+target, func(t *testing.T) {
				path, _, _ := bytes.Cut([]byte(target), []byte{'?'})
				if !LayoutOf(routes.ForgeGitea).Has(path) {
					t.Fatal("not seen as such")
				}
				var op routes.Operation
				var r Request
				if err := Classify(table, &op, &r, method, []byte(target)); err != nil {
					t.Fatal(err)
				}
				if op.Route.Path != want.row || op.Head != (method == "HEAD") || r.Name.Kind != RepositoryFile {
					t.Errorf("row %q of %+v", op.Route.Path, r.Name)
				}
				if sent := string(r.AppendTarget(nil, "Acme/App")); sent != want.sent {
					t.Errorf("sent is %q", sent)
				}
			})
		}
	}
	for name, c := range map[string]struct{ method, target string }{
		"another method":     {"POST", "/acme/app/archive/main.zip"},
		"a query":            {"GET", "/acme/app/raw/branch/main/README.md?token=x"},
		"an empty query":     {"GET", "/acme/app/raw/branch/main/README.md?"},
		"an empty one there": {"GET", "/acme/app/issues/attachments/" + aUUID + "?"},
		"no ticket":          {"GET", "/acme/app/issues/attachments/" + aUUID + "?token=x"},
		"a second parameter": {"GET", "/acme/app/issues/attachments/" + aUUID + "?ticket=x&token=x"},
		"another separator":  {"GET", "/acme/app/issues/attachments/" + aUUID + "?ticket=x;token=x"},
		"an encoded ticket":  {"GET", "/acme/app/issues/attachments/" + aUUID + "?ticket=%78"},
		"no UUID":            {"GET", "/acme/app/issues/attachments/" + aUUID[1:]},
		"a UUID and more":    {"GET", "/acme/app/issues/attachments/" + aUUID + "/x"},
		"an encoded UUID":    {"GET", "/acme/app/issues/attachments/%30" + aUUID[1:]},
		"of a wiki":          {"GET", "/acme/app.wiki/issues/attachments/" + aUUID},
		"a deletion":         {"DELETE", "/acme/app/issues/attachments/" + aUUID},
		"a dot segment":      {"GET", "/acme/app/raw/branch/../../../umbra/app/raw/branch/main/x"},
		"a hidden one":       {"GET", "/acme/app/raw/branch/%2e%2E/x"},
		"half hidden":        {"GET", "/acme/app/raw/branch/.%2e/x"},
		"a hidden slash":     {"GET", "/acme/app/raw/branch/a%2fb"},
		"a backslash":        {"GET", "/acme/app/raw/branch/a%5cb"},
		"dots, twice":        {"GET", "/acme/app/raw/branch/%252e%252e/b"},
		"a null":             {"GET", "/acme/app/raw/branch/a%00"},
		"an empty segment":   {"GET", "/acme/app/raw/branch//a"},
		"a slash at the end": {"GET", "/acme/app/raw/branch/"},
		"no UTF-8":           {"GET", "/acme/app/raw/branch/%ff"},
		"cut off":            {"GET", "/acme/app/raw/branch/a%2"},
		"a wiki":             {"GET", "/acme/app.wiki/raw/Home.md"},
		"with .git":          {"GET", "/acme/app.git/raw/branch/main/x"},
		"an encoded owner":   {"GET", "/ac%6de/app/raw/branch/main/x"},
		"a semicolon":        {"GET", "/acme/app/raw/branch/main/x;y"},
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			var op routes.Operation
			var r Request
			err := Classify(table, &op, &r, c.method, []byte(c.target))
			if _, refused := errors.AsType[*routes.Refusal](err); !refused || op.Route != nil {
				t.Errorf("%v, %v", err, op.Route)
			}
		})
	}
	for _, other := range []string{"", "/", "/raw/x", "/acme/raw/x", "/acme/app/raw", "/acme/app/raw/", "/acme/app/releases/tag/v1",
		"/acme/app/issues/attachments/remove",
		"/acme/app/releases/attachments/" + aUUID + "/x", "/acme/app/src/branch/main/raw/x", "//app/raw/x", "/acme//raw/x"} {
		if _, _, _, ok := fileIn([]byte(other)); ok {
			t.Errorf("%q is taken for a file", other)
		}
	}
	gitlab, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	var op routes.Operation
	var r Request
	if err := Classify(gitlab, &op, &r, "GET", []byte("/acme/app/raw/branch/main/README.md")); err == nil {
		t.Error("GitLab has no such files")
	}
}
