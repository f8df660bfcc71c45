// Package description reads how a forge describes its GraphQL API.
package description

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// Types are the types that have fields, by name, with the names of their fields.
type Types map[string]map[string]bool

// Read reads a schema, as GraphQL writes it (October 2021, 3) or as the answer to a question for it (4). name stands in errors.
func Read(name string, data []byte) (Types, error) {
	read := written
	if text := bytes.TrimSpace(data); len(text) > 0 && text[0] == '{' {
		read = answered
	}
	types := Types{}
	if err := read(types, name, data); err != nil {
		return nil, err
	}
	if types["Query"] == nil {
		return nil, errors.New("there is no type Query")
	}
	return types, nil
}

func (t Types) add(name string) map[string]bool {
	if t[name] == nil {
		t[name] = map[string]bool{}
	}
	return t[name]
}

func written(types Types, name string, data []byte) error {
	doc, err := parser.ParseSchema(&ast.Source{Name: name, Input: string(data)})
	if err != nil {
		return err
	}
	for _, d := range slices.Concat(doc.Definitions, doc.Extensions) {
		if d.Kind != ast.Object && d.Kind != ast.Interface && d.Kind != ast.Union {
			continue
		}
		fields := types.add(d.Name)
		for _, f := range d.Fields {
			fields[f.Name] = true
		}
	}
	return nil
}

func answered(types Types, _ string, data []byte) error {
	type schema struct {
		Schema struct {
			Types []struct {
				Kind, Name string
				Fields     []struct{ Name string }
			}
		} `json:"__schema"`
	}
	var answer struct {
		Data schema
		schema
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return err
	}
	for _, t := range slices.Concat(answer.Data.Schema.Types, answer.Schema.Types) {
		if t.Kind != "OBJECT" && t.Kind != "INTERFACE" && t.Kind != "UNION" {
			continue
		}
		fields := types.add(t.Name)
		for _, f := range t.Fields {
			fields[f.Name] = true
		}
	}
	return nil
}
