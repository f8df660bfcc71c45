package graphql_test

import (
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"patgate/routes"
	"patgate/routes/load"
)

// facts is the schema as gqlparser parses it, with the types that pages are made of. It is all that the generator and the walker
// know of a forge, besides the table's rules and rows.
type facts struct {
	types    map[string]*ast.Definition
	possible map[string][]string // of interfaces and unions
	page     map[string]string   // of connections and edges: the type of the nodes
	rules    *routes.Documents
	rows     map[string]*routes.Route
}

func newFacts(t testing.TB, table *routes.Table) *facts {
	t.Helper()
	rules := table.Documents()
	doc, err := parser.ParseSchema(&ast.Source{Input: string(rules.Schema.Data)})
	if err != nil {
		t.Fatal(err)
	}
	s := &facts{types: map[string]*ast.Definition{}, possible: map[string][]string{}, page: map[string]string{}, rules: rules,
		rows: map[string]*routes.Route{}}
	for _, name := range []string{"Int", "Float", "String", "Boolean", "ID"} {
		s.types[name] = &ast.Definition{Kind: ast.Scalar, Name: name}
	}
	for _, d := range doc.Definitions {
		s.types[d.Name] = d
		for _, of := range d.Interfaces {
			s.possible[of] = append(s.possible[of], d.Name)
		}
		s.possible[d.Name] = append(s.possible[d.Name], d.Types...)
	}
	for _, d := range doc.Definitions {
		s.addPages(d)
	}
	for _, r := range table.Routes() {
		if name, is := strings.CutPrefix(r.Path, "/api/graphql#"); is && !r.ByActs {
			s.rows[name] = r
		}
	}
	return s
}

// loadTable gives a table of its own: tests change the rules of it.
func loadTable(t testing.TB) *routes.Table {
	t.Helper()
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// replaced changes the schema of a table.
func replaced(t testing.TB, table *routes.Table, before, after string) {
	t.Helper()
	schema := &table.Documents().Schema
	changed := strings.Replace(string(schema.Data), before, after, 1)
	if changed == string(schema.Data) {
		t.Fatalf("the schema has no %q", before)
	}
	schema.Data = []byte(changed)
}

// addPages adds the types that the fields of a type name and that the schema leaves out.
func (s *facts) addPages(d *ast.Definition) {
	for _, f := range d.Fields {
		name := f.Type.Name()
		node, is := strings.CutSuffix(name, "Connection")
		if !is || s.types[node] == nil || s.page[name] != "" || s.types[name] != nil && s.types[name].Kind != ast.Object {
			continue
		}
		edge := node + "Edge"
		s.page[name], s.page[edge] = node, node
		s.extend(name, field("nodes", node), field("edges", edge), field("pageInfo", "PageInfo"))
		s.extend(edge, field("node", node), field("cursor", "String"))
	}
}

func field(name, of string) *ast.FieldDefinition {
	return &ast.FieldDefinition{Name: name, Type: ast.NamedType(of, nil)}
}

func (s *facts) extend(name string, fields ...*ast.FieldDefinition) {
	own := &ast.Definition{Kind: ast.Object, Name: name}
	if d := s.types[name]; d != nil {
		own.Fields = append(own.Fields, d.Fields...)
	}
	for _, f := range fields {
		if own.Fields.ForName(f.Name) == nil {
			own.Fields = append(own.Fields, f)
		}
	}
	s.types[name] = own
}

// concrete gives the types of the objects that can stand where a type is named.
func (s *facts) concrete(name string) []string {
	switch s.types[name].Kind {
	case ast.Interface, ast.Union:
		return s.possible[name]
	}
	return []string{name}
}

// leaf tells whether a type has no fields.
func (s *facts) leaf(name string) bool {
	d := s.types[name]
	return d.Kind == ast.Scalar || d.Kind == ast.Enum
}

// node gives the type of what a page holds, and of anything else the type itself.
func (s *facts) node(name string) string {
	for s.page[name] != "" {
		name = s.page[name]
	}
	return name
}

// model gives the class of objects whose global ids a scalar holds; empty for any other type.
func (s *facts) model(name string) string {
	if gid := s.types[name].Directives.ForName("gid"); gid != nil {
		return gid.Arguments.ForName("model").Value.Raw
	}
	return ""
}

// mark says where the schema lets a field lead: same, below, parent, user, instance or other.
func mark(f *ast.FieldDefinition) string {
	for _, d := range f.Directives {
		switch d.Name {
		case "below", "parent", "user", "instance", "other":
			return d.Name
		}
	}
	return "same"
}
