package graphql_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"patgate/routes"
)

// generator makes up documents that are valid by the schema.
type generator struct {
	*facts
	rng    *rand.Rand
	always map[string]bool // Type.field that are asked for wherever they can be
	roots  []string        // root fields of queries that are used; empty: all

	fields, aliases, used int // so far in this document
	declared              []string
	given                 map[string]any
	fragments             []fragment
	constants             bool // no variables, for now
}

// fragment is one that can be used again.
type fragment struct{ name, on, text string }

// trial is a request that was made up.
type trial struct {
	Query     string         `json:"query"`
	Operation string         `json:"operationName,omitempty"`
	Variables map[string]any `json:"variables,omitempty"`
}

func newGenerator(s *facts, seed uint64) *generator {
	return &generator{facts: s, rng: rand.New(rand.NewPCG(seed, 20))}
}

func (g *generator) odds(n int) bool { return g.rng.IntN(100) < n }

func one[T any](g *generator, list []T) T { return list[g.rng.IntN(len(list))] }

// next makes up a request.
func (g *generator) next() trial {
	g.fields, g.aliases, g.used, g.declared, g.fragments = 0, 0, 0, nil, nil
	g.given = map[string]any{}
	kind, root := "query", "Query"
	if g.odds(35) {
		kind, root = "mutation", "Mutation"
	}
	var body []string
	for range 1 + g.rng.IntN(3) {
		if f := g.rootField(root); f != nil {
			body = append(body, g.field(root, f, nil, 0))
		}
	}
	if g.odds(10) {
		body = append(body, "__typename")
	}
	if len(body) == 0 {
		return g.next()
	}
	t := trial{Variables: g.given}
	name := ""
	if g.odds(50) {
		name = "Op" + fmt.Sprint(g.rng.IntN(9))
	}
	set := "{" + strings.Join(body, " ") + "}"
	if g.odds(8) {
		set = "{...on " + root + g.directive() + set + "}"
	}
	operation := kind + " " + name
	if len(g.declared) > 0 {
		operation += "(" + strings.Join(g.declared, ", ") + ")"
	}
	parts := []string{operation + set}
	if name == "" && kind == "query" && len(g.declared) == 0 && g.odds(50) {
		parts[0] = set
	}
	for _, f := range g.fragments {
		parts = append(parts, "fragment "+f.name+" on "+f.on+f.text)
	}
	if name != "" && g.odds(20) { // another operation, which is not chosen
		parts = append(parts, `mutation Other {destroyNote(input: {id: "gid://gitlab/Note/1"}) {errors}}`)
		t.Operation = name
	}
	if g.odds(5) {
		parts = append(parts, `fragment Unused on Project {forkedFrom {name}}`)
	}
	g.rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	t.Query = strings.Join(parts, one(g, []string{" ", "\n", "\n# a comment }\n", ",\t"}))
	return t
}

// rootField chooses one that has a chance.
func (g *generator) rootField(root string) *ast.FieldDefinition {
	for range 50 {
		f := one(g, g.types[root].Fields)
		_, listed := g.rules.Roots[f.Name]
		_, row := g.rows[root+"."+f.Name]
		switch {
		case root == "Query" && len(g.roots) > 0:
			return g.types[root].Fields.ForName(one(g, g.roots))
		case g.usable(root, f) && (listed || row || g.odds(10)):
			return f
		}
	}
	return nil
}

// usable tells whether something is known of what a field gives, most of the time.
func (g *generator) usable(of string, f *ast.FieldDefinition) bool {
	name := f.Type.Name()
	if g.types[name] == nil || g.rules.Refused[of+"."+f.Name] != "" {
		return false
	}
	if g.leaf(name) || of == "Mutation" {
		return true
	}
	if g.odds(3) {
		return len(g.concrete(g.node(name))) > 0
	}
	possible := g.concrete(g.node(name))
	for _, c := range possible {
		if g.rows[c] == nil && !g.rules.Inherits[c] && c != "PageInfo" {
			return false
		}
	}
	return len(possible) > 0
}

// field writes a field. taken are the keys of the selection that it stands in, with the text behind them.
func (g *generator) field(of string, f *ast.FieldDefinition, taken map[string]string, depth int) string {
	g.fields++
	text := f.Name + g.arguments(f)
	text += g.directive()
	if name := f.Type.Name(); !g.leaf(name) {
		text += g.selection(name, depth+1)
	}
	if taken == nil || g.odds(15) || taken[f.Name] != "" && taken[f.Name] != text {
		g.aliases++
		return one(g, []string{"a", "project", "_x", "Zed"}) + fmt.Sprint(g.aliases) + one(g, []string{":", " : "}) + text
	}
	taken[f.Name] = text
	return text
}

