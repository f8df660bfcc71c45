package graphql_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"patgate/routes"
	"patgate/routes/graphql"
)

// walker carries a document out as a forge would, with every object that there could be: fields are collected for each type of
// object and answered one after another (October 2021, 6.3). What it touches is what the document may touch. It knows the schema
// and the table and nothing of how patgate reads documents. What @skip and @include leave out is touched all the same.
type walker struct {
	*facts
	t         testing.TB
	operation *ast.OperationDefinition
	fragments ast.FragmentDefinitionList
	given     map[string]any
	touched   map[string]touch
}

// touch is one permission needed at one place.
type touch struct {
	row *routes.Route
	at  spot
}

// spot says where objects are.
type spot struct {
	kind string // refs, above, anywhere, user or instance
	refs string // what a document names, with blanks between
}

func (s spot) String() string { return strings.TrimSpace(s.kind + " " + s.refs) }

var anywhere = spot{kind: "anywhere"}

// evaluate gives what a request touches.
func evaluate(t testing.TB, s *facts, body []byte) map[string]touch {
	t.Helper()
	var q struct {
		Query         string
		OperationName string
		Variables     map[string]any
	}
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.UseNumber()
	if err := dec.Decode(&q); err != nil {
		t.Fatalf("the request is no JSON: %v\n%s", err, body)
	}
	doc, err := parser.ParseQuery(&ast.Source{Input: q.Query})
	if err != nil { // GitLab takes empty parentheses, which the parser does not
		doc, err = parser.ParseQuery(&ast.Source{Input: graphql.WithoutEmpty(q.Query)})
	}
	if err != nil {
		t.Fatalf("the request has no document: %v\n%s", err, body)
	}
	w := &walker{facts: s, t: t, fragments: doc.Fragments, given: q.Variables, touched: map[string]touch{}}
	for _, op := range doc.Operations {
		if op.Name == q.OperationName || len(doc.Operations) == 1 {
			w.operation = op
		}
	}
	if w.operation == nil {
		t.Fatalf("no operation is chosen:\n%s", body)
	}
	root := "Query"
	if w.operation.Operation == ast.Mutation {
		root = "Mutation"
	}
	for _, fields := range w.collect(root, w.operation.SelectionSet) {
		w.root(root, fields)
	}
	return w.touched
}

// collect gives the fields that are asked for of an object, by their keys in the answer.
func (w *walker) collect(object string, sets ...ast.SelectionSet) map[string][]*ast.Field {
	out := map[string][]*ast.Field{}
	var add func(ast.SelectionSet)
	add = func(set ast.SelectionSet) {
		for _, s := range set {
			on, inner := "", ast.SelectionSet(nil)
			switch s := s.(type) {
			case *ast.Field:
				out[s.Alias] = append(out[s.Alias], s)
				continue
			case *ast.InlineFragment:
				on, inner = s.TypeCondition, s.SelectionSet
			case *ast.FragmentSpread:
				f := w.fragments.ForName(s.Name)
				if f == nil {
					w.t.Fatalf("there is no fragment %s", s.Name)
				}
				on, inner = f.TypeCondition, f.SelectionSet
			}
			if on == "" || on == object || slices.Contains(w.possible[on], object) {
				add(inner)
			}
		}
	}
	for _, set := range sets {
		add(set)
	}
	return out
}

func sets(fields []*ast.Field) (out []ast.SelectionSet) {
	for _, f := range fields {
		out = append(out, f.SelectionSet)
	}
	return out
}

// argument gives the value of an argument, with all variables in their places; known is false where there is none.
func (w *walker) argument(f *ast.Field, name string) (value any, known bool) {
	for _, a := range f.Arguments {
		if a.Name == name {
			return w.value(a.Value)
		}
	}
	return nil, false
}

