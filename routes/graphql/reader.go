package graphql

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"patgate/routes"
)

// Reader reads documents by a table. It is never changed, so that many requests may use it.
type Reader struct {
	schema *schema
	rules  *routes.Documents
	rows   map[string]*row // by type, Type.field or Mutation.field
	shown  map[string]map[string]bool
	finds  map[string]*routes.Route // by class: the look-up of an object's container
}

// row is a row of the table, and the same for what is found nowhere.
type row struct {
	*routes.Route
	nowhere *routes.Route
	alone   []*row // it alone
}

// prefix is what the path of every row of the surface begins with.
const prefix = "/api/graphql#"

// New makes a reader of a table's rows and rules. A row or rule that names something the schema does not have is a problem. It
// gives nil where the forge has no GraphQL.
func New(t *routes.Table) (*Reader, []routes.Problem) {
	rules := t.Documents()
	if rules == nil {
		return nil, nil
	}
	s, err := parseSchema(rules.Schema.Name, string(rules.Schema.Data))
	if err != nil {
		return nil, []routes.Problem{{Source: routes.Source{File: rules.Schema.Name, Line: 1}, Message: err.Error()}}
	}
	r := &Reader{schema: s, rules: rules, rows: map[string]*row{}, shown: map[string]map[string]bool{},
		finds: map[string]*routes.Route{}}
	var problems []routes.Problem
	for _, route := range t.Routes() {
		if route.Surface != routes.SurfaceGraphQL || route.ByActs {
			continue
		}
		name, ok := strings.CutPrefix(route.Path, prefix)
		if !ok || route.Method != "POST" || !s.has(name) {
			problems = append(problems, routes.Problem{Source: route.Source,
				Message: route.Path + " names nothing in the GraphQL schema",
				Fix:     "write POST " + prefix + "Type, Type.field or Mutation.field"})
			continue
		}
		r.rows[name] = newRow(route)
	}
	for class, o := range rules.Objects {
		r.finds[class] = lookup(o)
	}
	r.join()
	for name, fields := range rules.Shown {
		r.shown[name] = map[string]bool{}
		for _, field := range fields {
			r.shown[name][field] = true
		}
	}
	return r, append(problems, r.check()...)
}

// made is what New gives for a table, once.
type made struct {
	reader   *Reader
	problems []routes.Problem
}

func of(t *routes.Table) made {
	return t.DocumentReader(func(t *routes.Table) any {
		r, problems := New(t)
		return made{r, problems}
	}).(made)
}

// Of gives the reader of a table that was loaded without problems; nil where the forge has no GraphQL.
func Of(t *routes.Table) *Reader { return of(t).reader }

// Check gives the problems of a table's rows and rules.
func Check(t *routes.Table) []routes.Problem { return of(t).problems }

func newRow(route *routes.Route) *row {
	found, nowhere := *route, *route
	found.Find = routes.Find{From: routes.FindInParam, Name: "query"}
	nowhere.Find = routes.Find{}
	nowhere.Boundaries = nil
	for _, b := range route.Boundaries {
		if b.InContainer() {
			nowhere.Boundaries = append(nowhere.Boundaries, b)
		}
	}
	if len(nowhere.Boundaries) == 0 {
		nowhere.Boundaries = []routes.Boundary{routes.BoundaryProject}
	}
	r := &row{Route: &found, nowhere: &nowhere}
	r.alone = []*row{r}
	return r
}

// join notes what the table says about types and fields at these, so that reading does not look it up by name.
func (r *Reader) join() {
	for _, t := range r.schema.types {
		t.row = r.rows[t.name]
		for _, f := range t.fields {
			f.full = t.name + "." + f.name
			f.row = r.rows[f.full]
			_, corrected := r.rules.Edges[f.full]
			f.plain = f.of.kind == scalarKind && f.row == nil && !corrected && r.rules.Refused[f.full] == "" &&
				(f.leads == stays || f.leads == toBelow) && !rendered(f) && t != r.schema.query && t != r.schema.mutation
		}
	}
}

// rendered tells whether the forge renders what others wrote, of other containers too, into a field.
func rendered(f *field) bool { return strings.HasSuffix(f.name, "Html") }

// Finds gives the look-up that tells which containers an object of a class belongs to: the id stands in the capture "id". It is
// nil where nothing tells.
func (r *Reader) Finds(class string) *routes.Route { return r.finds[kindOf(class)] }

