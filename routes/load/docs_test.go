package load_test

import (
	"os"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
	"patgate/routes/routestest"
)

// TestDocumentedOverlaysLoad loads every overlay that docs/routes.md shows, on the built-in table.
func TestDocumentedOverlaysLoad(t *testing.T) {
	data, err := os.ReadFile("../../docs/routes.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for i, block := range strings.Split(string(data), "```yaml\n")[1:] {
		text, _, closed := strings.Cut(block, "```")
		if !closed || !strings.HasPrefix(text, "# overlay\n") {
			t.Errorf("block %d is no overlay", i+1)
			continue
		}
		found++
		if table, problems := load.Table(load.Options{Overlay: []routes.File{{Name: "docs/routes.md", Data: []byte(text)}}}); table == nil {
			t.Errorf("overlay %d does not load:\n%v", found, routes.Problems(problems))
		}
	}
	if found < 3 {
		t.Errorf("found %d overlays", found)
	}
}

// TestDocumentedKeys makes sure that every key, flag and class that the loader knows is in docs/routes.md.
func TestDocumentedKeys(t *testing.T) {
	data, err := os.ReadFile("../../docs/routes.md")
	if err != nil {
		t.Fatal(err)
	}
	want := append([]string{}, load.FileKeys...)
	want = append(want, "boundary:")
	for _, flag := range load.RowFlags {
		want = append(want, "`"+flag) // flags with a value end in =
	}
	_, problems := load.Table(load.Options{Table: routestest.Files(routestest.InJob("{route: 'GET /projects/{project}/a', completely_unknown: 1}"))})
	list, found := strings.CutPrefix(problems[0].Fix, "use one of route, ")
	if !found {
		t.Fatalf("an unknown key's fix does not list the keys: %v", problems[0])
	}
	for key := range strings.SplitSeq(list, ", ") {
		want = append(want, "| `"+key+"` |")
	}
	for _, name := range routes.ClassNames() {
		want = append(want, "`"+name+"`")
	}
	for _, name := range want {
		if !strings.Contains(string(data), name) && name != "forge" && name != "version" && name != "base" {
			t.Errorf("%s is not documented", name)
		}
	}
}
