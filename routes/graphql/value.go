package graphql

import (
	"github.com/vektah/gqlparser/v2/ast"

	"patgate/routes"
)

// value is an argument's value as the forge gets it: a literal of the document, with the variables in it, or the JSON of a
// variable.
type value struct {
	kind     valueKind
	text     string // of a text, or the name of a variable without a value
	items    []value
	names    []string // of an object's items
	variable string   // whose JSON it is a part of, and where in it: input.projectPath
}

type valueKind uint8

const (
	nullValue valueKind = iota
	textValue
	otherValue // number, boolean or name of an enum
	listValue
	objectValue
	unsetValue // a variable that the request gives no value, nor the document
)

// literal reads a value of the document.
func (d *reading) literal(v *ast.Value) (value, error) {
	switch v.Kind {
	case ast.Variable:
		return d.variable(v.Raw)
	case ast.StringValue, ast.BlockValue:
		return value{kind: textValue, text: v.Raw}, nil
	case ast.NullValue:
		return value{}, nil
	case ast.ListValue, ast.ObjectValue:
		out := value{kind: listValue}
		if v.Kind == ast.ObjectValue {
			out.kind = objectValue
		}
		for _, child := range v.Children {
			item, err := d.literal(child.Value)
			if err != nil {
				return value{}, err
			}
			out.items = append(out.items, item)
			if v.Kind == ast.ObjectValue {
				out.names = append(out.names, child.Name)
			}
		}
		return out, nil
	}
	return value{kind: otherValue, text: v.Raw}, nil
}

// variable gives the value of a variable: the request's, else its default.
func (d *reading) variable(name string) (value, error) {
	def := d.operation.VariableDefinitions.ForName(name)
	if def == nil {
		return value{}, refuse(CodeDocument, "the variable $"+name+" is not declared")
	}
	for i := range d.given {
		if d.given[i].name == name {
			v := d.given[i].value
			v.variable = name
			return v, nil
		}
	}
	if def.DefaultValue != nil {
		return d.literal(def.DefaultValue)
	}
	return value{kind: unsetValue, text: name, variable: name}, nil
}

// at gives the item of an object, as a part of the variable that the object is of.
func (v *value) at(i int) value {
	item := v.items[i]
	if item.variable == "" && v.variable != "" {
		item.variable = v.variable + "." + v.names[i]
	}
	return item
}

// each gives the items of a list, or the value itself where a list of one is meant (October 2021, 3.11, "Input Coercion").
func (v *value) each() []value {
	if v.kind != listValue {
		return []value{*v}
	}
	out := make([]value, len(v.items))
	for i := range v.items {
		out[i] = v.items[i]
		if out[i].variable == "" {
			out[i].variable = v.variable
		}
	}
	return out
}

// absent tells whether the forge sees nothing.
func (v *value) absent() bool { return v.kind == nullValue }

// objectID reads gid://gitlab/Class/1. GlobalID takes more, such as parameters, which is refused (19.3, globalid 1.x).
func objectID(text string) (class string, id int64, ok bool) {
	const prefix = "gid://gitlab/"
	if len(text) <= len(prefix) || text[:len(prefix)] != prefix {
		return "", 0, false
	}
	rest := text[len(prefix):]
	slash := -1
	for i := 0; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '/' && slash < 0 && i > 0:
			slash = i
		case c >= '0' && c <= '9' && (slash >= 0 || i > 0):
		case slash < 0 && (c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == ':'):
		default:
			return "", 0, false
		}
	}
	if slash < 0 {
		return "", 0, false
	}
	ref, ok := routes.ParseReference(routes.RefProject, []byte(rest[slash+1:]))
	return rest[:slash], ref.ID, ok && ref.ID != 0
}
