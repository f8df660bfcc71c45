package main_test

import (
	"bufio"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
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

// pagesOfDocs gives README.md, SECURITY.md and every page below docs.
func pagesOfDocs(t *testing.T) []string {
	t.Helper()
	pages := []string{"README.md", "SECURITY.md"}
	err := filepath.WalkDir("docs", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			pages = append(pages, filepath.ToSlash(path))
		}
		return err
	})
	if err != nil || len(pages) < 30 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	return pages
}

var (
	pathInText = regexp.MustCompile("`([a-z][a-z0-9_]*/[A-Za-z0-9_./*-]+)`")
	linkInText = regexp.MustCompile(`\]\(([^)\s]*)\)`)
	heading    = regexp.MustCompile(`(?m)^#+ (.*)$`)
	identified = regexp.MustCompile(`<a (?:id|name)="([^"]+)"`)
)

// absent gives the paths of this repository that a page names and that are not there. NAME stands for a forge. What begins with
// no folder of the repository is no path of it.
func absent(page string) (missing []string, seen int) {
	for _, m := range pathInText.FindAllStringSubmatch(page, -1) {
		top, _, _ := strings.Cut(m[1], "/")
		if at, err := os.Stat(top); err != nil || !at.IsDir() {
			continue
		}
		seen++
		path := strings.ReplaceAll(strings.TrimSuffix(m[1], "/..."), "NAME", "gitlab")
		if found, err := filepath.Glob(path); err != nil || len(found) == 0 {
			missing = append(missing, m[1])
		}
	}
	return missing, seen
}

// anchors gives what a link to a page may have behind "#", as GitHub and GitLab make it of headings.
func anchors(page string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		all[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, m[1])] = true
	}
	for _, m := range identified.FindAllStringSubmatch(page, -1) {
		all[m[1]] = true
	}
	return all
}

// dangling gives the links of a page within the repository that lead nowhere. name is the page's.
func dangling(name, page string) (broken []string, seen int) {
	for _, m := range linkInText.FindAllStringSubmatch(page, -1) {
		if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
			continue
		}
		seen++
		file, anchor, _ := strings.Cut(m[1], "#")
		target := page
		if file != "" {
			at := filepath.Join(filepath.Dir(name), file)
			data, err := os.ReadFile(at)
			if _, none := os.Stat(at); none != nil || err != nil && anchor != "" {
				broken = append(broken, m[1])
				continue
			}
			target = string(data)
		}
		if anchor != "" && !anchors(target)[anchor] {
			broken = append(broken, m[1])
		}
	}
	return broken, seen
}

// TestPagesNameWhatIsThere holds the links of all pages, and the files and folders that they name, to what there is.
func TestPagesNameWhatIsThere(t *testing.T) {
	paths, links := 0, 0
	for _, name := range pagesOfDocs(t) {
		page := read(t, name)
		missing, seen := absent(page)
		paths += seen
		for _, path := range missing {
			t.Errorf("%s names %s, which is not there", name, path)
		}
		broken, seen := dangling(name, page)
		links += seen
		for _, link := range broken {
			t.Errorf("%s has a link to %s, which leads nowhere", name, link)
		}
	}
	if paths < 200 || links < 200 {
		t.Errorf("it reads only %d paths and %d links", paths, links)
	}
	missing, _ := absent("`proxy/handler.go`, `forge/NAME`, `proxy/none.go`, `none/at/all`, `routes/gitlab/*.yaml`, `routes/gitlab/*.yml`")
	if want := []string{"proxy/none.go", "routes/gitlab/*.yml"}; !slices.Equal(missing, want) {
		t.Errorf("of planted paths %q are missed, want %q", missing, want)
	}
	broken, _ := dangling("docs/page.md", "# Some `Page`, this\n[a](#some-page-this) [b](#other) [c](forges.md) [d](none.md) "+
		"[e](forges.md#the-resolver) [f](forges.md#none) [g](https://none.example.com)\n")
	if want := []string{"#other", "none.md", "forges.md#none"}; !slices.Equal(broken, want) {
		t.Errorf("of planted links %q lead nowhere, want %q", broken, want)
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
