package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// releaseSettings is what GitLab's own page on semantic-release says, and nothing more.
const releaseSettings = `{"branches":["main"],"plugins":["@semantic-release/commit-analyzer","@semantic-release/release-notes-generator",
"@semantic-release/gitlab"]}`

// TestSemanticRelease has semantic-release, as it is published, make a release of a merge request that closes an issue: it reads the
// project, pushes a tag with git, makes the release, and comments on the merge request and the issue.
func TestSemanticRelease(t *testing.T) {
	program, err := filepath.Abs(filepath.Join("testdata", "clients", "semantic-release", "node_modules", ".bin", "semantic-release"))
	if err != nil {
		t.Fatal(err)
	}
	needs(t, "node", "apt-get install nodejs")
	if _, err := os.Stat(program); err != nil {
		missing(t, "semantic-release is not here: make clients")
	}
	g := startGit(t, "PATGATE_PUBLIC_URL=http://127.0.0.1:{port}")
	w := g.world
	for _, id := range []int64{w.api, w.plans} { // only what the token reaches is commented on
		if err := w.post(fmt.Sprintf("/projects/%d/issues", id), object{"title": "it crashes"}); err != nil {
			t.Fatal(err)
		}
	}
	g.git(t, w.forge.GitRepository(w.api), "branch", "fix", "main")
	for path, body := range map[string]object{
		"repository/files/fix.txt": {"branch": "fix", "content": "fixed\n", "commit_message": "fix: no crash"},
		"merge_requests": {"title": "fix: no crash", "source_branch": "fix", "target_branch": "main",
			"description": "Closes shop/backend/api#46 secret/plans#1"},
	} {
		if err := w.post(fmt.Sprintf("/projects/%d/%s", w.api, path), body); err != nil {
			t.Fatal(err)
		}
	}
	g.git(t, w.forge.GitRepository(w.api), "tag", "v1.0.0", "main")
	merged := send(http.MethodPut, fmt.Sprintf("%s/api/v4/projects/%d/merge_requests/1/merge", w.url, w.api),
		http.Header{"Private-Token": {w.alicePAT}}, nil)
	if merged.status != http.StatusOK {
		t.Fatal(merged.status, merged.body)
	}
	w.forge.ForgetRequests()

	release := func(token, into string) (string, error) {
		g.git(t, g.home, "clone", "-q", g.url(token, "shop/backend/api.git"), into)
		dir := filepath.Join(g.home, into)
		g.git(t, dir, "remote", "set-url", "origin", g.gate+"/shop/backend/api.git")
		g.write(t, dir, ".releaserc.json", releaseSettings)
		cmd := exec.Command(program, "--no-ci")
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + g.home, "GL_URL=" + g.gate, "GL_TOKEN=" + token, "NO_PROXY=*",
			"GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0"}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	mint := func(name string, more ...string) string {
		return g.mint(t, append([]string{"--name", name, "--project", "shop/backend/api", "--template", "release-bot"}, more...)...)
	}
	t.Run("a permission that lacks is named", func(t *testing.T) {
		token := g.mint(t, "--name", "reads", "--project", "shop/backend/api", "--allow", "read_project,download_code")
		out, err := release(token, "denied")
		if err == nil || !strings.Contains(out, "push_code") {
			t.Errorf("%v\n%s", err, out)
		}
	})
	out, err := release(mint("release bot"), "working")
	if err != nil || !strings.Contains(out, "Published release 1.0.1") {
		t.Fatalf("%v\n%s\nthe server's log:\n%s", err, out, g.lastLines(5))
	}
	g.pastPatgate(t)
	for _, c := range []struct{ path, contains string }{
		{"releases/v1.0.1", `"tag_name":"v1.0.1"`},
		{"merge_requests/1/notes", "is included in version 1.0.1"},
		{"issues/46/notes", "has been resolved in version 1.0.1"},
	} {
		a := send(http.MethodGet, fmt.Sprintf("%s/api/v4/projects/%d/%s", w.url, w.api, c.path),
			http.Header{"Private-Token": {w.alicePAT}}, nil)
		if a.status != http.StatusOK || !strings.Contains(a.body, c.contains) {
			t.Errorf("%s: %d %s", c.path, a.status, a.body)
		}
	}
	a := send(http.MethodGet, fmt.Sprintf("%s/api/v4/projects/%d/issues/1/notes", w.url, w.plans),
		http.Header{"Private-Token": {w.alicePAT}}, nil)
	if strings.TrimSpace(a.body) != "[]" {
		t.Errorf("an issue out of reach was commented on: %s", a.body)
	}
}
