package main_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mostLines is how many lines outside tests a folder may have: what one can keep in mind.
const mostLines = 2500

// largerFolders gives the bound of each folder that may be larger, because it is a part of tests.
func largerFolders() map[string]int {
	return map[string]int{
		"forge/forgetest": 8000, // a stand-in forge: a part of tests
	}
}

// crowded gives the folders below root that have more lines outside tests than they may, and how many folders there are. A
// folder that may be larger and need not is a breach too.
func crowded(root string, larger map[string]int) (breaches []string, folders int, err error) {
	lines := map[string]int{}
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".")):
			return fs.SkipDir
		case entry.IsDir(), !strings.HasSuffix(path, ".go"), strings.HasSuffix(path, "_test.go"):
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		lines[filepath.ToSlash(folder)] += bytes.Count(data, []byte{'\n'})
		return err
	})
	for _, folder := range slices.Sorted(maps.Keys(lines)) {
		n, most := lines[folder], mostLines
		if bound, is := larger[folder]; is {
			most = bound
			if n <= mostLines {
				breaches = append(breaches, fmt.Sprintf("%s has %d lines and needs no bound of its own", folder, n))
			}
		}
		if n > most {
			breaches = append(breaches, fmt.Sprintf("%s has %d lines outside tests, more than %d", folder, n, most))
		}
	}
	return breaches, len(lines), err
}

// TestFoldersAreSmall holds the bound.
func TestFoldersAreSmall(t *testing.T) {
	breaches, folders, err := crowded(".", largerFolders())
	if err != nil || folders < 50 {
		t.Errorf("%d folders, %v", folders, err)
	}
	for _, breach := range breaches {
		t.Error(breach)
	}
}

// TestCrowdedFoldersAreSeen plants one file too many at a time.
func TestCrowdedFoldersAreSeen(t *testing.T) {
	source := func(lines int) string { return "package a\n" + strings.Repeat("//\n", lines-1) }
	for _, c := range []struct{ name, file, source, want string }{
		{"as many as may be", "a/a.go", source(mostLines), ""},
		{"one more, in another file", "a/b.go", source(mostLines), "a has 2501 lines outside tests, more than 2500"},
		{"a test", "a/b_test.go", source(mostLines), ""},
		{"the larger one", "larger/a.go", source(mostLines + 10), ""},
		{"the larger one, and more", "larger/a.go", source(mostLines + 11), "larger has 2511 lines outside tests, more than 2510"},
		{"the larger one, which became small", "larger/a.go", source(mostLines), "larger has 2500 lines and needs no bound of its own"},
	} {
		t.Run(c.name, func(t *testing.T) {
			clean := map[string]string{"a/one.go": "package a\n", "larger/one.go": source(mostLines + 1)}
			if c.file == "a/a.go" {
				delete(clean, "a/one.go")
			}
			if c.file == "larger/a.go" {
				delete(clean, "larger/one.go")
			}
			breaches, _, err := crowded(plant(t, clean, c.file, c.source), map[string]int{"larger": mostLines + 10})
			if got := strings.Join(breaches, "; "); err != nil || got != c.want {
				t.Errorf("breaches are %q (%v), want %q", got, err, c.want)
			}
		})
	}
}
