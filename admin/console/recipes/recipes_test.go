package recipes

import (
	"os/exec"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"patgate/policy"
	"patgate/routes"
)

// TestEachToolHasItsRecipe: a token is told of the tools that it is for, in lines that a shell, or YAML, reads.
func TestEachToolHasItsRecipe(t *testing.T) {
	cases := []struct {
		table, forge, permissions, want string
	}{
		{routes.ForgeGitLab, "GitLab", "read_job", "curl, GitLab CI"},
		{routes.ForgeGitLab, "GitLab", "push_code create_merge_request", "curl, git, glab, Renovate, GitLab CI"},
		{routes.ForgeGitLab, "GitLab", "create_container_repository read_package", "curl, docker, podman, npm, GitLab CI"},
		{routes.ForgeGitea, "Gitea", "push_code create_pull_request read_package", "curl, git, Renovate, Gitea Actions"},
		{routes.ForgeGitea, "Forgejo", "read_issue", "curl, tea, Forgejo Actions"},
	}
	for _, c := range cases {
		all := For("https://git.example.com/forge", c.table, c.forge, []policy.ScopeSpec{{ProjectIDs: []int64{7},
			Permissions: strings.Fields(c.permissions)}},
			func(int64) string { return "shop/api" })
		var titles []string
		for _, r := range all {
			titles = append(titles, r.Title)
			if strings.HasSuffix(r.Title, "CI") || strings.HasSuffix(r.Title, "Actions") {
				var any any
				if err := yaml.Unmarshal([]byte(r.Text), &any); err != nil || any == nil {
					t.Errorf("%s: %v\n%s", r.Title, err, r.Text)
				}
				continue
			}
			if out, err := exec.Command("sh", "-n", "-c", r.Text).CombinedOutput(); err != nil {
				t.Errorf("%s: %v %s\n%s", r.Title, err, out, r.Text)
			}
		}
		if got := strings.Join(titles, ", "); got != c.want {
			t.Errorf("%s with %s: %s, want %s", c.forge, c.permissions, got, c.want)
		}
	}
	pushing := []policy.ScopeSpec{{Access: "all_memberships", Permissions: []string{"push_code"}}}
	all := For("https://git.example.com/forge", routes.ForgeGitLab, "GitLab", pushing, nil)
	if want := "git clone https://ci:$PATGATE_TOKEN@git.example.com/forge/group/project.git"; all[1].Text != want {
		t.Errorf("%s", all[1].Text)
	}
	if For("no address", routes.ForgeGitLab, "GitLab", nil, nil) != nil {
		t.Error("there are recipes for no address")
	}
}