func (w *walker) value(v *ast.Value) (value any, known bool) {
	switch v.Kind {
	case ast.Variable:
		if value, known = w.given[v.Raw]; known {
			return value, true
		}
		if def := w.operation.VariableDefinitions.ForName(v.Raw); def != nil && def.DefaultValue != nil {
			return w.value(def.DefaultValue)
		}
		return nil, false
	case ast.NullValue:
		return nil, true
	case ast.ListValue:
		list := []any{}
		for _, child := range v.Children {
			item, _ := w.value(child.Value)
			list = append(list, item)
		}
		return list, true
	case ast.ObjectValue:
		object := map[string]any{}
		for _, child := range v.Children {
			if item, known := w.value(child.Value); known {
				object[child.Name] = item
			}
		}
		return object, true
	case ast.BooleanValue:
		return v.Raw == "true", true
	}
	return v.Raw, true
}

func list(value any) []any {
	if items, is := value.([]any); is {
		return items
	}
	return []any{value}
}

// target names what a text of an argument stands for: a container by path or id, or an object by its class.
func (w *walker) target(kind routes.RefKind, value any) string {
	text := fmt.Sprint(value)
	if rest, is := strings.CutPrefix(text, "gid://gitlab/"); is {
		class, id, _ := strings.Cut(rest, "/")
		switch class {
		case "Project", "Group", "Namespace":
			return strings.ToLower(class) + "#" + id
		}
		return class + "/" + id
	}
	if strings.Trim(text, "0123456789") == "" {
		return kind.String() + "#" + text
	}
	return kind.String() + ":" + text
}

// root answers a field of the root.
func (w *walker) root(root string, fields []*ast.Field) {
	f := fields[0]
	if strings.HasPrefix(f.Name, "__") {
		return
	}
	name := root + "." + f.Name
	def := w.types[root].Fields.ForName(f.Name)
	row := w.rows[name]
	var at spot
	if root == "Mutation" {
		at = w.named(def, f, row)
	} else {
		at = w.bounded(def, f)
		switch far := w.leads(name, def, f); {
		case far == "other":
			at = anywhere
		case far == "parent":
			at = above(at)
		}
	}
	nearest := []*routes.Route(nil)
	if row != nil {
		w.touch(row, at)
		nearest = []*routes.Route{row}
	}
	w.objects(def.Type.Name(), at, nearest, root == "Mutation", sets(fields))
}

// bounded says what the answer of a query's root field belongs to.
func (w *walker) bounded(def *ast.FieldDefinition, f *ast.Field) spot {
	rule := w.rules.Roots[f.Name]
	var refs []string
	for arg, kind := range rule.Arguments {
		value, known := w.argument(f, arg)
		for _, item := range list(value) {
			if known && item != nil {
				refs = append(refs, w.target(kind, item))
			}
		}
	}
	switch {
	case len(refs) > 0:
		return spot{"refs", strings.Join(refs, " ")}
	case rule.Boundary != routes.BoundaryNone:
		return spot{kind: rule.Boundary.String()}
	case mark(def) == "user", mark(def) == "instance":
		return spot{kind: mark(def)}
	}
	return anywhere
}

// named says what the arguments of a mutation name.
func (w *walker) named(def *ast.FieldDefinition, f *ast.Field, row *routes.Route) spot {
	var refs []string
	lost, inside := false, false
	var read func(of, name string, value any)
	read = func(of, name string, value any) {
		for _, item := range list(value) {
			if item == nil {
				continue
			}
			if w.types[of].Kind == ast.InputObject {
				for key, v := range item.(map[string]any) {
					read(w.types[of].Fields.ForName(key).Type.Name(), key, v)
				}
				continue
			}
			model := w.model(of)
			kind := w.rules.Arguments[name]
			switch {
			case model != "" || of == "GlobalID":
				target := w.target(routes.RefNone, item)
				class, _, object := strings.Cut(target, "/")
				_, known := w.rules.Objects[class]
				switch {
				case !object || known:
					refs = append(refs, target)
				case w.rules.Inside[class] && (class == model || model == ""):
					inside = inside || model != "User"
				default:
					lost = true
				}
			case kind.IsContainer() && (of == "ID" || of == "String" || of == "Int"):
				refs = append(refs, w.target(kind, item))
			}
		}
	}
	for _, a := range def.Arguments {
		if value, known := w.argument(f, a.Name); known {
			read(a.Type.Name(), a.Name, value)
		}
	}
	if lost {
		w.touch(row, anywhere)
	}
	switch {
	case len(refs) > 0:
		return spot{"refs", strings.Join(refs, " ")}
	case !lost && !inside && slices.Contains(row.Boundaries, routes.BoundaryInstance):
		return spot{kind: "instance"}
	case !lost && !inside && slices.Contains(row.Boundaries, routes.BoundaryUser):
		return spot{kind: "user"}
	}
	return anywhere
}

