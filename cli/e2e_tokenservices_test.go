package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// recorder stands between clients and a server and keeps all that comes back: every header and every body.
type recorder struct {
	url string

	mu  sync.Mutex
	all []received
}

type received struct {
	request string // METHOD path
	bytes   []byte
}

func newRecorder(t *testing.T, target string) *recorder {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{}
	server := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to); p.Out.Host = p.In.Host },
		ModifyResponse: func(a *http.Response) error {
			body, err := io.ReadAll(a.Body)
			if err != nil {
				return err
			}
			var b bytes.Buffer
			_ = a.Header.Write(&b)
			b.Write(body)
			a.Body = io.NopCloser(bytes.NewReader(body))
			r.mu.Lock()
			defer r.mu.Unlock()
			r.all = append(r.all, received{a.Request.Method + " " + a.Request.URL.Path, b.Bytes()})
			return nil
		},
	})
	t.Cleanup(server.Close)
	r.url = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	return r
}

// about gives what came back for paths that hold a text.
func (r *recorder) about(path string) (all []received) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.all {
		if strings.Contains(a.request, path) {
			all = append(all, a)
		}
	}
	return all
}

// tokenServices are the requests to which GitLab answers with a credential, and what tells that it did: the owner's own, or
// one that is made of it.
func tokenServices(w *world) []struct{ name, method, target, body, tells string } {
	project := fmt.Sprintf("/api/v4/projects/%d", w.api)
	batch := `{"operation":"upload","transfers":["basic"],"objects":[{"oid":"` + strings.Repeat("ab", 32) + `","size":3}]}`
	return []struct{ name, method, target, body, tells string }{
		{"the container registry", "GET", "/jwt/auth?service=container_registry&scope=repository:shop/backend/api:pull,push", "", `"iss":"gitlab-issuer"`},
		{"the dependency proxy", "GET", "/jwt/auth?service=dependency_proxy&scope=repository:shop/dependency_proxy/containers/library/small:pull", "", w.alicePAT},
		{"Conan, version 1", "GET", project + "/packages/conan/v1/users/authenticate", "", w.alicePAT},
		{"Conan, version 2", "GET", project + "/packages/conan/v2/users/authenticate", "", w.alicePAT},
		{"Git LFS", "POST", "/shop/backend/api.git/info/lfs/objects/batch", batch, "lfs-token-of-the-forge"},
		{"a Terraform module", "GET", "/api/v4/packages/terraform/modules/v1/shop/network/aws/1.0.0/download", "", `"token":`},
	}
}

// TestTokenServices decodes all that clients receive in the conversations in which GitLab hands out a credential, JWTs and
// Basic included, and finds no byte of one. Asked directly, GitLab's stand-in shows that it would have been found.
func TestTokenServices(t *testing.T) {
	needs(t, "git-lfs", "apt-get install git-lfs")
	needs(t, "crane", getCrane)
	outside := startOutside(t)
	s := startRegistry(t, true, "PATGATE_UPSTREAM_STORAGE_URLS="+outside.storage)
	w := s.world
	w.forge.ServeDependencyProxy("http://"+outside.address, outside.storage)
	r := newRecorder(t, s.gate)
	through := *s.running
	through.gate = r.url
	g := serveGit(t, &through)
	host := strings.TrimPrefix(r.url, "http://")
	_, port, _ := strings.Cut(outside.address, ":")
	small := s.layout(t, "small", 4096, "amd64")
	s.ok(t, "skopeo", "copy", "--dest-tls-verify=false", small, "docker://localhost:"+port+"/library/small:v1")
	module := send(http.MethodPut, fmt.Sprintf("%s/api/v4/projects/%d/packages/terraform/modules/network/aws/1.0.0/file", w.url, w.api),
		http.Header{"Private-Token": {w.alicePAT}, "Content-Type": {"application/octet-stream"}}, []byte("\x1f\x8bmodule"))
	if module.status != http.StatusCreated {
		t.Fatal(module.status, module.body)
	}
	token := s.mint(t, "--name", "everything", "--group", "shop", "--allow",
		"read_container_repository,create_container_repository,read_dependency_proxy,read_package,create_package,download_code,push_code")

	// The positive control: the same requests, of the forge itself.
	direct := newRecorder(t, w.url)
	for _, c := range tokenServices(w) {
		h := http.Header{"Authorization": {basicOf(w.alicePAT)}, "Content-Type": {"application/vnd.git-lfs+json"}}
		if strings.Contains(c.target, "terraform") {
			h.Set("Authorization", "Bearer "+w.alicePAT)
		}
		a := send(c.method, direct.url+c.target, h, []byte(c.body))
		path, _, _ := strings.Cut(c.target, "?")
		got := direct.about(path)
		if a.status >= 300 || len(got) == 0 || reveals(got[len(got)-1].bytes, c.tells, 0) == "" {
			t.Errorf("%s: the forge itself does not tell %q, so that the test proves nothing: %d %s", c.name, c.tells, a.status, a.body)
		}
	}

	// Real clients, all of whose answers are kept.
	image := "docker://" + host + "/shop/backend/api/small:v1"
	s.ok(t, "skopeo", "copy", "--dest-tls-verify=false", "--dest-creds", "ci:"+token, small, image)
	s.ok(t, "skopeo", "copy", "--src-tls-verify=false", "--src-creds", "ci:"+token, image, "oci:"+filepath.Join(s.home, "pulled")+":v1")
	s.ok(t, "skopeo", "copy", "--src-tls-verify=false", "--src-creds", "ci:"+token, "docker://"+host+"/shop/dependency_proxy/containers/library/small:v1",
		"oci:"+filepath.Join(s.home, "proxied")+":v1")
	s.ok(t, "crane", "auth", "login", host, "-u", "ci", "-p", token)
	s.ok(t, "crane", "pull", host+"/shop/dependency_proxy/containers/library/small:v1", "proxied.tar")
	work := t.TempDir()
	g.git(t, g.home, "lfs", "install", "--skip-repo")
	g.git(t, work, "clone", "-q", g.url(token, "shop/backend/api.git"), "writing")
	dir := filepath.Join(work, "writing")
	g.git(t, dir, "lfs", "track", "*.bin")
	g.write(t, dir, "large.bin", strings.Repeat("large object\n", 1000))
	g.git(t, dir, "add", ".")
	g.git(t, dir, "commit", "-qm", "large")
	g.git(t, dir, "push", "-q", "origin", "main")
	g.git(t, work, "clone", "-q", g.url(token, "shop/backend/api.git"), "reading")
	// And the bare requests.
	for _, c := range tokenServices(w) {
		h := http.Header{"Authorization": {basicOf(token)}, "Content-Type": {"application/vnd.git-lfs+json"}}
		send(c.method, r.url+c.target, h, []byte(c.body))
	}
	conan := &conanClient{registryStage: s, base: fmt.Sprintf("/api/v4/projects/%d/packages/conan/", w.api)}
	conan.token = conan.login(t, "v1", token, 200)
	for _, target := range []string{"v1/users/check_credentials", "v1/conans/hello/1.0/shop+backend+api/stable/download_urls"} {
		conan.do(t, http.MethodGet, r.url+conan.base+target, "")
	}

	for _, path := range []string{"/jwt/auth", "/v2/shop/backend/api/small/manifests/", "/v2/shop/dependency_proxy/containers/", "/info/lfs/objects/batch",
		"/gitlab-lfs/objects/", "users/authenticate", "users/check_credentials", "/packages/terraform/modules/v1/"} {
		if len(r.about(path)) == 0 {
			t.Errorf("nothing was asked of %s: the test proves less than it should", path)
		}
	}
	for _, a := range r.about("") {
		for _, c := range tokenServices(w) {
			if found := reveals(a.bytes, c.tells, 0); found != "" && !(c.tells == `"token":` && !strings.Contains(a.request, "terraform")) {
				t.Errorf("%s tells of %s %s:\n%.1000s", a.request, c.name, found, a.bytes)
			}
		}
	}
}

