package manifest

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

// schemaFile is the schema that editors are pointed at.
const schemaFile = "../../docs/policy.schema.json"

// TestTheSchemaIsThatOfTheTypes holds the committed schema to the types; PATGATE_WRITE=1 writes it anew.
func TestTheSchemaIsThatOfTheTypes(t *testing.T) {
	if os.Getenv("PATGATE_WRITE") == "1" {
		if err := os.WriteFile(schemaFile, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(schemaFile)
	if err != nil || string(file) != string(Schema()) {
		t.Fatalf("docs/policy.schema.json is not the schema of the types (%v): PATGATE_WRITE=1 go test ./admin/manifest", err)
	}
	var s struct {
		OneOf []struct {
			Title      string
			Properties map[string]any
			Required   []string
		}
	}
	if err := json.Unmarshal(file, &s); err != nil || len(s.OneOf) != len(kinds()) {
		t.Fatalf("%d kinds in the schema, want %d (%v)", len(s.OneOf), len(kinds()), err)
	}
}

// TestEveryFieldIsExplained looks at what editors show of the fields.
func TestEveryFieldIsExplained(t *testing.T) {
	var look func(of string, ty reflect.Type)
	seen := 0
	look = func(of string, ty reflect.Type) {
		for i := range ty.NumField() {
			f := ty.Field(i)
			seen++
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name == "" || f.Tag.Get("doc") == "" {
				t.Errorf("%s.%s has no name or no text", of, f.Name)
			}
			inner := f.Type
			if inner.Kind() == reflect.Slice {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct {
				look(of+"."+f.Name, inner)
			}
		}
	}
	for _, k := range kinds() {
		look(k.name, reflect.TypeOf(k.spec()).Elem())
	}
	if seen < 15 {
		t.Errorf("%d fields were looked at", seen)
	}
}
