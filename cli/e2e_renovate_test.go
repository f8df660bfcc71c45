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

// renovateSettings has Renovate look after one version in a file, whose releases are the tags of another project of the same forge.
const renovateSettings = `{"customManagers":[{"customType":"regex","managerFilePatterns":["/versions.txt/"],
"matchStrings":["(?<depName>\\S+)=(?<currentValue>\\S+)"],"datasourceTemplate":"gitlab-tags",
"registryUrlTemplate":"GATE"}],"enabledManagers":["custom.regex"]}`

// TestRenovate has Renovate, as it is published, find its projects, propose its settings in one run, and an update in the next: it
// reads, clones, pushes branches and opens merge requests.
func TestRenovate(t *testing.T) {
	optIn(t)
	modules, err := filepath.Abs(filepath.Join("testdata", "clients", "renovate", "node_modules"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, "renovate")); err != nil {
		missing(t, "Renovate is not here: make e2e-clients")
	}
	g := startGit(t, "PATGATE_PUBLIC_URL=http://127.0.0.1:{port}")
	w := g.world
	for path, body := range map[string]object{
		fmt.Sprintf("/projects/%d/repository/files/versions.txt", w.api): {"branch": "main", "content": "shop/my.web-site=1.0.0\n",
			"commit_message": "versions"},
		fmt.Sprintf("/projects/%d/repository/tags", w.web): {"tag_name": "1.0.0", "ref": "main"},
	} {
		if err := w.post(path, body); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.post(fmt.Sprintf("/projects/%d/repository/tags", w.web), object{"tag_name": "1.1.0", "ref": "main"}); err != nil {
		t.Fatal(err)
	}
	w.forge.ForgetRequests()
	settings := "RENOVATE_CONFIG=" + strings.ReplaceAll(renovateSettings, "GATE", g.gate)
	renovate := func(token string, more ...string) (string, error) {
		cmd := exec.Command(filepath.Join(modules, ".bin", "node"), filepath.Join(modules, "renovate", "dist", "renovate.js"))
		cmd.Dir = g.home
		cmd.Env = append([]string{"PATH=" + filepath.Join(modules, ".bin") + ":" + os.Getenv("PATH"), "HOME=" + g.home, "NO_PROXY=*",
			"RENOVATE_PLATFORM=gitlab", "RENOVATE_ENDPOINT=" + g.gate + "/api/v4", "RENOVATE_TOKEN=" + token, "RENOVATE_AUTODISCOVER=true",
			"RENOVATE_BASE_DIR=" + filepath.Join(g.home, "renovate"), "LOG_LEVEL=debug", "GIT_CONFIG_NOSYSTEM=1", settings}, more...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	requests := func() string {
		return send(http.MethodGet, fmt.Sprintf("%s/api/v4/projects/%d/merge_requests", g.gate, w.api),
			http.Header{"Private-Token": {w.alicePAT}},
			nil).body
	}
	token := g.mint(t, "--name", "renovate", "--group", "shop", "--template", "dependency-updater", "--user", "--allow", "read_user")
	t.Run("a permission that lacks is named", func(t *testing.T) {
		reader := g.mint(t, "--name", "reads", "--group", "shop", "--allow", "read_project,download_code,read_repository,"+
			"read_repository_tag,read_merge_request,read_work_item")
		out, _ := renovate(reader, "RENOVATE_GIT_AUTHOR=Renovate <renovate@example.com>", "RENOVATE_ONBOARDING=false",
			"RENOVATE_REQUIRE_CONFIG=optional")
		if !strings.Contains(out, "Missing: push_code") {
			t.Errorf("%s", out)
		}
	})
	t.Run("its default start, which proposes its settings", func(t *testing.T) {
		out, err := renovate(token)
		if made := requests(); err != nil || !strings.Contains(made, `"source_branch":"renovate/configure"`) {
			t.Fatalf("%v\n%s\n%s\nthe server's log:\n%s", err, made, out, g.lastLines(5))
		}
		if strings.Contains(out, "secret/plans") || !strings.Contains(out, "shop/my.web-site") {
			t.Errorf("it finds other projects than the token reaches:\n%s", out)
		}
	})
	t.Run("an update", func(t *testing.T) {
		out, err := renovate(token, "RENOVATE_ONBOARDING=false", "RENOVATE_REQUIRE_CONFIG=optional")
		if made := requests(); err != nil || !strings.Contains(made, `"source_branch":"renovate/shop-my.web-site-1.x"`) {
			t.Fatalf("%v\n%s\n%s\nthe server's log:\n%s", err, made, out, g.lastLines(5))
		}
	})
	g.pastPatgate(t)
}
