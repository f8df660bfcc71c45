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
	if missing := unnamed(string(page), []string{"routes/pattern", "routes/pat"}); !slices.Equal(missing, []string{"routes/pat"}) {
		t.Errorf("of one package that is there and one that is not, %v is missed", missing)
	}
}
