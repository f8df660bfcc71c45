package manifest

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"

	"patgate/routes/load/document"
)

// decode reads a document into the fields of a spec, by the names in their json tags. A key that is unknown, empty or of another
// type is a problem.
func decode(o *Object, spec any) {
	d := o.document
	fields := append([]document.Field{
		document.On("kind", func(*yaml.Node) {}),
		document.On("name", func(v *yaml.Node) {
			o.nodes["name"] = v
			if o.Name, _ = d.Line(v, "name"); strings.ContainsFunc(o.Name, unseen) {
				d.Problem(v, "write it in plain letters", "name holds a character that is invisible, or that reverses the text")
			}
		}),
		document.On("description", func(v *yaml.Node) { o.Description, _ = d.Line(v, "description") }),
	}, fieldsOf(o, "", reflect.ValueOf(spec).Elem())...)
	d.Fields(d.Root, "a "+o.Kind, fields...)
}

// unseen tells whether a character would make a name look like another one, in logs and denials.
func unseen(c rune) bool { return unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }

// fieldsOf gives the keys of a struct.
func fieldsOf(o *Object, at string, v reflect.Value) (fields []document.Field) {
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		path := strings.TrimPrefix(at+"."+name, ".")
		fields = append(fields, document.On(name, func(n *yaml.Node) {
			o.nodes[path] = n
			value(o, path, n, v.Field(i))
		}))
	}
	return fields
}

// value reads one value.
func value(o *Object, path string, n *yaml.Node, into reflect.Value) {
	d := o.document
	switch into.Kind() {
	case reflect.String:
		text, _ := d.Line(n, path)
		into.SetString(text)
	case reflect.Bool:
		into.SetBool(d.Flag(n, path))
	case reflect.Slice:
		for i, item := range d.Items(n, path) {
			one := reflect.New(into.Type().Elem()).Elem()
			inner := fmt.Sprintf("%s[%d]", path, i)
			o.nodes[inner] = item
			value(o, inner, item, one)
			into.Set(reflect.Append(into, one))
		}
	case reflect.Map: // of claims or of a scope: their readers know the names
	case reflect.Struct:
		d.Fields(n, path, fieldsOf(o, path, into)...)
	}
}
