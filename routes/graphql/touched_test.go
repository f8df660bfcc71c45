package graphql_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/graphql"
)

// documentsCount is how many accepted documents are made up. PATGATE_DIFFERENTIAL_COUNT sets another number; 100,000 take minutes.
const documentsCount = 2000

func number(t testing.TB, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func newReader(t testing.TB, table *routes.Table) *graphql.Reader {
	t.Helper()
	r, problems := graphql.New(table)
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	return r
}

// search reads made-up documents until enough were accepted, and gives what is wrong with them: at most a few.
func search(t testing.TB, r *graphql.Reader, g *generator, accepted int) (wrong []string, tried int, refused map[graphql.Code]int) {
	t.Helper()
	refused = map[graphql.Code]int{}
	touches := 0
	for n := 0; n < accepted && len(wrong) < 5; {
		if tried++; tried > 40*accepted+1000 {
			t.Fatalf("of %d documents only %d were accepted: %v", tried, n, refused)
		}
		body, err := json.Marshal(g.next())
		if err != nil {
			t.Fatal(err)
		}
		q, err := graphql.ParseRequest(body)
		if err != nil {
			t.Fatalf("%v\n%s", err, body)
		}
		d, err := r.Read(q)
		if err != nil {
			r := err.(*graphql.Refusal)
			refused[r.Code]++
			if r.Code == graphql.CodeDocument && !strings.Contains(r.Message, "no object can be one") || r.Code == graphql.CodeBody {
				t.Fatalf("a valid document is refused: %v\n%s", err, body)
			}
			continue
		}
		if slices.ContainsFunc(d.Acts, func(a graphql.Act) bool { return a.Reference.Variable != "" }) {
			refused["a variable has no value"]++
			continue
		}
		n++
		if p := d.Parsed(); p != nil {
			again, err := r.ReadAgain(q, p)
			if err != nil || !bytes.Equal(again.Body, d.Body) || !reflect.DeepEqual(again.Acts, d.Acts) {
				wrong = append(wrong, string(body)+" is read otherwise the second time")
			}
		}
		touched := evaluate(t, g.facts, body)
		touches += len(touched)
		for _, m := range missed(touched, d.Acts) {
			wrong = append(wrong, m+" is touched by "+string(body)+"\nacts:"+acts(d))
		}
		if sent := evaluate(t, g.facts, d.Body); !maps.Equal(sent, touched) {
			wrong = append(wrong, string(d.Body)+" is sent, which touches something else than "+string(body))
		}
	}
	if len(wrong) == 0 && touches < accepted {
		t.Fatalf("%d documents touch only %d things", accepted, touches)
	}
	return wrong, tried, refused
}

func acts(d *graphql.Document) string {
	var b strings.Builder
	for i := range d.Acts {
		a := &d.Acts[i]
		fmt.Fprintf(&b, "\n  %s %s %s reach %d %s", a.Field(), a.Row.Path, nameOf(&a.Reference), a.Reach, a.Boundary)
	}
	return b.String()
}

// TestWhatIsTouchedIsDecided: whatever a document may touch is among the acts that are decided, with all permissions of its row.
func TestWhatIsTouchedIsDecided(t *testing.T) {
	seed := number(t, "PATGATE_DIFFERENTIAL_SEED", 20)
	count := number(t, "PATGATE_DIFFERENTIAL_COUNT", documentsCount)
	g := newGenerator(newFacts(t, loadTable(t)), uint64(seed))
	wrong, tried, refused := search(t, newReader(t, loadTable(t)), g, count)
	t.Logf("PATGATE_DIFFERENTIAL_SEED=%d: %d documents accepted of %d, %d missed; refused: %v", seed, count, tried, len(wrong), refused)
	for _, w := range wrong {
		t.Error(w)
	}
}

// TestAFaultIsNoticed holds the test above to its promise: one rule is broken in a copy of the table, and a document that a reader
// of that copy accepts touches what it did not see.
func TestAFaultIsNoticed(t *testing.T) {
	loaded := func() *routes.Table {
		table := loadTable(t)
		replaced(t, table, "forkTargets(search: String): NamespaceConnection @other", "forkTargets(search: String): IssuableConnection")
		return table
	}
	schema := func(before, after string) func(*testing.T, *routes.Table) {
		return func(t *testing.T, table *routes.Table) { replaced(t, table, before, after) }
	}
	rules := func(change func(d *routes.Documents)) func(*testing.T, *routes.Table) {
		return func(_ *testing.T, table *routes.Table) { change(table.Documents()) }
	}
	s := newFacts(t, loaded())
	for _, c := range []struct {
		name   string
		roots  []string
		always []string
		spoil  func(*testing.T, *routes.Table)
	}{
		{"a field that leads elsewhere", []string{"project"}, []string{"Project.forkedFrom"},
			schema("forkedFrom: Project @other", "forkedFrom: Project")},
		{"a field that leads to the group above", []string{"project"}, []string{"Project.group"},
			schema("  group: Group @parent\n  rootGroup", "  group: Group\n  rootGroup")},
		{"a type that a union may be", []string{"project"}, []string{"Project.forkTargets"},
			schema("union Issuable = Epic | Issue | MergeRequest |", "union Issuable = Epic | Issue |")},
		{"an argument that widens an answer", []string{"project"}, []string{"Project.milestones"},
			rules(func(d *routes.Documents) {
				delete(d.Widens, "includeAncestors")
				d.Edges["Project.milestones"] = "same"
			})},
		{"a field that is no part of the object which shows it", []string{"mergeRequest"},
			[]string{"MergeRequest.milestone", "Milestone.releases"},
			rules(func(d *routes.Documents) {
				d.Edges["MergeRequest.milestone"] = "same"
			})},
		{"a root field that an argument bounds", []string{"projects"}, nil,
			rules(func(d *routes.Documents) {
				d.Roots["projects"] = routes.DocumentRoot{Boundary: routes.BoundaryUser}
			})},
		{"an argument of mutations that names a project", nil, nil,
			rules(func(d *routes.Documents) { d.Arguments["projectPath"] = routes.RefNone })},
		{"ids of merge requests", nil, nil,
			rules(func(d *routes.Documents) {
				delete(d.Objects, "MergeRequest")
				d.Inside["MergeRequest"] = true
			})},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := loaded()
			c.spoil(t, table)
			g := newGenerator(s, 1)
			g.roots, g.always = c.roots, map[string]bool{}
			for _, name := range c.always {
				g.always[name] = true
			}
			if wrong, tried, _ := search(t, newReader(t, table), g, 1500); len(wrong) == 0 {
				t.Errorf("none of %d documents shows it", tried)
			}
		})
	}
}