// selection writes what is asked for of a type.
func (g *generator) selection(of string, depth int) string {
	d := g.types[of]
	taken := map[string]string{}
	var parts []string
	for range 1 + g.rng.IntN(5) {
		switch {
		case g.odds(12) && g.node(of) == of:
			if text := g.fragment(of, depth); text != "" {
				parts = append(parts, text)
			}
		case g.odds(6):
			parts = append(parts, "__typename")
		default:
			if f := g.inner(d, depth); f != nil {
				parts = append(parts, g.field(of, f, taken, depth))
			}
		}
	}
	for _, f := range d.Fields {
		if g.always[of+"."+f.Name] && depth < 8 {
			parts = append(parts, g.field(of, f, taken, depth))
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "__typename")
	}
	return " {" + strings.Join(parts, one(g, []string{" ", "\n", ", "})) + "}"
}

// inner chooses a field: a leaf where the document is large already.
func (g *generator) inner(d *ast.Definition, depth int) *ast.FieldDefinition {
	if len(d.Fields) == 0 {
		return nil
	}
	for range 20 {
		f := one(g, d.Fields)
		if !g.usable(d.Name, f) {
			continue
		}
		leaf := g.leaf(f.Type.Name())
		if (depth > 6 || g.fields > 25) && !leaf || leaf && depth < 4 && g.fields < 12 && g.odds(50) {
			continue
		}
		return f
	}
	return nil
}

// fragment writes one, inline or by name, on a type that the objects can be of.
func (g *generator) fragment(of string, depth int) string {
	on := of
	if own := g.concrete(of); g.odds(70) && len(own) > 0 {
		on = one(g, own)
	}
	if g.odds(30) {
		for _, i := range g.types[on].Interfaces {
			on = i
		}
	}
	if len(g.concrete(on)) == 0 || depth > 7 || g.fields > 30 {
		return ""
	}
	if g.odds(35) {
		for _, f := range g.fragments {
			if f.on == on {
				return "..." + f.name + g.directive()
			}
		}
	}
	switch {
	case g.odds(15) && on == of:
		return "... " + g.directive() + g.selection(of, depth+1)
	case g.odds(50):
		return "... on " + on + g.directive() + g.selection(on, depth+1)
	}
	name := "f" + fmt.Sprint(g.used)
	g.used++
	g.fragments = append(g.fragments, fragment{name, on, g.selection(on, depth+1)})
	return "..." + name + g.directive()
}

func (g *generator) directive() string {
	if !g.odds(6) {
		return ""
	}
	name := one(g, []string{"include", "skip"})
	value := one(g, []string{"true", "false"})
	if g.odds(50) {
		v := "v" + fmt.Sprint(len(g.declared))
		g.declared = append(g.declared, "$"+v+": Boolean!")
		g.given[v] = g.odds(50)
		value = "$" + v
	}
	return " @" + name + "(if: " + value + ")"
}

// arguments writes those of a field: what must be there, and some of the others.
func (g *generator) arguments(f *ast.FieldDefinition) string {
	var parts []string
	for _, a := range f.Arguments {
		_, widens := g.rules.Widens[a.Name]
		_, names := g.rules.Roots[f.Name].Arguments[a.Name]
		if g.types[a.Type.Name()] == nil || !a.Type.NonNull && !g.odds(8) && !(widens && g.odds(40)) && !(names && g.odds(80)) {
			continue
		}
		parts = append(parts, a.Name+": "+g.value(a.Type, a.Name, 0).write(g))
	}
	if strings.HasSuffix(f.Type.Name(), "Connection") && f.Arguments.ForName("first") == nil && g.odds(30) {
		parts = append(parts, "first: "+fmt.Sprint(1+g.rng.IntN(100)))
	}
	if len(parts) == 0 {
		return ""
	}
	return "(" + strings.Join(parts, one(g, []string{", ", " "})) + ")"
}

// made is a value that was made up, of a type.
type made struct {
	of     *ast.Type
	kind   byte // n null, s text, o number, boolean or enum, l list, i input object
	text   string
	enum   bool
	names  []string
	values []made
}

