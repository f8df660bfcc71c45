package graphql

import (
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// leads says where a field can lead from the container of its object, as the directives of the schema have it.
type leads uint8

const (
	stays      leads = iota // in the container
	toBelow                 // to projects and groups below it
	toParent                // to the groups above it
	toUser                  // to a user's data
	toInstance              // to data of the instance
	toOther                 // anywhere
)

var leadsNames = [...]string{"same", "below", "parent", "user", "instance", "other"}

// parseLeads reads a name of leadsNames.
func parseLeads(name string) (leads, bool) {
	for i, known := range leadsNames {
		if name == known {
			return leads(i), true
		}
	}
	return stays, false
}

// kind is what a type is.
type kind uint8

const (
	scalarKind kind = iota // and enum: it has no fields
	objectKind
	abstractKind // interface or union
	inputKind
)

// typ is a type of the schema.
type typ struct {
	name     string
	kind     kind
	fields   map[string]*field
	possible []*typ // that its objects can be of: an object's own type, or those that an abstract one stands for
	model    string // of a global id: the class of the object; empty: no global id
	page     *typ   // of a connection or an edge: the type of its nodes
	payload  bool   // of a mutation
	row      *row   // of the table
}

// field is a field of an object or of an input.
type field struct {
	name  string
	of    *typ
	leads leads
	args  map[string]*field
	full  string // Type.field
	row   *row   // of the table, for the field itself
	plain bool   // a leaf that needs nothing but what its object needs, as long as it has no argument
}

// schema is what a forge's GraphQL API has.
type schema struct {
	types           map[string]*typ
	query, mutation *typ
	pages           map[string]*field // the arguments by which connections are read in pages
}

// parseSchema reads a schema.
func parseSchema(name, text string) (*schema, error) {
	doc, err := parser.ParseSchema(&ast.Source{Name: name, Input: text})
	if err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	s := &schema{types: make(map[string]*typ, len(doc.Definitions)), pages: map[string]*field{}}
	for _, name := range []string{"Int", "Float", "String", "Boolean", "ID"} {
		s.types[name] = &typ{name: name}
	}
	for _, name := range []string{"after", "before", "first", "last"} {
		s.pages[name] = &field{name: name, of: s.types["String"]}
	}
	for _, d := range doc.Definitions {
		s.types[d.Name] = newType(d)
	}
	for _, d := range doc.Definitions {
		if err := s.fill(d); err != nil {
			return nil, err
		}
	}
	if s.query, s.mutation = s.types["Query"], s.types["Mutation"]; s.query == nil || s.mutation == nil {
		return nil, fmt.Errorf("the schema %s has no type Query or none Mutation", name)
	}
	for _, f := range s.mutation.fields {
		f.of.payload = true
	}
	return s, nil
}

func newType(d *ast.Definition) *typ {
	t := &typ{name: d.Name}
	switch d.Kind {
	case ast.Object:
		t.kind, t.possible = objectKind, []*typ{t}
	case ast.Interface, ast.Union:
		t.kind = abstractKind
	case ast.InputObject:
		t.kind = inputKind
	case ast.Scalar:
		if gid := d.Directives.ForName("gid"); gid != nil {
			t.model = gid.Arguments.ForName("model").Value.Raw
		}
	}
	return t
}

// fill reads what a type has.
func (s *schema) fill(d *ast.Definition) error {
	t := s.types[d.Name]
	for _, name := range d.Interfaces {
		of, err := s.named(name)
		if err != nil {
			return err
		}
		of.possible = append(of.possible, t)
	}
	for _, name := range d.Types {
		of, err := s.named(name)
		if err != nil {
			return err
		}
		t.possible = append(t.possible, of)
	}
	if t.fields == nil {
		t.fields = make(map[string]*field, len(d.Fields))
	}
	for _, def := range d.Fields {
		f, err := s.field(def)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", d.Name, def.Name, err)
		}
		t.fields[f.name] = f
	}
	return nil
}

func (s *schema) field(def *ast.FieldDefinition) (*field, error) {
	of, err := s.named(def.Type.Name())
	if err != nil {
		return nil, err
	}
	f := &field{name: def.Name, of: of}
	for _, d := range def.Directives {
		if l, known := parseLeads(d.Name); known {
			f.leads = l
		}
	}
	f.args = make(map[string]*field, len(def.Arguments))
	for _, a := range def.Arguments {
		of, err := s.named(a.Type.Name())
		if err != nil {
			return nil, err
		}
		f.args[a.Name] = &field{name: a.Name, of: of}
	}
	if strings.HasSuffix(def.Type.Name(), "Connection") && f.args["after"] == nil {
		for name, page := range s.pages { // every field that gives a connection takes them
			if f.args[name] == nil {
				f.args[name] = page
			}
		}
	}
	return f, nil
}

// named gives a type by its name, and makes those that pages are made of.
func (s *schema) named(name string) (*typ, error) {
	t := s.types[name]
	if t != nil && t.page != nil {
		return t, nil
	}
	for _, suffix := range []string{"Connection", "Edge"} {
		node, is := strings.CutSuffix(name, suffix)
		if !is || s.types[node] == nil || t != nil && t.kind != objectKind {
			continue
		}
		if t == nil {
			t = &typ{name: name, kind: objectKind}
			t.possible, s.types[name] = []*typ{t}, t
		}
		return t, s.fillPage(t, s.types[node], suffix == "Edge")
	}
	if t == nil {
		return nil, fmt.Errorf("there is no type %s", name)
	}
	return t, nil
}

// fillPage adds what every connection or edge has.
func (s *schema) fillPage(t, node *typ, edge bool) error {
	t.page = node
	if t.fields == nil {
		t.fields = map[string]*field{}
	}
	add := func(f *field) {
		if t.fields[f.name] == nil {
			t.fields[f.name] = f
		}
	}
	if edge {
		add(&field{name: "cursor", of: s.types["String"]})
		add(&field{name: "node", of: node})
		return nil
	}
	info := s.types["PageInfo"]
	if info == nil {
		return fmt.Errorf("there is no type PageInfo")
	}
	edges, err := s.named(node.name + "Edge")
	if err != nil {
		return err
	}
	add(&field{name: "nodes", of: node})
	add(&field{name: "edges", of: edges})
	add(&field{name: "pageInfo", of: info})
	return nil
}
