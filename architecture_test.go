package main_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

//go:generate go test . -run ^TestPackagesPage$ -update

var update = flag.Bool("update", false, "write docs/architecture/packages.md instead of comparing it")

const packagesPage = "docs/architecture/packages.md"

// packageRow is a row of the page: a package and what it holds, in words, and what is made of the rules.
var packageRow = regexp.MustCompile(`(?m)^\| ([^|]*) \| ([^|]*) \|.*\|$`)

// withRules writes the last columns of a page's rows anew, from direction and pure, and gives what is wrong with its rows: a
// package that has none, or two, a row for no package, or for several, and one that does not say what the package holds.
func withRules(page string, packages []string) (written string, wrong []string) {
	seen := map[string]int{}
	written = packageRow.ReplaceAllStringFunc(page, func(row string) string {
		cells := packageRow.FindStringSubmatch(row)
		pkg := strings.Trim(cells[1], "`")
		if cells[1] == "package" || strings.HasPrefix(pkg, "---") {
			return row
		}
		if !slices.Contains(packages, pkg) || cells[1] != "`"+pkg+"`" {
			wrong = append(wrong, fmt.Sprintf("there is no package %s", cells[1]))
			return row
		}
		if seen[pkg]++; seen[pkg] == 2 {
			wrong = append(wrong, fmt.Sprintf("%s has two rows", pkg))
		}
		if strings.TrimSpace(cells[2]) == "" {
			wrong = append(wrong, fmt.Sprintf("%s has a row that does not say what it holds", pkg))
		}
		may := "nothing"
		if list, _ := rule(direction(), pkg); len(list) > 0 {
			may = "`" + strings.Join(slices.Sorted(slices.Values(list)), "`, `") + "`"
		}
		pure, isPure := rule(pure(), pkg)
		yes := ""
		if isPure && pure != nil {
			yes = "yes "
		}
		return fmt.Sprintf("| `%s` | %s | %s | %s|", pkg, cells[2], may, yes)
	})
	for _, pkg := range packages {
		if seen[pkg] == 0 {
			wrong = append(wrong, fmt.Sprintf("%s has no row", pkg))
		}
	}
	return written, wrong
}

// TestPackagesPage holds docs/architecture/packages.md to the packages and to the rules of imports_test.go; `make docs` writes what
// comes of the rules.
func TestPackagesPage(t *testing.T) {
	page := read(t, packagesPage)
	_, packages, err := violations(".")
	if err != nil || len(packages) < 50 {
		t.Fatalf("%d packages, %v", len(packages), err)
	}
	written, wrong := withRules(page, packages)
	for _, w := range wrong {
		t.Errorf("%s: %s", packagesPage, w)
	}
	if *update {
		if err := os.WriteFile(packagesPage, []byte(written), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if written != page {
		t.Errorf("%s does not agree with imports_test.go: run `make docs`", packagesPage)
	}
}

// TestWrongRowsOfPackagesAreSeen plants one fault at a time.
func TestWrongRowsOfPackagesAreSeen(t *testing.T) {
	const rows = "| package | holds | may import | pure |\n| --- | --- | --- | --- |\n" +
		"| `policy` | grants | `routes` | yes |\n| `cache` | a cache | nothing | |\n"
	for _, c := range []struct{ name, old, planted, wrong string }{
		{"as it should be", "", "", ""},
		{"a package without a row", "| `cache` | a cache | nothing | |\n", "", "cache has no row"},
		{"two rows", "| `cache` |", "| `policy` | again | `routes` | yes |\n| `cache` |", "policy has two rows"},
		{"a row for two packages", "| `cache` |", "| `cache`, `policy` | both | nothing | |\n| `cache` |",
			"there is no package `cache`, `policy`"},
		{"a row for no package", "| `cache` |", "| `purse` | money | nothing | |\n| `cache` |", "there is no package `purse`"},
		{"a row without words", "| a cache |", "|  |", "cache has a row that does not say what it holds"},
		{"another rule", "| nothing |", "| `policy` |", ""},
		{"purity that is none", "| nothing | |", "| nothing | yes |", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			page := strings.Replace(rows, c.old, c.planted, 1)
			written, wrong := withRules(page, []string{"policy", "cache"})
			if got := strings.Join(wrong, "; "); got != c.wrong {
				t.Errorf("wrong are %q, want %q", got, c.wrong)
			}
			if c.wrong == "" && written != rows {
				t.Errorf("written is %s", written)
			}
		})
	}
}
