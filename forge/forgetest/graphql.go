package forgetest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// serveGraphQL answers GraphQL documents; Basic credentials count here too (app/controllers/graphql_controller.rb).
func (f *Forge) serveGraphQL(w http.ResponseWriter, r *http.Request, rec *record) {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		answer{status: http.StatusNotFound, body: object{"error": "404 Not Found"}}.write(w)
		return
	}
	body, raw := parseBody(r)
	query := parseQuery(r.URL.RawQuery)
	all := merge(body, query) // query beats body in Rails
	c := &call{f: f, r: r, rec: rec, params: all, rails: all, body: raw}
	rt := &route{method: r.Method, pattern: "/api/graphql", open: true, basic: true, scopes: []string{"read_api"},
		answer: (*call).answerDocument}
	rec.mu.Lock()
	rec.Route = r.Method + " /api/graphql"
	rec.mu.Unlock()
	a := c.run(rt)
	if a.status == http.StatusUnauthorized {
		a = answer{status: http.StatusUnauthorized, body: object{"errors": []any{object{"message": "Invalid token"}}}}
	}
	a.write(w)
}

// evaluation is one document that is being answered.
type evaluation struct {
	c         *call
	types     map[string]graphType
	fragments ast.FragmentDefinitionList
	vars      map[string]any
	errors    []any
}

// answerDocument reads the document, checks it against the schema, and carries it out.
func (c *call) answerDocument() answer {
	e := &evaluation{c: c, types: graphTypes()}
	op, refusal := e.prepare()
	if refusal != "" {
		return graphErrors(http.StatusOK, refusal)
	}
	root := "Query"
	if op.Operation == ast.Mutation {
		root = "Mutation"
		if c.r.Method == http.MethodGet {
			return graphErrors(http.StatusUnprocessableEntity, "Mutations are forbidden in GET requests")
		}
	}
	e.check(root, op.SelectionSet, nil)
	if len(e.errors) > 0 {
		return ok(object{"errors": e.errors})
	}
	body := object{"data": e.object(root, nil, op.SelectionSet, nil)}
	if len(e.errors) > 0 {
		body["errors"] = e.errors
	}
	return ok(body)
}

func graphErrors(status int, message string) answer {
	return answer{status: status, body: object{"errors": []any{object{"message": message}}}}
}

// prepare parses the document and chooses the operation.
func (e *evaluation) prepare() (op *ast.OperationDefinition, refusal string) {
	text := e.c.params.text("query")
	if text == "" {
		return nil, "No query string was present"
	}
	doc, err := parser.ParseQuery(&ast.Source{Input: text})
	if err != nil {
		return nil, "Parse error on the document: " + err.Error()
	}
	e.fragments = doc.Fragments
	name := e.c.params.text("operationName")
	switch op = doc.Operations.ForName(name); {
	case name == "" && len(doc.Operations) != 1:
		return nil, "An operation name is required"
	case op == nil:
		return nil, `No operation named "` + name + `"`
	case op.Operation == ast.Subscription:
		return nil, "Schema is not configured for subscriptions"
	}
	given, isObject := e.c.params["variables"].(map[string]any)
	if text := e.c.params.text("variables"); !isObject && text != "" {
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		if decoder.Decode(&given) != nil {
			return nil, "Invalid variables"
		}
	}
	e.vars = map[string]any{}
	for _, def := range op.VariableDefinitions {
		value, sent := given[def.Variable]
		if !sent && def.DefaultValue != nil {
			if value, err = def.DefaultValue.Value(nil); err != nil {
				return nil, err.Error()
			}
			sent = true
		}
		if value == nil && def.Type.NonNull {
			return nil, "Variable $" + def.Variable + " of type " + def.Type.String() + " was provided invalid value"
		}
		if sent {
			e.vars[def.Variable] = value
		}
	}
	return op, ""
}

// fail notes an error of the field at a path.
func (e *evaluation) fail(path []any, message string) {
	one := object{"message": message}
	if len(path) > 0 {
		one["path"] = slices.Clone(path)
	}
	e.errors = append(e.errors, one)
}

// check reports what the schema does not have. Nothing is carried out of a document that has such an error.
func (e *evaluation) check(name string, set ast.SelectionSet, within []string) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			f, known := e.types[name][s.Name]
			switch {
			case s.Name == "__typename":
			case !known:
				e.fail(nil, "Field '"+s.Name+"' doesn't exist on type '"+name+"'")
			case f.of == "" && len(s.SelectionSet) > 0:
				e.fail(nil, "Selections can't be made on scalars (field '"+s.Name+"' of type '"+name+"')")
			case f.of != "" && len(s.SelectionSet) == 0:
				e.fail(nil, "Field must have selections (field '"+s.Name+"' returns "+f.of+")")
			default:
				e.check(f.of, s.SelectionSet, within)
			}
			for _, a := range s.Arguments {
				if _, err := a.Value.Value(e.vars); err != nil {
					e.fail(nil, err.Error())
				}
			}
		case *ast.InlineFragment:
			e.checkFragment(name, s.TypeCondition, s.SelectionSet, within)
		case *ast.FragmentSpread:
			f := e.fragments.ForName(s.Name)
			switch {
			case f == nil:
				e.fail(nil, "Fragment "+s.Name+" was used, but not defined")
			case slices.Contains(within, s.Name):
				e.fail(nil, "Fragment "+s.Name+" contains an infinite loop")
			default:
				e.checkFragment(name, f.TypeCondition, f.SelectionSet, append(slices.Clone(within), s.Name))
			}
		}
	}
}

