package routecmd

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// TestRoutesOfGitea asks the commands for the table of another forge.
func TestRoutesOfGitea(t *testing.T) {
	for _, c := range []struct{ method, target, route, permission string }{
		{"GET", "/repos/acme/app/issues", "/repos/{project}/issues", "read_work_item"},
		{"GET", "/acme/app.git/info/refs?service=git-receive-pack", "/{project}.git/info/refs?service=git-receive-pack", "push_code"},
		{"GET", "/acme/app.git/info/lfs/locks", "/{project}.git/info/lfs/locks", "download_code"},
		{"PUT", "/v2/acme/app/manifests/v1", "/v2/{namespace}/manifests/{reference}", "create_container_repository"},
		{"GET", "/v2/token?service=container_registry&scope=repository:acme/app:pull", "/v2/token?scope=repository:{namespace}:pull",
			"read_container_repository"},
		{"PUT", "/api/packages/acme/generic/a/1/f", "/api/packages/{namespace}/generic/{package}/{version}/{filename}", "create_package"},
	} {
		t.Run(c.method+" "+c.target, func(t *testing.T) {
			out, err := runRoutes(t, "", "explain", "--forge", "gitea", "--json", c.method, c.target)
			var e struct {
				Route       string
				Permissions []string
			}
			if err != nil || json.Unmarshal([]byte(out), &e) != nil || e.Route != c.route || len(e.Permissions) == 0 ||
				e.Permissions[0] != c.permission {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	dir := t.TempDir()
	if out, err := runRoutes(t, "", "export", "--forge", "forgejo", dir+"/rows"); err != nil || !strings.HasPrefix(out, "wrote ") {
		t.Errorf("%v: %s", err, out)
	}
	if data, err := os.ReadFile(dir + "/rows/table.yaml"); err != nil || !strings.Contains(string(data), "forge: gitea") {
		t.Errorf("%v: %s", err, data)
	}
	t.Run("the exported files say whose they are, and make the same table", func(t *testing.T) {
		if out, err := runRoutes(t, "", "lint", dir+"/rows"); err != nil || !strings.Contains(out, "no problem, 0 warnings") {
			t.Errorf("%v: %s", err, out)
		}
		before, err := runRoutes(t, "", "list", "--forge", "gitea", "--json")
		if err != nil {
			t.Fatal(err)
		}
		after, err := runRoutes(t, "", "list", "--routes", dir+"/rows", "--json")
		if err != nil || strings.ReplaceAll(after, dir+"/rows", "routes/gitea") != before {
			t.Errorf("another table: %v", err)
		}
		if out, err := runRoutes(t, "", "lint", "--forge", "gitlab", dir+"/rows"); err == nil ||
			!strings.Contains(out, "the table is for gitlab") {
			t.Errorf("laid over another forge's table: %v: %s", err, out)
		}
	})
	if _, err := runRoutes(t, "", "list", "--forge", "gogs"); err == nil || !strings.Contains(err.Error(), "gitlab, gitea or forgejo") {
		t.Errorf("a forge that nobody knows: %v", err)
	}
}
