package cli_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patgate/forge/forgetest"
)

// decodingProxies are the two ways of nginx in which it decodes a path before it sends it on, and the one in which it does not. DIR,
// GATE and the two addresses are put in.
const decodingProxies = `
daemon off;
worker_processes 1;
pid DIR/nginx.pid;
error_log DIR/error.log;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/fastcgi;
  uwsgi_temp_path DIR/uwsgi; scgi_temp_path DIR/scgi;
  upstream patgate { server GATE; }
  server { listen WRONG; location / { proxy_pass http://patgate/; } location /gitlab/ { proxy_pass http://patgate/; } }
  server { listen RIGHT; location / { proxy_pass http://patgate; } }
}
`

// startNginx starts nginx in front of patgate: at one address it decodes paths, at the other it leaves them as they are.
func (r *running) startNginx(t *testing.T) (wrong, right string) {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			missing(t, "nginx is not here: apt-get install nginx-light")
		}
	}
	wrong, right, err = r.ports()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "nginx.conf")
	text := strings.NewReplacer("DIR", dir, "GATE", strings.TrimPrefix(r.gate, "http://"), "WRONG", wrong, "RIGHT", right).
		Replace(decodingProxies)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	cmd := exec.Command(program, "-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", file)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", right); err == nil {
			_ = c.Close()
			return "http://" + wrong, "http://" + right
		}
		if time.Now().After(end) {
			t.Fatalf("nginx does not listen: %s", said.String())
		}
	}
}