// lookup makes a read of the forge's own GraphQL, which takes a GET for whatever changes nothing (19.3, config/routes/api.rb).
func lookup(o routes.DocumentObject) *routes.Route {
	l := &routes.Lookup{}
	fields := ""
	for _, at := range []struct {
		path string
		to   *string
	}{{o.Project, &l.Project}, {o.Group, &l.Group}} {
		if at.path == "" {
			continue
		}
		plain := strings.ReplaceAll(at.path, "[]", "")
		names := strings.Split(plain, ".")
		fields += " " + strings.Join(names, "{") + strings.Repeat("}", len(names)-1)
		*at.to = "data." + o.Get + "." + at.path
	}
	query := `{` + o.Get + `(id:"ID"){` + strings.TrimSpace(fields) + `}}`
	before, after, _ := strings.Cut(query, "ID")
	l.Get = "/api/graphql?query=" + url.QueryEscape(before) + "{id}" + url.QueryEscape(after)
	return &routes.Route{Kind: routes.KindPermission, Method: "GET", Path: "/api/graphql", Surface: routes.SurfaceGraphQL,
		Find: routes.Find{From: routes.FindByLookup, Lookup: l}}
}

// on tells whether the row can be needed on a boundary.
func (r *row) on(b routes.Boundary) bool { return slices.Contains(r.Boundaries, b) }

func (r *row) inContainer() bool { return r.on(routes.BoundaryProject) || r.on(routes.BoundaryGroup) }

// has tells whether the schema has a type, or a field of one.
func (s *schema) has(name string) bool {
	of, f, dotted := strings.Cut(name, ".")
	t := s.types[of]
	return t != nil && t.kind != scalarKind && t.kind != inputKind && (!dotted || t.fields[f] != nil)
}

// check gives the rules that name nothing.
func (r *Reader) check() (problems []routes.Problem) {
	wrong := func(list, name, message string) {
		problems = append(problems, routes.Problem{Source: r.rules.Sources[list+" "+name], Message: name + " " + message,
			Fix: "use a name of " + r.rules.Schema.Name})
	}
	for name, root := range r.rules.Roots {
		f := r.schema.query.fields[name]
		if f == nil {
			wrong("roots", name, "is not a field of Query")
			continue
		}
		for arg, kind := range root.Arguments {
			if a := f.args[arg]; a == nil || a.of.kind != scalarKind || kind == routes.RefNone && a.of.model == "" {
				wrong("roots", name, "has no argument "+arg+" that could name that")
			}
		}
	}
	for class, o := range r.rules.Objects {
		f := r.schema.query.fields[o.Get]
		if f == nil || f.args["id"] == nil || !r.leadsTo(f.of, o.Project) || !r.leadsTo(f.of, o.Group) {
			wrong("objects", class, "is not found by those fields")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.rules.Inherits)) {
		switch t := r.schema.types[name]; {
		case t == nil || t.kind != objectKind && t.kind != abstractKind:
			wrong("inherits", name, "is not a type with fields")
		case r.rows[name] != nil:
			wrong("inherits", name, "has a row of its own")
		}
	}
	for name, fields := range r.shown {
		for field := range fields {
			if !r.schema.has(name + "." + field) {
				wrong("shown", name, "has no field "+field)
			}
		}
	}
	for name, leads := range r.rules.Edges {
		if _, known := parseLeads(leads); !known || !r.schema.has(name) || !strings.Contains(name, ".") {
			wrong("edges", name, "is not a field, or does not lead there")
		}
	}
	for name, to := range r.rules.Widens {
		if to != leadsNames[toParent] && to != leadsNames[toOther] {
			wrong("widens", name, "must lead to parent or other")
		}
	}
	for name := range r.rules.Templates {
		if r.schema.mutation.fields[name] == nil {
			wrong("templates", name, "is not a mutation")
		}
	}
	for name := range r.rules.Refused {
		of, input, _ := strings.Cut(name, ".")
		if t := r.schema.types[of]; !r.schema.has(name) && (t == nil || t.fields[input] == nil) {
			wrong("refused", name, "is not a field")
		}
	}
	return problems
}

// leadsTo tells whether a path of fields leads to an id.
func (r *Reader) leadsTo(t *typ, path string) bool {
	if path == "" {
		return true
	}
	for name := range strings.SplitSeq(strings.ReplaceAll(path, "[]", ""), ".") {
		f := t.fields[name]
		if f == nil {
			return false
		}
		t = f.of
	}
	return t.kind == scalarKind
}

// Document is what was read of a request.
type Document struct {
	Mutates bool
	Acts    []Act
	Texts   []Text
	// Introspects: the schema is asked for.
	Introspects bool
	// Body is the request as it is sent: the operation, the fragments that it needs, and its variables.
	Body []byte

	parsed *Parsed

	// Operation and fragments, for tests.
	operation *ast.OperationDefinition
	fragments ast.FragmentDefinitionList
}