// leads says where a field leads with these arguments.
func (w *walker) leads(name string, def *ast.FieldDefinition, f *ast.Field) string {
	set := func(arg string) bool {
		value, known := w.argument(f, arg)
		return known && value != nil && value != false
	}
	far := mark(def)
	if e, is := w.rules.Edges[name]; is {
		far = e
	}
	order := []string{"same", "below", "parent", "user", "instance", "other"}
	for arg, to := range w.rules.Widens {
		if set(arg) && slices.Index(order, to) > slices.Index(order, far) {
			far = to
		}
	}
	return far
}

func above(at spot) spot {
	if at.refs == "" {
		return anywhere
	}
	return spot{"above", at.refs}
}

func move(at spot, far string) spot {
	switch {
	case far == "user", far == "instance":
		return spot{kind: far}
	case far == "other", far == "below" && at.refs == "":
		return anywhere
	case far == "parent":
		return above(at)
	}
	return at
}

// objects answers what is asked for of all objects that can stand where a type is named.
func (w *walker) objects(of string, at spot, nearest []*routes.Route, part bool, sets []ast.SelectionSet) {
	if w.leaf(of) {
		return
	}
	for _, c := range w.concrete(of) {
		if fields := w.collect(c, sets...); len(fields) > 0 {
			w.object(c, at, nearest, part, fields)
		}
	}
}

// object answers what is asked for of one. part: it is part of what was touched here already.
func (w *walker) object(c string, at spot, nearest []*routes.Route, part bool, fields map[string][]*ast.Field) {
	if node := w.page[c]; node != "" {
		w.pageOf(c, node, at, nearest, fields)
		return
	}
	if row := w.rows[c]; row != nil {
		nearest = []*routes.Route{row}
	}
	if len(nearest) == 0 {
		w.t.Fatalf("nothing says what %s needs", c)
	}
	if !part || w.rows[c] != nil {
		w.touchAll(nearest, at)
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		w.field(c, at, nearest, fields[key])
	}
}

// pageOf answers what is asked for of a page: how many objects there are tells of them, and so do cursors.
func (w *walker) pageOf(c, node string, at spot, nearest []*routes.Route, fields map[string][]*ast.Field) {
	for _, list := range fields {
		f := list[0]
		if f.Name == "__typename" {
			continue
		}
		of := w.types[c].Fields.ForName(f.Name).Type.Name()
		if f.Name == "nodes" || f.Name == "edges" || f.Name == "node" {
			w.objects(of, at, nearest, false, sets(list))
			continue
		}
		for _, o := range w.concrete(node) {
			if row := w.rows[o]; row != nil {
				w.touch(row, at)
			} else {
				w.touchAll(nearest, at)
			}
		}
	}
}

