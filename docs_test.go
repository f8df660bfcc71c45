package main

import (
	"bufio"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestEveryDependencyHasAReason holds docs/dependencies.md to go.mod: each direct dependency has a line there, and each
// line there is a direct dependency.
func TestEveryDependencyHasAReason(t *testing.T) {
	direct := directDependencies(t)
	if len(direct) < 5 {
		t.Fatalf("go.mod has only %d direct dependencies: is it tidy?", len(direct))
	}
	page := read(t, "docs/dependencies.md")
	rows := make(map[string]bool)
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|(?:.*\\|)? ([^|]+) \\|$").FindAllStringSubmatch(page, -1) {
		rows[m[1]] = true
		if strings.TrimSpace(m[2]) == "" {
			t.Errorf("%s has no reason", m[1])
		}
	}
	for _, module := range direct {
		if !rows[module] {
			t.Errorf("docs/dependencies.md has no line for %s", module)
		}
		delete(rows, module)
	}
	for module := range rows {
		t.Errorf("docs/dependencies.md has a line for %s, which is no direct dependency", module)
	}
}

func directDependencies(t *testing.T) (direct []string) {
	lines := bufio.NewScanner(strings.NewReader(read(t, "go.mod")))
	for inside := false; lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "require (":
			inside = true
		case line == ")":
			inside = false
		case inside && !strings.HasSuffix(line, "// indirect"):
			module, _, _ := strings.Cut(line, " ")
			direct = append(direct, module)
		}
	}
	return direct
}

// TestTheReadmeNamesWhatIsThere looks for the files and make targets that the README points at.
func TestTheReadmeNamesWhatIsThere(t *testing.T) {
	readme, makefile := read(t, "README.md"), read(t, "Makefile")
	links := regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(readme, -1)
	targets := regexp.MustCompile("`?make ([a-z][a-z0-9-]*)").FindAllStringSubmatch(readme, -1)
	if len(links) < 5 || len(targets) < 4 {
		t.Fatalf("found only %d links and %d targets", len(links), len(targets))
	}
	for _, m := range links {
		if _, err := os.Stat(m[1]); err != nil {
			t.Errorf("README.md points at %s: %v", m[1], err)
		}
	}
	for _, m := range targets {
		if !strings.Contains(makefile, "\n"+m[1]+":") {
			t.Errorf("README.md names make %s, which the Makefile does not have", m[1])
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
