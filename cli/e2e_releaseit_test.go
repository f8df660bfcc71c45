package cli_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReleaseIt has release-it, as it is published, make a release. Of a denial it prints the value of `error` alone.
func TestReleaseIt(t *testing.T) {
	optIn(t)
	modules, err := filepath.Abs(filepath.Join("testdata", "clients", "release-it", "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "release-it")); err != nil {
		missing(t, "release-it is not here: make e2e-clients")
	}
	g := startGit(t, "PATGATE_PUBLIC_URL=http://127.0.0.1:{port}")
	repository := g.world.forge.GitRepository(g.world.api)
	g.git(t, repository, "tag", "-d", "v1") // which is no version
	g.git(t, repository, "tag", "v1.0.0", "main")
	release := func(into, token, increment string) (string, error) {
		g.git(t, g.home, "clone", "-q", g.url(token, "shop/backend/api.git"), into)
		dir := filepath.Join(g.home, into)
		g.write(t, dir, "package.json", `{"name":"api","version":"1.0.0"}`)
		g.write(t, dir, ".release-it.json", `{"npm":false,"git":{"tagName":"v${version}"},"gitlab":{"release":true,"origin":"`+g.gate+
			`","tokenRef":"PATGATE_TOKEN"}}`)
		g.git(t, dir, "add", ".")
		g.git(t, dir, "commit", "-qm", "settings", "--allow-empty")
		cmd := exec.Command(filepath.Join(modules, ".bin", "release-it"), "--ci", "--increment="+increment)
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + g.home, "PATGATE_TOKEN=" + token, "NO_PROXY=*", "GIT_TERMINAL_PROMPT=0",
			"GIT_CONFIG_NOSYSTEM=1", "CI=true"}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	token := g.mint(t, "--name", "release bot", "--project", "shop/backend/api", "--template", "release-bot", "--allow",
		"read_member")
	without := g.mint(t, "--name", "no releases", "--project", "shop/backend/api", "--allow",
		"read_project,read_member,download_code,push_code")
	g.world.forge.ForgetRequests()
	if out, err := release("denied", without, "minor"); err == nil || !strings.Contains(out,
		"insufficient_granular_scope: Access denied: missing create_release (project permission)") {
		t.Errorf("%v\n%s\nthe server's log:\n%s", err, out, g.lastLines(4))
	}
	if out, err := release("working", token, "major"); err != nil || !strings.Contains(out, "/releases/v2.0.0") {
		t.Fatalf("%v\n%s\nthe server's log:\n%s", err, out, g.lastLines(4))
	}
	g.pastPatgate(t)
	a := send(http.MethodGet, g.world.url+"/api/v4/projects/shop%2Fbackend%2Fapi/releases/v2.0.0",
		http.Header{"Private-Token": {g.world.alicePAT}}, nil)
	if a.status != http.StatusOK || !strings.Contains(a.body, `"tag_name":"v2.0.0"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}
