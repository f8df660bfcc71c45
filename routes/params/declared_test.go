package params

import (
	"bufio"
	"os"
	"regexp"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
	"patgate/routes/params/names"
)

// TestTableDeclaresIdentifiers: every parameter of GitLab's OpenAPI document that looks like an identifier, or is reserved,
// is declared by the row that takes it. Otherwise clients would be refused for what GitLab documents.
func TestTableDeclaresIdentifiers(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]*routes.Route{}
	for _, r := range table.Routes() {
		key := r.Method + " " + pathShape(r.Path)
		rows[key] = append(rows[key], r)
	}
	operations, checked, declaredNames := 0, 0, 0
	for _, op := range readOperations(t) {
		matching := rows[op.method+" "+pathShape(op.path)]
		if len(matching) == 0 {
			continue
		}
		operations++
		for _, name := range op.names {
			if !IdentifierLike(name) && !Reserved(name) {
				continue
			}
			checked++
			for _, r := range matching {
				if undeclared(r, op.path, name) {
					t.Errorf("%s %s at %s does not declare %s", r.Method, r.Path, r.Source, name)
				} else {
					declaredNames++
				}
			}
		}
	}
	if operations < 1600 || checked < 600 || declaredNames < 600 {
		t.Errorf("only %d operations with %d identifiers were compared: the test proves nothing", operations, checked)
	}
}

// TestUndeclaredIsNoticed plants a row that lacks a declaration.
func TestUndeclaredIsNoticed(t *testing.T) {
	row := &routes.Route{Kind: routes.KindPermission, Params: map[string]routes.ParamRule{"entities": routes.ParamPass, "links.*": routes.ParamPass}}
	for name, want := range map[string]bool{"to_project_id": true, "entities[].full_path": true, "entities[].name": false, "entities[]": false, "links[].x_id": false, "links.x_id": false, "id": false} {
		t.Run(name, func(t *testing.T) {
			if got := undeclared(row, "/projects/{id}/x", name); got != want {
				t.Errorf("undeclared %v, want %v", got, want)
			}
		})
	}
}

// undeclared tells whether a row would refuse the parameter for not being declared.
func undeclared(r *routes.Route, path, name string) bool {
	if r.Kind != routes.KindPermission && r.Kind != routes.KindOpen || r.Refused != "" || strings.Contains(path, "{"+name+"}") {
		return false // refused anyway, or in the path
	}
	if root := string(names.RootOf([]byte(name))); root == "job_token" || root == "private_token" {
		return false // credentials never stand in a parameter
	}
	if r.Find.From == routes.FindInParam && r.Find.Name == name {
		return false
	}
	for _, target := range r.Targets {
		if target.Param == name {
			return false
		}
	}
	for prefix := []byte(name); len(prefix) > 0; prefix = names.CutLast(prefix) {
		if r.Params[string(prefix)+".*"] != routes.ParamUndeclared {
			return false
		}
		what, inside := r.Params[string(prefix)], name[len(prefix):]
		if what == routes.ParamRefuse || what != routes.ParamUndeclared && !IdentifierLike(strings.TrimLeft(inside, ".[]")) {
			return false
		}
	}
	if r.Params["*"] != routes.ParamUndeclared {
		return false
	}
	for _, f := range r.Force {
		if f.Name == name {
			return false
		}
	}
	switch name { // repetitions of the path's own container
	case "project_id":
		return !strings.HasPrefix(r.Path, "/projects/{project}")
	case "group_id":
		return !strings.HasPrefix(r.Path, "/groups/{group}")
	}
	return true
}

type operation struct {
	method, path string
	names        []string // canonical
}

// readOperations reads testdata/gitlab-openapi.tsv: method, path, path, query, body types, body parameters.
func readOperations(t *testing.T) []operation {
	t.Helper()
	f, err := os.Open("../testdata/gitlab-openapi.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	brackets := regexp.MustCompile(`\[(\w+)\]`)
	var out []operation
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		columns := strings.Split(s.Text(), "\t")
		if strings.HasPrefix(s.Text(), "#") || len(columns) != 6 {
			continue
		}
		op := operation{method: columns[0], path: columns[1]}
		for _, name := range strings.Split(columns[3]+","+columns[5], ",") {
			if name != "" {
				op.names = append(op.names, brackets.ReplaceAllString(name, ".$1"))
			}
		}
		out = append(out, op)
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

var anyCapture = regexp.MustCompile(`\{[^}]*\}`)

// pathShape removes the names of captures.
func pathShape(path string) string { return anyCapture.ReplaceAllString(path, "{}") }
