package graphql

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/vektah/gqlparser/v2/ast"
)

// print writes the document anew, in one way: the operation that was read, and the fragments that it needs. It gives the
// beginning of the request to send.
func (p *Parsed) print() ([]byte, error) {
	w := &writer{dst: make([]byte, 0, 1024)}
	op := p.operation
	w.text(string(op.Operation))
	if op.Name != "" {
		w.text(" ", op.Name)
	}
	w.variables(op.VariableDefinitions)
	w.selections(op.SelectionSet)
	for _, f := range p.fragments {
		w.text(" fragment ", f.Name, " on ", f.TypeCondition)
		w.selections(f.SelectionSet)
	}
	dst, err := jsontext.AppendQuote(append(make([]byte, 0, len(w.dst)+256), `{"query":`...), w.dst)
	if err != nil {
		return nil, errBody
	}
	if op.Name != "" {
		dst = append(append(append(dst, `,"operationName":"`...), op.Name...), '"')
	}
	return dst, nil
}

// body is the request that is sent: the document as it was printed, and the variables that it declares.
func (d *reading) body() ([]byte, error) {
	dst := append(make([]byte, 0, len(d.printed)+256), d.printed...)
	if len(d.given) > 0 {
		dst = append(dst, `,"variables":{`...)
		for i := range d.given {
			if i > 0 {
				dst = append(dst, ',')
			}
			// names of GraphQL need no quoting
			dst = append(append(append(dst, '"'), d.given[i].name...), '"', ':')
			var err error
			if dst, err = jsontext.AppendFormat(dst, d.given[i].raw, jsontext.PreserveRawStrings(true)); err != nil {
				return nil, errBody
			}
		}
		dst = append(dst, '}')
	}
	return append(dst, '}'), nil
}

// writer writes a document without blanks that mean nothing.
type writer struct{ dst []byte }

func (w *writer) text(parts ...string) {
	for _, s := range parts {
		w.dst = append(w.dst, s...)
	}
}

func (w *writer) variables(defs ast.VariableDefinitionList) {
	for i, def := range defs {
		if i == 0 {
			w.text("(")
		} else {
			w.text(",")
		}
		w.text("$", def.Variable, ":", def.Type.String())
		if def.DefaultValue != nil {
			w.text("=")
			w.value(def.DefaultValue)
		}
	}
	if len(defs) > 0 {
		w.text(")")
	}
}

func (w *writer) selections(set ast.SelectionSet) {
	w.text("{")
	for i, s := range set {
		if i > 0 {
			w.text(" ")
		}
		switch s := s.(type) {
		case *ast.Field:
			if s.Alias != s.Name {
				w.text(s.Alias, ":")
			}
			w.text(s.Name)
			w.arguments(s.Arguments)
			w.directives(s.Directives)
			if len(s.SelectionSet) > 0 {
				w.selections(s.SelectionSet)
			}
		case *ast.FragmentSpread:
			w.text("...", s.Name)
			w.directives(s.Directives)
		case *ast.InlineFragment:
			w.text("...")
			if s.TypeCondition != "" {
				w.text("on ", s.TypeCondition)
			}
			w.directives(s.Directives)
			w.selections(s.SelectionSet)
		}
	}
	w.text("}")
}

func (w *writer) arguments(list ast.ArgumentList) {
	for i, a := range list {
		if i == 0 {
			w.text("(")
		} else {
			w.text(",")
		}
		w.text(a.Name, ":")
		w.value(a.Value)
	}
	if len(list) > 0 {
		w.text(")")
	}
}

func (w *writer) directives(list ast.DirectiveList) {
	for _, d := range list {
		w.text("@", d.Name)
		w.arguments(d.Arguments)
	}
}

func (w *writer) value(v *ast.Value) {
	switch v.Kind {
	case ast.Variable:
		w.text("$", v.Raw)
	case ast.StringValue, ast.BlockValue:
		w.quote(v.Raw)
	case ast.ListValue:
		w.text("[")
		for i, child := range v.Children {
			if i > 0 {
				w.text(",")
			}
			w.value(child.Value)
		}
		w.text("]")
	case ast.ObjectValue:
		w.text("{")
		for i, child := range v.Children {
			if i > 0 {
				w.text(",")
			}
			w.text(child.Name, ":")
			w.value(child.Value)
		}
		w.text("}")
	default:
		w.text(v.Raw)
	}
}

// quote writes a text between quotes. What is not escaped stands for itself (October 2021, 2.9.4). A backslash is written by its
// number: behind "\\", graphql-ruby reads u0041 as if it were escaped once more (1.13.15, lexer.rl, replace_escaped_characters).
func (w *writer) quote(s string) {
	w.text(`"`)
	for _, r := range s {
		switch {
		case r == '"':
			w.text(`\"`)
		case r < 0x20 || r == '\\' || r == 0x7f || r == 0x2028 || r == 0x2029 || r == 0xfeff:
			w.text(`\u`)
			hex := strconv.FormatInt(int64(r), 16)
			w.text("0000"[len(hex):] + hex)
		default:
			w.dst = append(w.dst, string(r)...)
		}
	}
	w.text(`"`)
}
