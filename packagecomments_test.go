package main_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestPackageComments demands that the comment of every package stands in doc.go or in the file of the package's name.
func TestPackageComments(t *testing.T) {
	commented := map[string]bool{} // by folder
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		if name := file.Name.Name; name != "main" {
			right := filepath.Base(path) == "doc.go" || filepath.Base(path) == name+".go"
			if has := file.Doc != nil && strings.HasPrefix(file.Doc.Text(), "Package "+name+" "); has && !right {
				t.Errorf("%s has the comment of package %s", path, name)
			} else {
				commented[dir] = commented[dir] || has
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(commented) < 30 {
		t.Errorf("only %d packages were found", len(commented))
	}
	for dir, has := range commented {
		if !has {
			t.Errorf("%s has no package comment in doc.go", dir)
		}
	}
}
