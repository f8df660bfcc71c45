package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	// mostColumns is how long a line may be, and tabColumns what a tab takes of it.
	mostColumns, tabColumns = 130, 4
	// mostAssigned is how many values one statement may assign, but for those that one call returns.
	mostAssigned = 4
)

// unwieldy reads every Go file below root but for the tests, and gives the lines that are too long and the statements that
// assign too much at once.
func unwieldy(root string) (breaches []string, files int, err error) {
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		files++
		line := 0
		for text := range strings.Lines(string(source)) {
			line++
			text = strings.ReplaceAll(strings.TrimRight(text, "\n"), "\t", strings.Repeat(" ", tabColumns))
			if n := utf8.RuneCountInString(text); n > mostColumns {
				breaches = append(breaches, fmt.Sprintf("%s:%d: %d columns", name, line, n))
			}
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, path, source, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if s, ok := n.(*ast.AssignStmt); ok && len(s.Rhs) > mostAssigned {
				breaches = append(breaches, fmt.Sprintf("%s:%d: %d values at once", name, set.Position(s.Pos()).Line, len(s.Rhs)))
			}
			return true
		})
		return nil
	})
	return breaches, files, err
}

// TestLinesAreShort holds what a reader takes in at once: the length of a line, and the assignments of a statement.
func TestLinesAreShort(t *testing.T) {
	breaches, files, err := unwieldy(".")
	if err != nil {
		t.Fatal(err)
	}
	if files < 300 {
		t.Errorf("only %d files were found", files)
	}
	for _, breach := range breaches {
		t.Error(breach)
	}
}

// TestLongLinesAreSeen plants one breach at a time.
func TestLongLinesAreSeen(t *testing.T) {
	comment := func(columns int) string { return "//" + strings.Repeat("é", columns-2) + "\n" }
	cases := []struct {
		name, file, source, want string
	}{
		{"as long as may be", "a/a.go", comment(mostColumns) + "package a\n", ""},
		{"one column more", "a/a.go", "package a\n\n" + comment(mostColumns+1), "a/a.go:3: 131 columns"},
		{"a tab is four columns", "a/a.go", "package a\n\n\t" + comment(mostColumns-tabColumns+1), "a/a.go:3: 131 columns"},
		{"a test", "a/a_test.go", comment(mostColumns+1) + "package a\n", ""},
		{"four values", "a.go", "package a\n\nvar a, b, c, d int\n\nfunc f() { a, b, c, d = 1, 2, 3, 4 }\n", ""},
		{"five values", "a.go", "package a\n\nvar a, b, c, d, e int\n\nfunc f() { a, b, c, d, e = 1, 2, 3, 4, 5 }\n", "a.go:5: 5 values at once"},
		{"five results of a call", "a.go", "package a\n\nfunc f() { a, b, c, d, e := g(); h(a, b, c, d, e) }\n", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			breaches, _, err := unwieldy(plant(t, nil, c.file, c.source))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(breaches, "\n"); got != filepath.FromSlash(c.want) {
				t.Errorf("breaches are %q, want %q", got, c.want)
			}
		})
	}
}
