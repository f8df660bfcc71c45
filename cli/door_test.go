package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"patgate/store"
)

// What is done with tokens, owners and credentials is done by admin/tokens, whoever asks: no command goes past it to the
// store. What these two have in common by name is left out: the names of packages' types, and the service's own methods.
func TestCommandsGoThroughTheTokenService(t *testing.T) {
	past := map[string]bool{"PutOwner": true, "AddCredential": true, "ReplaceCredential": true, "SetCredentialStatus": true, "TokenByHash": true}
	for m := range reflect.TypeFor[store.Tokens]().Methods() {
		past[m.Name] = m.Name != "Token" && m.Name != "Tokens"
	}
	files, err := filepath.Glob("*/*.go")
	own, _ := filepath.Glob("*.go")
	files = append(files, own...)
	if err != nil || len(files) < 20 || len(past) < 15 {
		t.Fatalf("%d files, %d methods, %v", len(files), len(past), err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && past[s.Sel.Name] {
				t.Errorf("%s calls %s of the store", file, s.Sel.Name)
			}
			return true
		})
	}
}
