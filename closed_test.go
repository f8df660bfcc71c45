package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestNothingOfTheForgeIsKeptUnread demands that what patgate asks the forge is read into fields that it names: an answer that is
// kept whole would go into answers of patgate's own past the filters of those that are forwarded.
func TestNothingOfTheForgeIsKeptUnread(t *testing.T) {
	read := 0
	for _, folder := range []string{"forge", "admin", "store"} {
		err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.Contains(name, "test/") {
				return err
			}
			source, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			read++
			if kept := unreadType(source); kept != "" {
				t.Errorf("%s keeps JSON unread: %s", name, kept)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if read < 60 {
		t.Errorf("only %d files were read: the test proves nothing", read)
	}
	planted, err := parser.ParseFile(token.NewFileSet(), "planted.go", "package p\nimport \"encoding/json\"\ntype m struct{ body json.RawMessage }", 0)
	if err != nil || unreadType(planted) != "json.RawMessage" {
		t.Errorf("a planted one is not seen: %v", err)
	}
}

// unreadType names the first type of JSON that is kept as it came which a file mentions; empty when there is none.
func unreadType(source *ast.File) (found string) {
	ast.Inspect(source, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if of, ok := s.X.(*ast.Ident); ok {
			switch name := of.Name + "." + s.Sel.Name; name {
			case "json.RawMessage", "jsontext.Value":
				found = name
			}
		}
		return true
	})
	return found
}