// TestAnswersThatHoldACredential asks for everything else to which GitLab's answer is a credential of the owner's, or as good
// as one: each is refused with a reason, or is about tokens and answered by patgate, and the forge is not asked at all.
func TestAnswersThatHoldACredential(t *testing.T) {
	r := startRunning(t)
	token := r.mint(t, "--name", "much", "--group", "shop", "--allow", "read_package,create_package,read_project,read_group")
	r.world.forge.ForgetRequests()
	for _, c := range []struct{ request, reason string }{
		{"POST /ai/duo_workflows/direct_access", "refused"},
		{"POST /ai/duo_workflows/workflows", "refused"},
		{"POST /ai/duo_workflows/agent_workflows", "other_credential"},
		{"POST /ai/third_party_agents/direct_access", "mints"},
		{"POST /code_suggestions/direct_access", "mints"},
		{"POST /code_suggestions/connection_details", "mints"},
		{"POST /token_exchange", "other_credential"},
		{"POST /projects/1/access_tokens", "permission_missing"},
		{"POST /groups/1/access_tokens", "permission_missing"},
		{"POST /projects/1/access_tokens/self/rotate", "mints"},
		{"POST /users/1/impersonation_tokens", "mints"},
		{"POST /projects/1/deploy_tokens", "permission_missing"},
		{"POST /user/keys", "mints"},
	} {
		t.Run(c.request, func(t *testing.T) {
			method, path, _ := strings.Cut(c.request, " ")
			a := send(method, r.gate+"/api/v4"+path, http.Header{"Private-Token": {token}, "Content-Type": {"application/json"}}, []byte("{}"))
			if a.status != http.StatusForbidden || !strings.Contains(a.body, `"reason":"`+c.reason+`"`) || !strings.Contains(a.body, "Access denied: ") {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	for _, request := range []string{"POST /user/personal_access_tokens", "POST /personal_access_tokens/7001/rotate", "POST /personal_access_tokens/self/rotate"} {
		t.Run(request+" is patgate's own", func(t *testing.T) {
			method, path, _ := strings.Cut(request, " ")
			a := send(method, r.gate+"/api/v4"+path, http.Header{"Private-Token": {token}, "Content-Type": {"application/json"}}, []byte(`{"name":"x"}`))
			if a.status < 400 {
				t.Errorf("%d %s", a.status, a.body)
			}
			revealsNothing(t, r.world, []byte(fmt.Sprint(a.header)+a.body))
		})
	}
	if got := r.world.forge.Requests(); len(got) > 0 {
		t.Errorf("the forge was asked %s %s", got[0].Method, got[0].Target)
	}
}
