package cli_test

import (
	"encoding/base64"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestGoGet has the Go command fetch a module, and a package in a folder of one, through patgate by a token in .netrc; and what it
// asks for otherwise is the same 404, whether there is a project or not.
func TestGoGet(t *testing.T) {
	const host = "git.example.test"
	dir := t.TempDir()
	writePair(t, dir, "gate", host)
	certificate := filepath.Join(dir, "gate.crt")
	g := startGit(t, "PATGATE_PUBLIC_URL=https://"+host, "PATGATE_TLS_CERT_FILE="+certificate,
		"PATGATE_TLS_KEY_FILE="+filepath.Join(dir, "gate.key"))
	gate := strings.Replace(g.gate, "http://", "https://", 1)

	module := filepath.Join(g.home, "module")
	g.git(t, g.home, "clone", "-q", g.world.forge.GitRepository(g.world.api), module)
	if err := os.MkdirAll(filepath.Join(module, "pkg", "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	g.write(t, module, "go.mod", "module "+host+"/shop/backend/api\n\ngo 1.21\n")
	g.write(t, filepath.Join(module, "pkg", "sub"), "sub.go", "package sub\n\n// Answer is one.\nconst Answer = 42\n")
	g.git(t, module, "add", ".")
	g.git(t, module, "commit", "-qm", "a module")
	g.git(t, module, "tag", "v0.1.0")
	g.git(t, module, "push", "-q", "origin", "main", "v0.1.0")

	reader := g.mint(t, "--name", "reader", "--project", "shop/backend/api", "--allow", "download_code")
	other := g.mint(t, "--name", "other", "--project", "shop/backend/api", "--allow", "read_work_item")
	ask := func(target, token string) answer {
		basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("any:"+token))
		return send("GET", gate+target, http.Header{"Authorization": {basic}}, nil)
	}
	meta := `<meta name="go-import" content="` + host + "/shop/backend/api git https://" + host + `/shop/backend/api.git">`
	for _, target := range []string{"/shop/backend/api?go-get=1", "/shop/backend/api/?go-get=1", "/shop/backend/api/pkg/sub?go-get=1",
		"/Shop/backend/API?go-get=1"} {
		if a := ask(target, reader); a.status != 200 || !strings.Contains(a.body, meta) ||
			!strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %v %s", target, a.status, a.header, a.body)
		}
	}
	refusal := ask("/not/there?go-get=1", reader)
	if refusal.status != 404 || !strings.HasPrefix(refusal.header.Get("Content-Type"), "text/plain") ||
		!strings.Contains(refusal.body, ".netrc") {
		t.Errorf("what is not there: %d %v %s", refusal.status, refusal.header, refusal.body)
	}
	for what, a := range map[string]answer{
		"another project":                ask("/secret/plans?go-get=1", reader),
		"a package of another project":   ask("/secret/plans/pkg?go-get=1", reader),
		"a group":                        ask("/shop/backend?go-get=1", reader),
		"nothing below a group":          ask("/shop/backend/nothing/pkg?go-get=1", reader),
		"a single name":                  ask("/shop?go-get=1", reader),
		"an encoded path":                ask("/shop%2Fbackend%2Fapi?go-get=1", reader),
		"the project, by another token":  ask("/shop/backend/api?go-get=1", other),
		"nothing, by that token":         ask("/shop/nothing?go-get=1", other),
		"a package, by that other token": ask("/shop/backend/api/pkg/sub?go-get=1", other),
	} {
		if a.status != refusal.status || a.body != refusal.body {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	for what, a := range map[string]answer{"a page": ask("/shop/backend/api", reader), "other words": ask("/shop/backend/api?go-get=2",
		reader)} {
		if a.status != 403 {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	wrong := strings.NewReplacer("0", "1", "1", "2", "a", "b", "b", "c").Replace(strings.TrimPrefix(reader, "patgate_"))
	if a := ask("/shop/backend/api?go-get=1", "patgate_"+wrong+"x"); a.status != 401 {
		t.Errorf("a token that is none: %d %s", a.status, a.body)
	}

	var opened atomic.Int64
	proxy := connectProxy(t, "", &opened, map[string]string{host + ":443": strings.TrimPrefix(g.gate, "http://")})
	goGet := func(token string, args ...string) (string, error) {
		home, work := t.TempDir(), t.TempDir()
		netrc := "machine " + host + " login any password " + token + "\n"
		if err := os.WriteFile(filepath.Join(home, ".netrc"), []byte(netrc), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(work, "go.mod"), []byte("module example.test/work\n\ngo 1.21\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("go", args...)
		cmd.Dir = work
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "GOPATH=" + home + "/go", "GOCACHE=" + home + "/cache",
			"GOFLAGS=-modcacherw", "GOPROXY=direct", "GOPRIVATE=" + host, "GOTOOLCHAIN=local", "HTTPS_PROXY=http://" + proxy,
			"https_proxy=http://" + proxy, "SSL_CERT_FILE=" + certificate, "GIT_SSL_CAINFO=" + certificate, "GIT_TERMINAL_PROMPT=0",
			"GIT_CONFIG_NOSYSTEM=1"}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, name := range []string{"/shop/backend/api@v0.1.0", "/shop/backend/api/pkg/sub@latest"} {
		if out, err := goGet(reader, "get", host+name); err != nil || !strings.Contains(out, "v0.1.0") {
			t.Errorf("go get %s: %v\n%s\nthe server's log:\n%s", name, err, out, g.lastLines(6))
		}
	}
	if out, err := goGet(other, "get", host+"/shop/backend/api@v0.1.0"); err == nil || !strings.Contains(out,
		"There is no Go module here") {
		t.Errorf("go get without the permission: %v\n%s", err, out)
	}
	if opened.Load() == 0 {
		t.Error("the Go command went another way")
	}
}
