package cli_test

import (
	"fmt"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRequestsOfGlab makes what glab asks for behind its commands, as its own build was seen to do.
func TestRequestsOfGlab(t *testing.T) {
	r := startRunning(t)
	w := r.world
	project := fmt.Sprintf("/projects/%d", w.api)
	if err := w.post(project+"/merge_requests", object{"source_branch": "bot/two", "target_branch": "main", "title": "Two"}); err != nil {
		t.Fatal(err)
	}
	token := r.mint(t, "--name", "glab", "--project", "shop/backend/api", "--allow",
		"read_project,read_merge_request,update_merge_request,read_pipeline,create_pipeline,read_job,read_release,create_release,"+
			"create_work_item")
	call := func(want int, method, path string, body any) answer {
		t.Helper()
		a := r.call(t, token, method, "/api/v4"+path, body)
		if a.status != want {
			t.Errorf("%s %s: %d, want %d: %s", method, path, a.status, want, a.body)
		}
		return a
	}
	call(200, "GET", "/projects/shop%2Fbackend%2Fapi", nil)                                    // repo view, repo clone
	call(200, "GET", project+"/merge_requests?page=1&per_page=30&scope=all&state=opened", nil) // mr list
	call(200, "GET", project+"/merge_requests/1?include_diverged_commits_count=true&include_rebase_in_progress=true&render_html=true",
		nil) // mr view, mr checkout
	versions := call(200, "GET", project+"/merge_requests/1/versions", nil) // mr diff
	id, _, _ := strings.Cut(strings.TrimPrefix(versions.body[max(0, strings.Index(versions.body, `"id":`)):], `"id":`), ",")
	if one := call(200, "GET", project+"/merge_requests/1/versions/"+id, nil); !strings.Contains(one.body, `"diffs":`) {
		t.Error(one.body)
	}
	call(200, "PUT", project+"/merge_requests/1", object{"title": "Three"})                             // mr update
	call(201, "POST", project+"/merge_requests/1/notes", object{"body": "hello"})                       // mr note
	call(404, "GET", project+"/pipelines/latest?ref=bot%2Ftwo", nil)                                    // ci status, of a branch without one
	call(201, "POST", project+"/pipeline", object{"ref": "main"})                                       // ci run
	call(200, "GET", project+"/pipelines/latest?ref=main", nil)                                         // ci status
	call(404, "GET", project+"/releases/v9.0.0", nil)                                                   // release create looks first
	call(201, "POST", project+"/releases", object{"name": "nine", "tag_name": "v9.0.0", "ref": "main"}) // release create
	graph := func(query, want string) {                                                                 // api graphql -f query=...
		t.Helper()
		if a := r.call(t, token, "POST", "/api/graphql", object{"query": query}); a.status != 200 || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %s, want %s", query, a.status, a.body, want)
		}
	}
	graph(`query { project(fullPath: "shop/backend/api") { name mergeRequests(first: 1) { nodes { title } } } }`, `"title":"Three"`)
	graph(`query { project(fullPath: "shop/backend/api") { issues { nodes { title } } } }`, `"missing_permissions":["read_work_item"]`)
	denied := call(403, "GET", "/search?scope=projects&search=website", nil) // repo search
	if !strings.Contains(denied.body, "use_global_search") {
		t.Error(denied.body)
	}
}

// TestGlab has glab, as it is published, clone, open a merge request, look at it, check it out and comment. glab finds its remote under a
// name without a port alone; git.example.test is one, since glab and git ask for it through an HTTP proxy that leads to patgate.
func TestGlab(t *testing.T) {
	optIn(t)
	program, err := exec.LookPath("glab")
	if err != nil {
		t.Skip("glab is not here: take a release, or build it from its source")
	}
	const host = "git.example.test"
	g := startGit(t, "PATGATE_PUBLIC_URL=http://"+host)
	gate, err := url.Parse(g.gate)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Host = gate.Host }})
	t.Cleanup(proxy.Close)
	token := g.mint(t, "--name", "glab", "--project", "shop/backend/api", "--template", "ai-agent")
	config := filepath.Join(g.home, ".config", "glab-cli")
	if err := os.MkdirAll(config, 0o700); err != nil {
		t.Fatal(err)
	}
	settings := fmt.Sprintf("git_protocol: http\ncheck_update: false\nhost: %[1]s\nhosts:\n    %[1]s:\n        api_protocol: http\n"+
		"        git_protocol: http\n        api_host: %[1]s\n        token: %[2]s\n", host, token)
	if err := os.WriteFile(filepath.Join(config, "config.yml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	g.git(t, g.home, "config", "--global", "credential.helper", "!f() { echo username=ci; echo password="+token+"; }; f")
	g.world.forge.ForgetRequests()
	run := func(dir, name string, args ...string) (string, error) {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + g.home, "GITLAB_HOST=" + host, "NO_PROMPT=1", "GIT_TERMINAL_PROMPT=0",
			"GIT_CONFIG_NOSYSTEM=1", "HTTP_PROXY=" + proxy.URL, "http_proxy=" + proxy.URL}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	glab := func(dir, want string, args ...string) {
		t.Helper()
		if out, err := run(dir, program, args...); err != nil || !strings.Contains(out, want) {
			t.Errorf("glab %s: %v, want %q\n%s\nthe server's log:\n%s", strings.Join(args, " "), err, want, out, g.lastLines(3))
		}
	}
	glab(g.home, "", "repo", "clone", "shop/backend/api", "work")
	dir := filepath.Join(g.home, "work")
	if out, err := run(dir, "git", "remote", "get-url", "origin"); err != nil || !strings.HasPrefix(out, "http://"+host) {
		t.Fatalf("the clone leads to %v %s", err, out)
	}
	g.git(t, dir, "switch", "-qc", "bot/one")
	g.commit(t, dir, "by glab")
	if out, err := run(dir, "git", "push", "-q", "origin", "bot/one"); err != nil {
		t.Fatalf("git push: %v\n%s", err, out)
	}
	glab(dir, "/merge_requests/1", "mr", "create", "--source-branch", "bot/one", "--target-branch", "main", "--title", "by glab",
		"--description", "-", "--yes")
	glab(dir, "by glab", "mr", "list")
	glab(dir, "by glab", "mr", "view", "1")
	glab(dir, "by glab", "mr", "diff", "1")
	g.git(t, dir, "switch", "-q", "main")
	g.git(t, dir, "branch", "-qD", "bot/one")
	glab(dir, "", "mr", "checkout", "1")
	if out := g.git(t, dir, "log", "-1", "--format=%D"); !strings.Contains(out, "bot/one") {
		t.Errorf("checked out is %s", out)
	}
	glab(dir, "#note_", "mr", "note", "1", "-m", "hello")
	glab(dir, "shop/backend/api", "issue", "list")
	glab(dir, "shop/backend/api", "repo", "list")
	glab(dir, `"name":"api"`, "api", "graphql", "-f", `query=query { project(fullPath: "shop/backend/api") { name } }`)
	denied := `query=query { project(fullPath: "shop/backend/api") { ciVariables { nodes { key } } } }`
	if out, _ := run(dir, program, "api", "graphql", "-f", denied); !strings.Contains(out, `"missing_permissions":["read_variable"]`) {
		t.Errorf("glab api graphql for variables:\n%s", out)
	}
	if out, err := run(dir, program, "release", "list"); err == nil || !strings.Contains(out, "missing read_release (project permission)") {
		t.Errorf("glab release list: %v\n%s", err, out)
	}
	g.pastPatgate(t)
}