func (e *evaluation) checkFragment(name, condition string, set ast.SelectionSet, within []string) {
	switch {
	case condition == "" || condition == name:
		e.check(name, set, within)
	case e.types[condition] == nil:
		e.fail(nil, "No such type "+condition+", so it can't be a fragment condition")
	default:
		e.fail(nil, "Fragment on "+condition+" can't be spread inside "+name)
	}
}

// answered is a field under the name that it has in the answer, with all that is asked for of it.
type answered struct {
	key   string
	field *ast.Field
	below ast.SelectionSet
}

// collect gives the fields of a selection, with those of fragments, each key once (October 2021, 6.3.2).
func (e *evaluation) collect(set ast.SelectionSet, fields []answered) []answered {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			if !e.included(s.Directives) {
				continue
			}
			i := slices.IndexFunc(fields, func(a answered) bool { return a.key == s.Alias })
			if i < 0 {
				i, fields = len(fields), append(fields, answered{key: s.Alias, field: s})
			}
			fields[i].below = append(slices.Clip(fields[i].below), s.SelectionSet...)
		case *ast.InlineFragment:
			if e.included(s.Directives) {
				fields = e.collect(s.SelectionSet, fields)
			}
		case *ast.FragmentSpread:
			if e.included(s.Directives) {
				fields = e.collect(e.fragments.ForName(s.Name).SelectionSet, fields)
			}
		}
	}
	return fields
}

// included reads @include and @skip.
func (e *evaluation) included(directives ast.DirectiveList) bool {
	for _, d := range directives {
		a := d.Arguments.ForName("if")
		if a == nil {
			continue
		}
		value, _ := a.Value.Value(e.vars)
		if yes, _ := value.(bool); d.Name == "include" && !yes || d.Name == "skip" && yes {
			return false
		}
	}
	return true
}

// object answers what is asked for of an object of a type.
func (e *evaluation) object(name string, self any, set ast.SelectionSet, path []any) object {
	out := object{}
	for _, a := range e.collect(set, nil) {
		if a.field.Name == "__typename" {
			out[a.key] = name
			continue
		}
		out[a.key] = e.field(e.types[name][a.field.Name], self, a, append(slices.Clip(path), a.key))
	}
	return out
}

// field answers a field. Where it fails it is null, with an error at its path.
func (e *evaluation) field(f graphField, self any, a answered, path []any) (value any) {
	args := params{}
	for _, arg := range a.field.Arguments {
		v, _ := arg.Value.Value(e.vars) // checked before
		if _, given := e.vars[arg.Value.Raw]; given || arg.Value.Kind != ast.Variable {
			args[arg.Name] = v
		}
	}
	defer func() {
		switch p := recover().(type) {
		case nil:
		case graphFailure:
			value = nil
			e.fail(path, string(p))
		default:
			panic(p)
		}
	}()
	got := f.get(e.c, self, args)
	if f.of == "" || got == nil {
		return got
	}
	items, isList := got.([]any)
	if !isList {
		return e.object(f.of, got, a.below, path)
	}
	out := make([]any, len(items))
	for i, item := range items {
		if item != nil {
			out[i] = e.object(f.of, item, a.below, append(slices.Clip(path), i))
		}
	}
	return out
}

// graphFailure is thrown by a field that fails, with the message.
type graphFailure string

// notAvailable is GitLab's answer to a mutation of anything that the user may not change or see.
func notAvailable() {
	panic(graphFailure("The resource that you are attempting to access does not exist or you don't have permission to perform " +
		"this action"))
}

// introspection is the fields of __schema and __type, reduced.
func introspection(types map[string]graphType) map[string]graphType {
	name := graphField{get: func(_ *call, self any, _ params) any { return self }}
	named := func(of string) graphField {
		return graphField{of: "__Type", get: func(*call, any, params) any { return of }}
	}
	list := func(names []string) []any {
		slices.Sort(names)
		out := make([]any, len(names))
		for i := range names {
			out[i] = names[i]
		}
		return out
	}
	return map[string]graphType{
		"__Schema": {"queryType": named("Query"), "mutationType": named("Mutation"), "types": {of: "__Type",
			get: func(*call, any, params) any { return list(slices.Collect(maps.Keys(types))) }}},
		"__Type": {"name": name, "fields": {of: "__Field", get: func(_ *call, self any, _ params) any {
			return list(slices.Collect(maps.Keys(types[self.(string)])))
		}}},
		"__Field": {"name": name},
	}
}