// field answers a field of an object.
func (w *walker) field(c string, at spot, nearest []*routes.Route, fields []*ast.Field) {
	f := fields[0]
	if f.Name == "__typename" {
		return
	}
	name := c + "." + f.Name
	def := w.types[c].Fields.ForName(f.Name)
	far := w.leads(name, def, f)
	to := move(at, far)
	if row := w.rows[name]; row != nil {
		w.touch(row, at)
		nearest = []*routes.Route{row}
	}
	of := def.Type.Name()
	leaves := far != "same" && far != "below"
	switch {
	case w.leaf(of) && strings.HasSuffix(f.Name, "Html"):
		w.touchAll(nearest, anywhere)
	case w.leaf(of) && leaves:
		w.touchAll(nearest, to)
	case leaves && w.shown(of, sets(fields)):
		for _, o := range w.concrete(w.node(of)) {
			if row := w.rows[o]; row != nil && slices.Contains(row.Boundaries, routes.BoundaryProject) {
				w.touch(row, at)
			}
		}
	default:
		w.objects(of, to, nearest, false, sets(fields))
	}
}

// shown tells whether no more is asked for than what is part of the object which shows it.
func (w *walker) shown(of string, all []ast.SelectionSet) bool {
	for _, c := range w.concrete(w.node(of)) {
		if w.rules.Shown[c] == nil {
			return false
		}
	}
	for _, c := range w.concrete(of) {
		for _, fields := range w.collect(c, all...) {
			name := fields[0].Name
			inner := w.types[c].Fields.ForName(name)
			switch {
			case name == "__typename", w.page[c] != "" && (name == "pageInfo" || name == "cursor"):
			case w.page[c] != "" && !w.leaf(inner.Type.Name()):
				if !w.shown(inner.Type.Name(), sets(fields)) {
					return false
				}
			case !slices.Contains(w.rules.Shown[c], name) || !w.leaf(inner.Type.Name()):
				return false
			}
		}
	}
	return true
}

func (w *walker) touchAll(rows []*routes.Route, at spot) {
	for _, row := range rows {
		w.touch(row, at)
	}
}

// touch notes that a row's permissions are needed at a place, once for each container that is named there.
func (w *walker) touch(row *routes.Route, at spot) {
	for _, ref := range strings.Fields(at.refs + strings.Repeat(" -", 1-min(1, len(at.refs)))) {
		one := touch{row, spot{at.kind, strings.Trim(ref, "-")}}
		w.touched[row.Path+" "+one.at.String()] = one
	}
}

// missed gives what was touched and is not among the acts.
func missed(touched map[string]touch, acts []graphql.Act) (out []string) {
	for _, key := range slices.Sorted(maps.Keys(touched)) {
		n := touched[key]
		if !slices.ContainsFunc(acts, func(a graphql.Act) bool { return n.coveredBy(&a) }) {
			out = append(out, key)
		}
	}
	return out
}

// coveredBy tells whether whoever may carry an act out may touch this.
func (n *touch) coveredBy(a *graphql.Act) bool {
	for _, p := range n.row.Needs {
		if !slices.Contains(a.Row.Needs, p) {
			return false
		}
	}
	if len(n.row.Needs) == 0 || n.row.Refused != "" || a.Reference.Variable != "" {
		return false
	}
	if a.Reach == graphql.ReachAnywhere {
		return true
	}
	contained := slices.ContainsFunc(n.row.Boundaries, func(b routes.Boundary) bool { return b.InContainer() })
	own := slices.ContainsFunc(n.row.Boundaries, func(b routes.Boundary) bool { return b.String() == n.at.kind })
	switch {
	case own:
		return a.Boundary.String() == n.at.kind
	case !contained:
		return a.Boundary == n.row.Boundaries[0]
	case n.at.refs == "" || nameOf(&a.Reference) != n.at.refs:
		return false
	}
	return n.at.kind == "refs" || n.at.kind == "above" && a.Reach == graphql.ReachAbove
}

// nameOf writes what an act names as the walker does.
func nameOf(r *graphql.Reference) string {
	switch {
	case r.Class != "":
		return fmt.Sprintf("%s/%d", r.Class, r.Object)
	case r.ID != 0:
		return fmt.Sprintf("%s#%d", r.Kind, r.ID)
	}
	return r.Kind.String() + ":" + r.Path
}
