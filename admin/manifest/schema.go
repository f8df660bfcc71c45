package manifest

import (
	"encoding/json"
	"reflect"
	"strings"
)

// Schema gives the JSON schema of one document, for editors. It is made from the types that documents are read into.
func Schema() []byte {
	var all []map[string]any
	for _, k := range kinds() {
		s := object(reflect.TypeOf(k.spec()).Elem())
		properties := s["properties"].(map[string]any)
		properties["kind"] = map[string]any{"const": k.name}
		properties["name"] = map[string]any{"type": "string", "description": "What it is called; unique among those of its kind."}
		properties["description"] = map[string]any{"type": "string", "description": "What it is for."}
		s["required"] = append([]string{"kind", "name"}, s["required"].([]string)...)
		s["title"] = k.name
		all = append(all, s)
	}
	text, err := json.MarshalIndent(map[string]any{"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title": "patgate policy as code", "oneOf": all}, "", "  ")
	if err != nil {
		panic(err) // it is made of texts, lists and maps
	}
	return append(text, '\n')
}

func object(t reflect.Type) map[string]any {
	properties, required := map[string]any{}, []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		s := schemaOf(f.Type)
		s["description"] = f.Tag.Get("doc")
		properties[name] = s
		if options == "" {
			required = append(required, name)
		}
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties, "required": required}
}

func schemaOf(t reflect.Type) map[string]any {
	switch t.Kind() {
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Slice:
		item := schemaOf(t.Elem())
		return map[string]any{"oneOf": []any{item, map[string]any{"type": "array", "items": item, "minItems": 1}}}
	case reflect.Struct:
		return object(t)
	case reflect.Map:
		return map[string]any{"type": "object"}
	}
	return map[string]any{"type": []string{"string", "number"}} // an id is written as it is
}
