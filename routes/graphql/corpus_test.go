package graphql_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"patgate/routes/graphql"
	"patgate/routes/load"
)

// client is what a file of testdata/corpus holds: the documents of one client, in their shape.
type client []struct {
	Name      string                    `json:"name"`
	Query     string                    `json:"query"`
	Variables map[string]jsontext.Value `json:"variables"`
	Want      string                    `json:"want"`
	Why       string                    `json:"why"`
}

// rootsOf gives the root fields that a document asks for.
func rootsOf(t *testing.T, query string) (roots []string) {
	t.Helper()
	doc, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range doc.Operations {
		for _, s := range o.SelectionSet {
			if f, is := s.(*ast.Field); is {
				roots = append(roots, string(o.Operation)+" "+f.Name)
			}
		}
	}
	return roots
}

// corpusRows gives a line of the table of docs/graphql.md for each client: how many documents it has, how many can be allowed, and how
// many of these to a token for selected projects and groups; and a line of the root fields that they ask for, and how many of these
// stand in a document that can be allowed.
func corpusRows(t *testing.T, r *graphql.Reader) (rows []string, all, allowed int) {
	t.Helper()
	roots := map[string]bool{}
	defer func() {
		good := 0
		for _, is := range roots {
			if is {
				good++
			}
		}
		rows = append(rows, fmt.Sprintf("%d root fields, of which %d", len(roots), good))
		if good*100 < len(roots)*95 {
			t.Errorf("%d of %d root fields can be allowed", good, len(roots))
		}
	}()
	files, err := filepath.Glob("testdata/corpus/*.json")
	if err != nil || len(files) < 9 {
		t.Fatalf("%d clients, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var docs client
		if err := json.Unmarshal(data, &docs); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		passed, contained := 0, 0
		for _, doc := range docs {
			d, err := r.Read(&graphql.Request{Query: doc.Query, Variables: doc.Variables})
			for _, root := range rootsOf(t, doc.Query) {
				roots[root] = roots[root] || err == nil
			}
			if is := map[bool]string{true: "allowed", false: "refused"}[err == nil]; is != doc.Want {
				t.Errorf("%s: %s is %s, want %s: %v", file, doc.Name, is, doc.Want, err)
			}
			if doc.Want == "refused" && doc.Why == "" {
				t.Errorf("%s: nobody says why %s is refused", file, doc.Name)
			}
			if err != nil {
				continue
			}
			passed++
			if !reachesAnywhere(d) {
				contained++
			}
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		rows = append(rows, fmt.Sprintf("| %s | %d | %d | %d |", name, len(docs), passed, contained))
		all, allowed = all+len(docs), allowed+passed
	}
	return rows, all, allowed
}

func reachesAnywhere(d *graphql.Document) bool {
	for i := range d.Acts {
		if d.Acts[i].Reach == graphql.ReachAnywhere {
			return true
		}
	}
	return false
}

// TestWhatClientsSend reads documents in the shape of those that nine clients send: what is refused is refused for a reason that
// stands beside it, and docs/graphql.md says how many there are.
func TestWhatClientsSend(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	r, problems := graphql.New(table)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	rows, all, allowed := corpusRows(t, r)
	page, err := os.ReadFile("../../docs/graphql.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if !strings.Contains(string(page), row) {
			t.Errorf("docs/graphql.md has no line %s", row)
		}
	}
	if all < 200 || allowed*100 < all*95 {
		t.Errorf("%d of %d documents can be allowed", allowed, all)
	}
}
