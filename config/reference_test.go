package config

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/configuration.md instead of comparing it")

const referencePage = "../docs/configuration.md"

// TestReferencePage holds docs/configuration.md to the types; `make docs` rewrites the page.
func TestReferencePage(t *testing.T) {
	want := reference(t)
	if *update {
		if err := os.WriteFile(referencePage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(referencePage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s does not agree with the types in config.go: run `make docs`", referencePage)
	}
}

func TestEveryKeyIsDocumented(t *testing.T) {
	docs := comments(t)
	for _, f := range schema() {
		if docs[f.key] == "" {
			t.Errorf("%s has no comment", f.key)
		}
	}
}

// reference writes the page from the fields, their comments and their defaults.
func reference(t *testing.T) string {
	docs := comments(t)
	defaults := reflect.ValueOf(Default())
	var b strings.Builder
	b.WriteString(`<!-- Generated from config/config.go by "make docs". Do not edit. -->

# Configuration

patgate reads a YAML file (--config FILE or PATGATE_CONFIG), then environment variables, then command-line flags; each
is stronger than the one before. Only ` + "`upstream.url`" + ` must be given:

    patgate serve --upstream https://gitlab.example.com

Reading is strict: a key that is unknown, appears twice or is empty is an error. ` + "`patgate config check FILE`" + ` prints
all problems at once, ` + "`patgate config show`" + ` the one in effect with the place of each value, ` + "`patgate config example`" + ` a file to start from.

The environment variable of a key is its name in upper case with ` + "`PATGATE_`" + ` before it and ` + "`_`" + ` for the dot
(` + "`PATGATE_UPSTREAM_URL`" + `). Lists are written with commas there. Durations are written as ` + "`500ms`, `30s`, `5m`, `2h`, `90d`" + `,
sizes as ` + "`4096`, `64KiB`, `10MiB`" + `.
`)
	section := ""
	for _, f := range schema() {
		if head, _, ok := strings.Cut(f.key, "."); ok && head != section {
			section = head
			fmt.Fprintf(&b, "\n## %s\n\n%s\n", head, docs[head])
		} else if !ok && section != "top" {
			section = "top"
			fmt.Fprintf(&b, "\n## %s\n", topTitle(f.key))
		}
		v := defaults.FieldByIndex(f.index)
		shown := ""
		if v.Kind() != reflect.Slice {
			shown = text(v)
		}
		if shown == "" {
			shown = "none"
		} else {
			shown = "`" + shown + "`"
		}
		fmt.Fprintf(&b, "\n### `%s`\n\n%s  \nDefault: %s · Variable: `%s`\n", f.key, docs[f.key], shown, f.env())
	}
	return b.String()
}

func topTitle(key string) string {
	return map[string]string{"listen": "Listening", "public_url": "Addresses", "legacy": "What is let through", "administrators": "Administrators"}[key]
}

// comments gives the comment of every key and section, by parsing config.go.
func comments(t *testing.T) map[string]string {
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	structs := make(map[string]*ast.StructType)
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok {
			if s, ok := spec.Type.(*ast.StructType); ok {
				structs[spec.Name.Name] = s
			}
		}
		return true
	})
	docs := make(map[string]string)
	var walk func(s *ast.StructType, prefix string)
	walk = func(s *ast.StructType, prefix string) {
		for _, field := range s.Fields.List {
			if field.Tag == nil {
				continue // no key
			}
			key := prefix + reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("yaml")
			docs[key] = sentence(field.Names[0].Name, field.Doc.Text())
			if name, ok := field.Type.(*ast.Ident); ok && structs[name.Name] != nil {
				walk(structs[name.Name], key+".")
			}
		}
	}
	walk(structs["Config"], "")
	return docs
}

// sentence turns a Go comment into prose: "Listen is the address" becomes "The address".
func sentence(name, doc string) string {
	doc = strings.Join(strings.Fields(doc), " ")
	doc = strings.TrimPrefix(doc, name+" ")
	for _, verb := range []string{"is ", "are "} {
		doc = strings.TrimPrefix(doc, verb)
	}
	if doc == "" {
		return ""
	}
	return strings.ToUpper(doc[:1]) + doc[1:]
}
