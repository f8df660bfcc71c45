package tokens_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"patgate/admin/catalogue"
	"patgate/routes/load"
)

var (
	snakeWord    = regexp.MustCompile(`[a-z]+(?:_[a-z]+)+`)
	codeSpan     = regexp.MustCompile("`([^`]+)`")
	allowFlag    = regexp.MustCompile(`--allow ([a-z_,]+)`)
	templateName = regexp.MustCompile("\\*\\*`([^`]+)`\\*\\*")
	pageLink     = regexp.MustCompile(`\]\(([^)]+)\)`)
	heading      = regexp.MustCompile("(?m)^#+ (.*)$")
)

// otherWords of the page look like permissions and are none.
var otherWords = map[string]bool{
	"base_url":                      true,
	"closes_issues":                 true,
	"gitlab_project_hook":           true,
	"insufficient_credential_scope": true,
	"insufficient_granular_scope":   true,
	"public_url":                    true,
	"read_api":                      true,
}

// TestTheClientsPage holds that the page of clients names permissions and templates that there are, every template, and that
// its links lead somewhere.
func TestTheClientsPage(t *testing.T) {
	data, err := os.ReadFile("../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	page, known := string(data), knownPermissions(t)
	named := 0
	for _, m := range codeSpan.FindAllStringSubmatch(outsideFences(page), -1) {
		for _, word := range snakeWord.FindAllString(m[1], -1) {
			if named++; !known[word] && !otherWords[word] {
				t.Errorf("%s is no permission of either table", word)
			}
		}
	}
	for _, m := range allowFlag.FindAllStringSubmatch(page, -1) {
		for _, word := range strings.Split(m[1], ",") {
			if named++; !known[word] {
				t.Errorf("--allow %s: no such permission", word)
			}
		}
	}
	templates := map[string]bool{}
	for _, template := range catalogue.Templates() {
		templates[template.Name] = false
	}
	for _, m := range templateName.FindAllStringSubmatch(page, -1) {
		if _, found := templates[m[1]]; !found {
			t.Errorf("there is no template %s", m[1])
		}
		templates[m[1]] = true
	}
	for name, shown := range templates {
		if !shown {
			t.Errorf("template %s fits no client of the page", name)
		}
	}
	links := pageLink.FindAllStringSubmatch(outsideFences(page), -1)
	for _, m := range links {
		if !leads(t, m[1]) {
			t.Errorf("%s leads nowhere", m[1])
		}
	}
	if named < 60 || len(links) < 10 {
		t.Errorf("%d permissions and %d links: it reads too little", named, len(links))
	}
}

// knownPermissions are those of both tables.
func knownPermissions(t *testing.T) map[string]bool {
	t.Helper()
	gitlab, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	gitea, err := load.Gitea()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, info := range gitlab.Catalogue().All() {
		known[info.Name] = true
	}
	for _, info := range gitea.Catalogue().All() {
		known[info.Name] = true
	}
	return known
}

// outsideFences gives a page without its blocks of code.
func outsideFences(page string) string {
	var kept []string
	for i, part := range strings.Split("\n"+page, "\n```") {
		if i%2 == 0 {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "\n")
}

// leads tells whether there is the page that a link of docs names, and in it the heading.
func leads(t *testing.T, link string) bool {
	t.Helper()
	name, anchor, _ := strings.Cut(link, "#")
	data, err := os.ReadFile(filepath.Join("../../docs", name))
	if err != nil {
		return false
	}
	if anchor == "" {
		return true
	}
	for _, m := range heading.FindAllStringSubmatch(string(data), -1) {
		slug := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		if strings.ReplaceAll(slug, " ", "-") == anchor {
			return true
		}
	}
	return false
}
