package manifest

import (
	"reflect"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Document gives an object as a file says it, without what may be left out.
func (o *Object) Document() *yaml.Node {
	n := written(reflect.ValueOf(struct {
		Kind        string `json:"kind"`
		Name        string `json:"name"`
		Description string `json:"description,omitempty"`
	}{o.Kind, o.Name, o.Description}))
	n.Content = append(n.Content, written(reflect.ValueOf(o.Spec).Elem()).Content...)
	return n
}

// written gives a value by the names in its json tags, as value reads it.
func written(v reflect.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode}
	switch {
	case v.Kind() == reflect.Struct:
		n.Kind = yaml.MappingNode
		for i := range v.NumField() {
			tag := v.Type().Field(i).Tag
			name, options, _ := strings.Cut(tag.Get("json"), ",")
			one := written(v.Field(i))
			empty := v.Field(i).IsZero() || one.Kind != yaml.ScalarNode && len(one.Content) == 0
			if options != "" && empty {
				continue
			}
			if tag.Get("style") == "flow" {
				one.Style = yaml.FlowStyle
			}
			n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, one)
		}
	case v.Kind() == reflect.Slice:
		n.Kind = yaml.SequenceNode
		for i := range v.Len() {
			n.Content = append(n.Content, written(v.Index(i)))
		}
	case v.Kind() == reflect.Bool:
		n.Value = strconv.FormatBool(v.Bool())
	case v.Type() == reflect.TypeFor[Number]():
		n.Value = v.String()
	default:
		_ = n.Encode(v.String()) // a text has no error; it is quoted where it could be read as something else
	}
	return n
}
