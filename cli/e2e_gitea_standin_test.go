package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"patgate/forge/giteatest"
)

// startGiteaStandIn starts a server in front of a stand-in for Gitea, which is enough for what patgate answers and refuses by itself.
// Alice is in the organizations acme and umbra, and acme/app and umbra/app are private.
func startGiteaStandIn(t *testing.T) *running {
	t.Helper()
	f := giteatest.NewStandIn(t)
	_, credential := f.AddUser("alice")
	f.AddUser("bob")
	for _, organization := range []string{"acme", "umbra"} {
		f.AddOrganization(organization, "private")
		f.AddRepository(organization+"/app", true)
		f.AddTeam(organization, "builders", "admin", "alice", "app")
	}
	r := startRunningWith(t, func(w *world) []string {
		w.alicePAT = credential
		return []string{"PATGATE_UPSTREAM_URL=" + f.URL(), "PATGATE_FORGE=gitea", "PATGATE_PUBLIC_URL=http://127.0.0.1:{port}"}
	}, "--console-listen", "gateway")
	r.secret("alice's token of Gitea", credential)
	return r
}

// TestInFrontOfGitea: commands that go through the running server, the check of a login at the registry, where denials lead, and what
// no wildcard stands for.
func TestInFrontOfGitea(t *testing.T) {
	r := startGiteaStandIn(t)
	ask := func(method, path, token, body string) answer {
		t.Helper()
		return send(method, r.gate+path, http.Header{"Authorization": {"token " + token}, "Content-Type": {"application/json"}}, []byte(body))
	}
	t.Run("commands with --server", func(t *testing.T) { r.commandsFromAfar(t, "acme/app", "/api/v1/repos/acme/app") })
	t.Run("logins at the registry", func(t *testing.T) {
		at := strings.TrimPrefix(r.gate, "http://")
		s := &registryStage{running: r, home: t.TempDir(), registry: at, gateway: at}
		s.logins(t, r.mint(t, "--name", "images", "--group", "acme", "--allow", "read_container_repository"))
		without := r.mint(t, "--name", "no images", "--project", "acme/app", "--allow", "read_project")
		if a := send("GET", r.gate+"/v2/", http.Header{"Authorization": {basicOf(without)}}, nil); a.status != http.StatusForbidden ||
			!strings.Contains(a.body, "Missing: read_container_repository") {
			t.Errorf("a token without images: %d %s", a.status, a.body)
		}
	})
	t.Run("a package's denial leads to its organization", func(t *testing.T) {
		token := r.mint(t, "--name", "code", "--project", "acme/app", "--allow", "read_project")
		for _, c := range []struct{ method, path, permission string }{
			{"GET", "/api/packages/acme/generic/tool/1.0.0/tool.bin", "read_package"},
			{"PUT", "/api/packages/acme/generic/tool/1.0.0/tool.bin", "create_package"},
			{"GET", "/api/packages/acme/npm/@acme%2Flib", "read_package"},
			{"GET", "/api/packages/acme/helm/index.yaml", "read_package"},
			{"GET", "/api/v1/packages/acme", "read_package"},
		} {
			a := ask(c.method, c.path, token, "")
			if a.status != http.StatusForbidden {
				t.Errorf("%s %s: %d %s", c.method, c.path, a.status, a.body)
				continue
			}
			at, err := url.Parse(grantURL(t, a))
			if err != nil || at.Query().Get("group") != "acme" || at.Query().Get("permissions") != c.permission ||
				!strings.HasSuffix(at.Path, "/grant") {
				t.Errorf("%s %s leads to %v, %v", c.method, c.path, at, err)
			}
		}
	})
	t.Run("a file that Gitea names by its UUID alone", func(t *testing.T) {
		token := r.mint(t, "--name", "files", "--project", "acme/app", "--allow", "read_release,read_release_asset")
		all := r.mint(t, "--name", "all files", "--project", "acme/app", "--project", "umbra/app", "--allow",
			"read_release,read_release_asset")
		address := func(token, repository string) string {
			a := ask("GET", "/api/v1/repos/"+repository+"/releases/1/assets/1", token, "")
			_, at, found := strings.Cut(a.body, `"browser_download_url":"`+r.gate)
			at, _, _ = strings.Cut(at, `"`)
			if a.status != http.StatusOK || !found || !strings.HasPrefix(at, "/"+repository+"/releases/attachments/") {
				t.Fatalf("%s: %d %s", repository, a.status, a.body)
			}
			return at
		}
		own, other := address(token, "acme/app"), address(all, "umbra/app")
		if a := ask("GET", own, token, ""); a.status != http.StatusOK || a.body != "file of acme/app" {
			t.Errorf("%d %s", a.status, a.body)
		}
		_, uuid, _ := strings.Cut(other, "/attachments/")
		uuid, _, _ = strings.Cut(uuid, "?")
		whose, ticket, _ := strings.Cut(own, "?")
		for name, target := range map[string]string{
			"the other repository's address":      other,
			"the other file with the own ticket":  whose[:strings.LastIndex(whose, "/")+1] + uuid + "?" + ticket,
			"no ticket":                           whose,
			"the other file by the forge's own":   "/attachments/" + uuid,
			"the other file below the repository": "/acme/app/attachments/" + uuid + "?" + ticket,
		} {
			if a := ask("GET", target, token, ""); a.status != http.StatusForbidden || strings.Contains(a.body, "file of") {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		if a := ask("GET", other, all, ""); a.status != http.StatusOK || a.body != "file of umbra/app" {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("GraphQL", func(t *testing.T) {
		token := r.mint(t, "--name", "documents", "--project", "acme/app", "--allow", "read_project")
		if a := ask("POST", "/api/graphql", token, `{"query":"{currentUser{id}}"}`); a.status != http.StatusNotFound ||
			!strings.Contains(a.body, "Gitea and Forgejo have no GraphQL: use the REST API") {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
	t.Run("no wildcard lets others in or makes a repository public", func(t *testing.T) {
		wild := r.mint(t, "--name", "wild", "--project", "acme/app", "--allow", "create_*,update_*")
		for _, c := range []struct{ method, path, body, missing string }{
			{"PUT", "/collaborators/bob", `{"permission":"admin"}`, `"create_member","update_member"`},
			{"PATCH", "", `{"private":false}`, `"update_project"`},
			{"POST", "/branch_protections", `{"rule_name":"main","enable_push":true}`, `"create_protected_branch"`},
		} {
			if a := ask(c.method, "/api/v1/repos/acme/app"+c.path, wild, c.body); a.status != http.StatusForbidden ||
				!strings.Contains(a.body, `"missing_permissions":[`+c.missing+`]`) {
				t.Errorf("%s %s: %d %s", c.method, c.path, a.status, a.body)
			}
		}
		named := r.mint(t, "--name", "named", "--project", "acme/app", "--allow", "update_project,create_member,update_member")
		for _, c := range []struct{ method, path, body string }{{"PUT", "/collaborators/bob", `{"permission":"admin"}`},
			{"PATCH", "", `{"private":false}`}} {
			if a := ask(c.method, "/api/v1/repos/acme/app"+c.path, named, c.body); a.status != http.StatusNotFound { // the stand-in's own
				t.Errorf("by name, %s %s: %d %s", c.method, c.path, a.status, a.body)
			}
		}
	})
	t.Run("lists hold what the token reaches", func(t *testing.T) {
		token := r.mint(t, "--name", "one", "--project", "acme/app", "--allow", "read_project")
		a := ask("GET", "/api/v1/user/repos", token, "")
		if a.status != http.StatusOK || !slices.Equal(listed(t, a.body, "full_name"), []string{"acme/app"}) {
			t.Errorf("%d %s", a.status, a.body)
		}
		for target, want := range map[string]int{"": 1, "?q=app&limit=1": 1, "?q=umbra": 0} {
			a := ask("GET", "/api/v1/repos/search"+target, token, "")
			if a.status != http.StatusOK || strings.Count(a.body, `"full_name":"acme/app"`) != want || strings.Contains(a.body, "umbra") {
				t.Errorf("/repos/search%s: %d %s", target, a.status, a.body)
			}
		}
	})
	t.Run("what is refused advises what Gitea reads", func(t *testing.T) {
		token := r.mint(t, "--name", "places", "--project", "acme/app", "--allow", "read_project")
		for name, h := range map[string]http.Header{"GitLab's header": {"Private-Token": {token}},
			"none": {}, "one that is unknown": {"Authorization": {"token " + otherEnd(token)}}} {
			a := send("GET", r.gate+"/api/v1/repos/acme/app", h, nil)
			if a.status < 400 || strings.Contains(a.body, "PRIVATE-TOKEN") || a.status == http.StatusBadRequest &&
				!strings.Contains(a.body, "Authorization: token") {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
	})
}

// commandsFromAfar has the commands that take --server make, show, change, rotate and revoke a token of a project that it reads at a
// path.
func (r *running) commandsFromAfar(t *testing.T, project, path string) {
	t.Helper()
	patgate := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("patgate", append(args, "--server", r.gate)...)
		cmd.Env, cmd.Dir = append(slices.Clone(r.env), "PATGATE_OWNER_CREDENTIAL="+r.world.alicePAT), r.dir
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("patgate %s: %v\n%s\nthe server's log:\n%s", strings.Join(args, " "), err, stderr.String(), r.lastLines(2))
		}
		return string(out)
	}
	made := func(text string) (v shown) {
		t.Helper()
		if err := json.Unmarshal([]byte(text), &v); err != nil || v.Token == "" {
			t.Fatalf("no token: %v", err)
		}
		r.secret("a token from afar", v.Token)
		return v
	}
	reads := func(token string) int {
		return send("GET", r.gate+path, http.Header{"Authorization": {"Bearer " + token}}, nil).status
	}
	first := made(patgate("token", "create", "--json", "--seal", "--name", "from afar", "--project", project, "--allow", "read_project"))
	if status := reads(first.Token); status != http.StatusOK {
		t.Errorf("the token is answered %d", status)
	}
	id := fmt.Sprint(first.ID)
	if out := patgate("token", "list"); !strings.Contains(out, "from afar") || strings.Contains(out, first.Token) {
		t.Errorf("the list: %s", out)
	}
	patgate("token", "edit", id, "--name", "renamed")
	if out := patgate("token", "list", "--json"); !strings.Contains(out, `"renamed"`) {
		t.Errorf("the list: %s", out)
	}
	second := made(patgate("token", "rotate", id, "--json"))
	if was, is := reads(first.Token), reads(second.Token); was != http.StatusUnauthorized || is != http.StatusOK {
		t.Errorf("after a rotation, the old one is answered %d and the new one %d", was, is)
	}
	patgate("token", "revoke", fmt.Sprint(second.ID))
	if status := reads(second.Token); status != http.StatusUnauthorized {
		t.Errorf("a revoked one is answered %d", status)
	}
}
