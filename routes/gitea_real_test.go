package routes_test

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"patgate/forge/giteatest"
	"patgate/routes/inspect"
	"patgate/routes/load"
)

// answersLessToAnybody are reads outside of any repository or organization, which answer everybody, but more to the owner.
var answersLessToAnybody = map[string]bool{
	"/orgs": true, "/repos/issues/search": true, "/repos/search": true, "/users/search": true, "/users/{username}": true,
	"/users/{username}/activities/feeds": true, "/users/{username}/heatmap": true, "/users/{username}/repos": true,
}

// TestGiteaAnswersAnonymously asks a real Gitea, without a credential, for every read that it documents, of a public
// repository of a public organization: what it answers must be what the table marks public or open, and nothing else may be.
func TestGiteaAnswersAnonymously(t *testing.T) {
	gitea := giteatest.Start(t)
	table, err := load.Gitea()
	if err != nil {
		t.Fatal(err)
	}
	fillForAnonymous(t, gitea)
	capture := regexp.MustCompile(`\{[^}]*\}`)
	values := map[string]string{
		"owner": "open", "org": "open", "repo": "site", "username": "owner", "user": "owner", "target": "admin", "collaborator": "owner",
		"filepath": "README.md", "branch": "main", "ref": "main", "tag": "v1", "archive": "main.zip", "basehead": "main...topic", "diffType": "diff",
		"base": "main", "head": "topic", "topic": "t", "name": "x", "team": "Owners", "pageName": "Home", "type": "generic", "version": "1",
		"workflow_id": "x.yaml", "sha": "main",
	}
	data, err := os.ReadFile("testdata/gitea-rest.tsv")
	if err != nil {
		t.Fatal(err)
	}
	asked, anonymous := 0, 0
	for _, line := range strings.Split(string(data), "\n") {
		columns := strings.Split(line, "\t")
		if len(columns) != 6 || columns[1] != http.MethodGet {
			continue
		}
		path := capture.ReplaceAllStringFunc(columns[2], func(c string) string {
			if value := values[c[1:len(c)-1]]; value != "" {
				return value
			}
			return "1"
		})
		status, answer, err := gitea.Do("", http.MethodGet, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		asked++
		e := inspect.Explain(table, http.MethodGet, path)
		shown := status != http.StatusUnauthorized && status != http.StatusForbidden
		if shown {
			anonymous++
		}
		if marked := e.Public || e.Kind == "open"; marked != (shown && !answersLessToAnybody[columns[2]]) {
			t.Errorf("GET %s answers %d %.60q to anybody; the row at %s: kind %s, public %v", path, status, answer, e.Source, e.Kind, e.Public)
		}
	}
	if asked < 200 || anonymous < 80 {
		t.Errorf("%d reads, %d of them anonymous: the test proves nothing", asked, anonymous)
	}
}

// fillForAnonymous makes an organization with a repository that has one of everything.
func fillForAnonymous(t *testing.T, gitea *giteatest.Instance) {
	t.Helper()
	do := func(credential, method, path string, body map[string]any) {
		t.Helper()
		if status, answer, err := gitea.Do(credential, method, path, body); err != nil || status >= 300 {
			t.Fatalf("%s %s: status %d, %v: %s", method, path, status, err, answer)
		}
	}
	do(gitea.AdminToken, "POST", "/admin/users", map[string]any{"username": "owner", "email": "owner@example.org", "password": giteatest.Password, "must_change_password": false})
	const owner = "owner:" + giteatest.Password
	do(owner, "POST", "/orgs", map[string]any{"username": "open", "visibility": "public"})
	do(owner, "POST", "/orgs/open/repos", map[string]any{"name": "site", "auto_init": true, "default_branch": "main"})
	const repo = "/repos/open/site"
	do(owner, "POST", repo+"/contents/x.txt", map[string]any{"content": "eA==", "new_branch": "topic"})
	do(owner, "POST", repo+"/issues", map[string]any{"title": "one"})
	do(owner, "POST", repo+"/issues/1/comments", map[string]any{"body": "two"})
	do(owner, "POST", repo+"/pulls", map[string]any{"title": "three", "head": "topic", "base": "main"})
	do(owner, "POST", repo+"/labels", map[string]any{"name": "label", "color": "#ff0000"})
	do(owner, "POST", "/orgs/open/labels", map[string]any{"name": "ours", "color": "#ff0000"})
	do(owner, "POST", repo+"/milestones", map[string]any{"title": "m"})
	do(owner, "POST", repo+"/releases", map[string]any{"tag_name": "v1"})
	do(owner, "POST", repo+"/wiki/new", map[string]any{"title": "Home", "content_base64": "eA=="})
}
