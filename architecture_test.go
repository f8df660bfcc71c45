package main_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// unnamed gives the packages that a page does not name.
func unnamed(page string, packages []string) []string {
	return slices.DeleteFunc(slices.Clone(packages), func(pkg string) bool {
		return pkg == "." || strings.Contains(page, "`"+pkg+"`")
	})
}

// twice gives the packages that have more than one row.
func twice(page string, packages []string) []string {
	return slices.DeleteFunc(slices.Clone(packages), func(pkg string) bool { return strings.Count(page, "\n| `"+pkg+"` |") < 2 })
}

// TestThePageOnArchitectureNamesEveryPackage holds the table of packages.
func TestThePageOnArchitectureNamesEveryPackage(t *testing.T) {
	page, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, packages, err := violations(".")
	if err != nil || len(packages) < 50 {
		t.Fatalf("%d packages, %v", len(packages), err)
	}
	for _, pkg := range unnamed(string(page), packages) {
		t.Errorf("docs/architecture.md does not name %s", pkg)
	}
	for _, pkg := range twice(string(page), packages) {
		t.Errorf("docs/architecture.md has two rows for %s", pkg)
	}
	if more := twice("\n| `a` | b |\n| `c` | `a` |\n| `a` | d |\n", []string{"a", "c"}); !slices.Equal(more, []string{"a"}) {
		t.Errorf("of one package with two rows and one with one, %v have too many", more)
	}
	if missing := unnamed(string(page), []string{"routes/pattern", "routes/pat"}); !slices.Equal(missing, []string{"routes/pat"}) {
		t.Errorf("of one package that is there and one that is not, %v is missed", missing)
	}
}
