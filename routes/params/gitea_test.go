package params

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

// TestGiteaTakesItsOwnParameters sends each parameter that Gitea documents to the row of its operation, alone: none may be
// refused. Otherwise clients would be refused for what Gitea documents. Rows that are refused as a whole are left out.
func TestGiteaTakesItsOwnParameters(t *testing.T) {
	table, err := load.Gitea()
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	for _, c := range readGiteaParameters(t, table) {
		sent++
		if err := c.send(); err != nil {
			t.Errorf("%s %s at %s: %v", c.route.Method, c.route.Path, c.route.Source, err)
		}
	}
	if sent < 900 {
		t.Errorf("only %d parameters were sent: the test proves nothing", sent)
	}
}

// TestGiteaRefusalIsNoticed plants a row without its declarations.
func TestGiteaRefusalIsNoticed(t *testing.T) {
	row := &routes.Route{Kind: routes.KindPermission, Method: "PUT", Path: "/repos/{project}/contents/{filepath}", Named: true}
	if err := (giteaParameter{route: row, name: "from_path", where: "body"}).send(); err == nil {
		t.Error("from_path passes a row that does not declare it")
	}
	if err := (giteaParameter{route: row, name: "message", where: "body"}).send(); err != nil {
		t.Errorf("message does not: %v", err)
	}
}

// giteaParameter is one parameter of one operation.
type giteaParameter struct {
	route    *routes.Route
	captures []routes.Capture
	name     string // canonical
	where    string // query, form or body
	many     bool   // sent several times
}

// send reads the parameter as the gateway would.
func (p giteaParameter) send() error {
	s := newSet(p.route, p.captures)
	switch value := p.value(); {
	case p.where == "body":
		return s.JSON(strings.NewReader(giteaBody(strings.Split(p.name, "."), value)))
	case p.many:
		return s.Query([]byte(p.name + "=" + value + "&" + p.name + "=" + value))
	default:
		return s.Query([]byte(p.name + "=" + value))
	}
}

// value makes up a value: a number where the row looks for a container by number.
func (p giteaParameter) value() string {
	for _, target := range p.route.Targets {
		if target.Param == p.name && !target.SendPath {
			return "5"
		}
	}
	return "alpha"
}

// giteaBody builds a JSON body with one value: ["files[]", "path"] makes {"files":[{"path":"alpha"}]}.
func giteaBody(path []string, value string) string {
	inner := `"` + value + `"`
	if value == "5" {
		inner = value
	}
	if len(path) > 1 {
		inner = giteaBody(path[1:], value)
	}
	name, list := strings.CutSuffix(path[0], "[]")
	if list {
		inner = "[" + inner + "]"
	}
	return `{"` + name + `":` + inner + `}`
}

// readGiteaParameters reads testdata/gitea-parameters.tsv: method, path, and the names in query, body and form.
func readGiteaParameters(t *testing.T, table *routes.Table) []giteaParameter {
	t.Helper()
	data, err := os.ReadFile("../testdata/gitea-parameters.tsv")
	if err != nil {
		t.Fatal(err)
	}
	capture, number := regexp.MustCompile(`\{[^}]*\}`), regexp.MustCompile(`^\{(index|position|run|id|.*_id)\}$`)
	var out []giteaParameter
	for _, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")[1:] {
		columns := strings.Split(line, "\t")
		if len(columns) != 5 {
			t.Fatalf("%d columns in %q", len(columns), line)
		}
		path := capture.ReplaceAllStringFunc(columns[1], func(c string) string {
			switch {
			case c == "{diffType}":
				return "diff"
			case number.MatchString(c):
				return "17"
			}
			return "alpha"
		})
		var op routes.Operation
		if err := table.Classify(&op, columns[0], []byte(table.Base()+path)); err != nil {
			t.Fatalf("%s %s: %v", columns[0], path, err)
		}
		if op.Route.Refused != "" || op.Route.Kind == routes.KindOtherCredential {
			continue
		}
		captures := append([]routes.Capture(nil), op.Captures()...)
		for i, where := range []string{"query", "body", "form"} {
			for _, name := range strings.Split(columns[2+i], ",") {
				if name, many := strings.CutSuffix(name, "+"); name != "" {
					out = append(out, giteaParameter{route: op.Route, captures: captures, name: name, where: where, many: many})
				}
			}
		}
	}
	return out
}