// value makes one up.
func (g *generator) value(of *ast.Type, name string, depth int) made {
	if !of.NonNull && g.odds(4) {
		return made{of: of, kind: 'n'}
	}
	if of.Elem != nil {
		if g.odds(15) { // one where a list is meant
			v := g.value(of.Elem, name, depth)
			v.of = of
			return v
		}
		v := made{of: of, kind: 'l'}
		for range g.rng.IntN(4) {
			v.values = append(v.values, g.value(of.Elem, name, depth))
		}
		return v
	}
	d := g.types[of.NamedType]
	switch d.Kind {
	case ast.InputObject:
		v := made{of: of, kind: 'i'}
		for _, f := range d.Fields {
			known := g.types[f.Type.Name()] != nil
			_, names := g.rules.Arguments[f.Name]
			if !known || !f.Type.NonNull && !g.odds(12) && !(names && g.odds(30)) || depth > 3 && !f.Type.NonNull {
				continue
			}
			v.names = append(v.names, f.Name)
			v.values = append(v.values, g.value(f.Type, f.Name, depth+1))
		}
		return v
	case ast.Enum:
		return made{of: of, kind: 'o', text: one(g, d.EnumValues).Name, enum: true}
	}
	number := fmt.Sprint(1 + g.rng.IntN(9))
	switch d.Name {
	case "Int":
		return made{of: of, kind: 'o', text: number}
	case "Float":
		return made{of: of, kind: 'o', text: number + ".5"}
	case "Boolean":
		return made{of: of, kind: 'o', text: one(g, []string{"true", "false"})}
	}
	model := g.model(d.Name)
	if d.Name == "GlobalID" {
		model = one(g, []string{"Project", "WorkItem", "Todo", "Unheard::Of"})
	}
	if model != "" {
		return made{of: of, kind: 's', text: "gid://gitlab/" + g.class(model) + "/" + number}
	}
	return made{of: of, kind: 's', text: g.text(name, number)}
}

// class gives the class of an id where one of a model is meant; most of the time the model itself.
func (g *generator) class(model string) string {
	switch {
	case model == "Namespace":
		return one(g, []string{"Group", "Namespace"})
	case model == "Noteable" || model == "Todoable" || model == "Issuable":
		return one(g, []string{"Issue", "MergeRequest", "WorkItem", "Commit"})
	case g.odds(2):
		return "Project"
	}
	return model
}

// text makes up what an argument of a name takes.
func (g *generator) text(name, number string) string {
	path := strings.HasSuffix(strings.TrimSuffix(strings.ToLower(name), "s"), "path")
	kind := g.rules.Arguments[name]
	for _, root := range g.rules.Roots {
		if k := root.Arguments[name]; k != routes.RefNone && kind == routes.RefNone {
			kind = k
		}
	}
	switch {
	case kind == routes.RefProject && path:
		return "g" + number + "/p" + number
	case kind.IsContainer() && path:
		return one(g, []string{"g" + number, "g" + number + "/sub"})
	case kind == routes.RefProject && g.odds(50):
		return "gid://gitlab/Project/" + number
	case kind == routes.RefGroup && g.odds(50):
		return "gid://gitlab/Group/" + number
	case kind.IsContainer():
		return number
	}
	return one(g, []string{"a", `say "it" \ twice`, "línea\ntwo", "\u2028 😀", number, "/close", "main", ""})
}

// write writes a value as a literal, or as a variable that has it.
func (v made) write(g *generator) string {
	if !g.constants && g.odds(25) {
		return g.variable(v)
	}
	switch v.kind {
	case 'n':
		return "null"
	case 's':
		return g.quote(v.text)
	case 'l', 'i':
		var parts []string
		for i, item := range v.values {
			text := item.write(g)
			if v.kind == 'i' {
				text = v.names[i] + ": " + text
			}
			parts = append(parts, text)
		}
		text := strings.Join(parts, one(g, []string{", ", " "}))
		if v.kind == 'l' {
			return "[" + text + "]"
		}
		return "{" + text + "}"
	}
	return v.text
}

// variable declares one with the value: given, as its default, or both where the given one counts.
func (g *generator) variable(v made) string {
	name := one(g, []string{"v", "id", "_", "Path"}) + fmt.Sprint(len(g.declared))
	declared := "$" + name + ": " + v.of.String()
	switch {
	case g.odds(20):
		declared += " = " + v.constant(g)
	case g.odds(5) && !v.of.NonNull:
	case g.odds(20):
		if v.kind != 'n' {
			declared += " = " + g.value(v.of, "fullPath", 2).constant(g)
		}
		g.given[name] = v.json()
	default:
		g.given[name] = v.json()
	}
	g.declared = append(g.declared, declared)
	return "$" + name
}

// constant writes a value without variables.
func (v made) constant(g *generator) string {
	g.constants = true
	defer func() { g.constants = false }()
	return v.write(g)
}

func (v made) json() any {
	switch v.kind {
	case 'n':
		return nil
	case 's':
		return v.text
	case 'l':
		list := []any{}
		for _, item := range v.values {
			list = append(list, item.json())
		}
		return list
	case 'i':
		object := map[string]any{}
		for i, name := range v.names {
			object[name] = v.values[i].json()
		}
		return object
	}
	if v.enum {
		return v.text
	}
	return json.RawMessage(v.text)
}

// quote writes a text as a string or a block string.
func (g *generator) quote(s string) string {
	if g.odds(10) && !strings.ContainsAny(s, "\"\\\n\u2028") && strings.TrimSpace(s) == s && s != "" {
		return `"""` + s + `"""`
	}
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(text)
}