// TestRefusalsSayWhatToDo: what clients, and proxies in front of patgate, usually get wrong is told with what to do about it.
func TestRefusalsSayWhatToDo(t *testing.T) {
	r := startRunningWith(t, func(w *world) []string {
		acme := w.forge.AddGroup("acme", forgetest.Private)
		website := w.forge.AddProject("acme/website", forgetest.Private)
		w.forge.AddGroupMember(acme, w.alice, forgetest.Maintainer)
		w.forge.AddTag(website, "release/2024.1")
		return []string{"PATGATE_LIMITS_BODY_BYTES=64KiB"}
	})
	token := r.mint(t, "--name", "acme", "--group", "acme", "--allow",
		"read_project,read_namespace,read_job,read_release,read_branch,read_repository_tag,read_repository,create_work_item,"+
			"create_commit,create_repository,update_merge_request,create_merge_request,download_code")
	ask := func(method, address string, header http.Header, body io.Reader) (status, text string) {
		t.Helper()
		request, err := http.NewRequest(method, address, body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header = header.Clone()
		request.Header.Set("Private-Token", token)
		transport := &http.Transport{DisableKeepAlives: true}
		response, err := (&http.Client{Transport: transport, Timeout: patience}).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		all, _ := io.ReadAll(response.Body)
		return response.Status, string(all)
	}
	get := func(address string) (status, text string) { return ask("GET", address, http.Header{}, nil) }
	json := http.Header{"Content-Type": {"application/json"}}
	const api, project = "/api/v4", "/projects/acme%2Fwebsite"

	const encode, setting = "write %2F", "in nginx write proxy_pass http://patgate; with nothing behind the address"
	t.Run("a slash that was not encoded", func(t *testing.T) {
		for _, target := range []string{
			"GET /projects/acme/website/jobs",
			"GET " + project + "/releases/release/2024.1",
			"GET /projects/acme/website",
			"GET " + project + "/repository/branches/feature/one",
			"DELETE " + project + "/repository/branches/feature/one",
			"GET " + project + "/repository/tags/release/2024.1",
			"GET " + project + "/repository/files/docs/read.me.md/raw",
			"GET " + project + "/labels/kind/bug",
			"GET /groups/acme/tools/projects/all",
			"PUT /groups/acme/tools/variables/KEY",
			"POST /projects/acme/website/merge_requests",
		} {
			method, path, _ := strings.Cut(target, " ")
			status, text := ask(method, r.gate+api+path, http.Header{}, nil)
			if status != "403 Forbidden: no route" || !strings.Contains(text, encode) || !strings.Contains(text, setting) ||
				!strings.Contains(text, `"message":"`) || !strings.Contains(text, `"error":"no_route"`) {
				t.Errorf("%s: %s %s", target, status, text)
			}
		}
		for _, path := range []string{"/nowhere", "/no/where/at/all", project + "/nothing"} {
			if status, text := get(r.gate + api + path); status != "403 Forbidden: no route" || strings.Contains(text, encode) {
				t.Errorf("%s: %s %s", path, status, text)
			}
		}
	})
	t.Run("a proxy that decodes", func(t *testing.T) {
		wrong, right := r.startNginx(t)
		paths := []string{project + "/jobs", project + "/repository/tags/release%2F2024.1", project}
		for _, path := range paths {
			if status, text := get(right + api + path); status != "200 OK" {
				t.Errorf("%s: %s %s", path, status, text)
			}
			for _, below := range []string{"", "/gitlab"} {
				status, text := get(wrong + below + api + path)
				if !strings.HasPrefix(status, "403 ") || !strings.Contains(text, setting) {
					t.Errorf("%s%s, decoded: %s %s", below, path, status, text)
				}
			}
		}
	})
	t.Run("a body that is too long", func(t *testing.T) {
		long := []byte(`{"title":"x","description":"` + strings.Repeat("x", 70_000) + `"}`)
		for name, body := range map[string]io.Reader{"with its length": bytes.NewReader(long),
			"in chunks": io.MultiReader(bytes.NewReader(long))} {
			status, text := ask("POST", r.gate+api+project+"/issues", json, body)
			if !strings.HasPrefix(status, "413 ") || !strings.Contains(text, "65536 bytes") ||
				!strings.Contains(text, "limits.body_bytes") {
				t.Errorf("%s: %s %s", name, status, text)
			}
		}
	})
	t.Run("a target that is too long", func(t *testing.T) {
		long := strings.Repeat("x", 9000)
		for _, c := range []struct{ target, says, never string }{
			{api + project + "/issues?search=" + long, "the query is too long", "path is too long"},
			{"/acme/website.git/info/refs?service=git-upload-pack&x=" + long, "the query is too long", "path is too long"},
			{"/acme/website/-/archive/main/x.zip?x=" + long, "the query is too long", "path is too long"},
			{api + project + "/repository/tags/" + long, "the path is too long", "query is too long"},
			{"/" + long + "/website.git/info/refs?service=git-upload-pack", "the path is too long", "query is too long"},
			{"/acme/" + long + "/-/archive/main/x.zip", "the path is too long", "query is too long"},
		} {
			status, text := get(r.gate + c.target)
			if !strings.HasPrefix(status, "400 ") || !strings.Contains(text, c.says) || strings.Contains(text, c.never) {
				t.Errorf("%.60s: %s %s", c.target, status, text)
			}
		}
		if status, text := get(r.gate + api + project + "?x=" + strings.Repeat("x", 100_000)); !strings.HasPrefix(status, "431 ") ||
			!strings.Contains(text, "limits.header_bytes") {
			t.Errorf("a head that is too long: %s %s", status, text)
		}
	})
	t.Run("a parameter that is not allowed", func(t *testing.T) {
		const why = "the route table refuses it"
		commits := api + project + "/repository/commits"
		for _, c := range []struct{ method, target, body string }{
			{"POST", commits, `{"branch":"main","start_project":7}`},
			{"POST", commits + "?start_project=7", `{"branch":"main"}`},
			{"POST", commits, `{"branch":"main","start_project":{"id":7}}`},
			{"POST", api + project + "/repository/files/a.md", `{"branch":"main","start_project":"7"}`},
			{"POST", api + project + "/merge_requests/1/blocks", `{"blocking_merge_request_id":7}`},
		} {
			status, text := ask(c.method, r.gate+c.target, json, strings.NewReader(c.body))
			if !strings.HasPrefix(status, "400 ") || !strings.Contains(text, "is not allowed on") || !strings.Contains(text, why) {
				t.Errorf("%s %s: %s %s", c.target, c.body, status, text)
			}
		}
	})
	t.Run("a permission that lacks", func(t *testing.T) {
		target := r.gate + api + project + "/packages"
		const message = `Access denied: missing read_package (project permission).`
		for agent, want := range map[string]string{
			"Go-http-client/1.1":   `"error":"insufficient_granular_scope","error_description":"`,
			"python-gitlab/3.12.0": `"error":"insufficient_granular_scope: ` + message,
			"webpro/release-it":    `"error":"insufficient_granular_scope: ` + message,
		} {
			status, text := ask("GET", target, http.Header{"User-Agent": {agent}}, nil)
			if status != "403 Forbidden: missing read_package" || !strings.Contains(text, want) ||
				!strings.Contains(text, `"message":"`+message) {
				t.Errorf("%s: %s %s", agent, status, text)
			}
		}
	})
	t.Run("a namespace by its path", func(t *testing.T) {
		if status, text := get(r.gate + api + "/namespaces/acme"); status != "200 OK" || !strings.Contains(text, `"full_path":"acme"`) {
			t.Errorf("%s %s", status, text)
		}
	})
}
