package cli_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// outsideRegistry is a registry that answers anybody, with an image library/small:v1 that the forge's dependency proxy
// fetches, and an object storage in front of its blobs that notes what it is sent.
type outsideRegistry struct {
	address string
	storage string

	mu  sync.Mutex
	got []http.Header
}

func startOutside(t *testing.T) *outsideRegistry {
	t.Helper()
	needs(t, "docker-registry", "apt-get install docker-registry")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &outsideRegistry{address: l.Addr().String()}
	l.Close()
	home := t.TempDir()
	configuration := filepath.Join(home, "outside.yaml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %q}}\nhttp: {addr: %q}\n", filepath.Join(home, "images"), o.address)
	if err := os.WriteFile(configuration, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	serveRegistry(t, configuration, o.address, http.StatusOK)
	backend := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: o.address})
	storage := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		h := r.Header.Clone()
		h.Set("X-Target", r.RequestURI)
		o.got = append(o.got, h)
		o.mu.Unlock()
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(storage.Close)
	o.storage = strings.Replace(storage.URL, "127.0.0.1", "localhost", 1) // crane follows no redirect from a name to a private address
	return o
}

// TestDependencyProxy pulls images through the forge's dependency proxy, with skopeo and crane, and reads all that the
// clients are given.
func TestDependencyProxy(t *testing.T) {
	outside := startOutside(t)
	for _, behind := range []bool{false, true} {
		name := map[bool]string{false: "alone", true: "beside a registry behind patgate"}[behind]
		t.Run(name, func(t *testing.T) {
			s := startRegistry(t, behind, "PATGATE_UPSTREAM_STORAGE_URLS="+outside.storage,
				"PATGATE_RESOLVER_FRESH_FOR_READS=200ms", "PATGATE_RESOLVER_FRESH_FOR_WRITES=200ms", "PATGATE_RESOLVER_NOT_FOUND_TTL=100ms")
			s.world.forge.ServeDependencyProxy("http://"+outside.address, outside.storage)
			dependencyProxy(t, s, outside)
		})
	}
}

// skopeoAsks and craneAsks are how many requests for images the clients send below at least, each for itself.
const (
	skopeoAsks = 6
	craneAsks  = 8
)

func dependencyProxy(t *testing.T, s *registryStage, outside *outsideRegistry) {
	_, port, _ := strings.Cut(outside.address, ":")
	s.ok(t, "skopeo", "copy", "--all", "--dest-tls-verify=false", s.layout(t, "small", 4096, "amd64", "arm64"), "docker://localhost:"+port+"/library/small:v1")
	puller := s.mint(t, "--name", "puller", "--group", "shop", "--allow", "read_dependency_proxy")
	image := s.gateway + "/shop/dependency_proxy/containers/library/small:v1"
	s.world.forge.ForgetRequests()

	t.Run("skopeo", func(t *testing.T) {
		s.ok(t, "skopeo", "copy", "--all", "--src-tls-verify=false", "--src-creds", "ci:"+puller, "docker://"+image, "oci:"+filepath.Join(s.home, "skopeo")+":v1")
	})
	t.Run("a login", func(t *testing.T) {
		s.ok(t, "skopeo", "login", "--tls-verify=false", "-u", "ci", "-p", puller, s.gateway)
		s.refused(t, nil, "skopeo", "login", "--tls-verify=false", "-u", "ci", "-p", madeUp(), s.gateway)
		s.refused(t, nil, "skopeo", "login", "--tls-verify=false", "-u", "ci", "-p", s.mint(t, "--name", "jobs", "--group", "shop", "--allow", "read_job"), s.gateway)
	})
	t.Run("crane", func(t *testing.T) {
		needs(t, "crane", getCrane)
		_, before := s.bought()
		s.ok(t, "crane", "auth", "login", s.gateway, "-u", "ci", "-p", puller)
		s.ok(t, "crane", "pull", image, "crane.tar")
		s.ok(t, "crane", "validate", "--remote", image)
		s.refused(t, nil, "crane", "pull", strings.Replace(image, "/shop/", "/secret/", 1), "never.tar")
		if _, after := s.bought(); after-before < craneAsks {
			t.Errorf("%d requests for images", after-before)
		}
	})
	t.Run("one token of the forge's serves many requests", func(t *testing.T) {
		if bought, used := s.bought(); bought != 1 || used < skopeoAsks {
			t.Errorf("%d tokens for %d requests", bought, used)
		}
	})
	t.Run("what object storage was sent holds no credential", func(t *testing.T) {
		outside.mu.Lock()
		defer outside.mu.Unlock()
		if len(outside.got) == 0 {
			t.Fatal("no client was redirected: the test proves less than it should")
		}
		for _, h := range outside.got {
			if text := fmt.Sprint(h); h.Get("Authorization") != "" || reveals([]byte(text), s.world.alicePAT, 0)+reveals([]byte(text), puller, 0) != "" {
				t.Errorf("%s", text)
			}
		}
	})

	made := s.proxyToken(t, puller, "shop")
	digest := "sha256:" + strings.Repeat("ab", 32)
	for _, c := range []struct {
		name, method, target, bearer string
		status                       int
	}{
		{"a manifest", "GET", "/v2/shop/dependency_proxy/containers/library/small/manifests/v1", made, 200},
		{"its presence", "HEAD", "/v2/shop/dependency_proxy/containers/library/small/manifests/v1", made, 200},
		{"by another case of the group", "GET", "/v2/Shop/dependency_proxy/containers/library/small/manifests/v1", made, 200},
		{"of a subgroup", "GET", "/v2/shop/backend/dependency_proxy/containers/library/small/manifests/v1", made, 200},
		{"the probe", "GET", "/v2/", made, 200},
		{"the probe, by a method that reads nothing", "POST", "/v2/", made, 403},
		{"another group", "GET", "/v2/secret/dependency_proxy/containers/library/small/manifests/v1", made, 403},
		{"a group that does not exist", "GET", "/v2/nobody/dependency_proxy/containers/library/small/manifests/v1", made, 403},
		{"an encoded group", "GET", "/v2/shop%2Fbackend/dependency_proxy/containers/library/small/manifests/v1", made, 403},
		{"a dot segment", "GET", "/v2/shop/../secret/dependency_proxy/containers/library/small/manifests/v1", made, 403},
		{"two groups", "GET", "/v2/shop/dependency_proxy/containers/x/dependency_proxy/containers/library/small/manifests/v1", made, 403},
		{"an upload, as Workhorse makes it", "POST", "/v2/shop/dependency_proxy/containers/library/small/blobs/" + digest + "/upload", made, 403},
		{"a delete", "DELETE", "/v2/shop/dependency_proxy/containers/library/small/manifests/v1", made, 403},
		{"a parameter", "GET", "/v2/shop/dependency_proxy/containers/library/small/manifests/v1?ns=x", made, 400},
		{"a virtual registry", "GET", "/v2/virtual_registries/container/1/library/small/manifests/v1", made, 403},
		{"a token that was changed", "GET", "/v2/shop/dependency_proxy/containers/library/small/manifests/v1", made[:len(made)-4] + "AAAA", 401},
		{"the patgate token itself", "GET", "/v2/shop/dependency_proxy/containers/library/small/manifests/v1", puller, 401},
		{"none", "GET", "/v2/shop/dependency_proxy/containers/library/small/manifests/v1", "", 401},
		{"the REST API", "GET", "/api/v4/groups/shop", made, 401},
		{"a Conan row", "GET", "/api/v4/projects/shop%2Fbackend%2Fapi/packages/conan/v1/users/check_credentials", made, 401},
		{"git", "GET", "/shop/backend/api.git/info/refs?service=git-upload-pack", made, 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, header, body := s.bearer(t, c.method, c.target, c.bearer)
			if status != c.status {
				t.Errorf("%d, want %d: %s", status, c.status, body)
			}
			if challenge := header.Get("WWW-Authenticate"); c.status == 401 && strings.HasPrefix(c.target, "/v2/") && !strings.Contains(challenge, `realm="http://`+s.gateway+`/jwt/auth"`) {
				t.Errorf("the client is sent to %q", challenge)
			}
			revealsNothing(t, s.world, []byte(fmt.Sprint(header)+body))
		})
	}
	for name, query := range map[string]string{
		"another group":          "service=dependency_proxy&scope=repository:secret/dependency_proxy/containers/alpine:pull",
		"a push":                 "service=dependency_proxy&scope=repository:shop/dependency_proxy/containers/alpine:push",
		"a project's images":     "service=dependency_proxy&scope=repository:shop/backend/api:pull",
		"a virtual registry":     "service=dependency_proxy&scope=repository:virtual_registries/container/1/alpine:pull",
		"the registry's service": "service=container_registry&scope=repository:shop/backend/api:pull",
	} {
		t.Run("no token for "+name, func(t *testing.T) {
			if status, answer := s.ask(t, puller, http.MethodGet, "/jwt/auth?"+query); status != http.StatusForbidden {
				t.Errorf("%d %s", status, answer)
			}
		})
	}
	t.Run("without the permission", func(t *testing.T) {
		other := s.mint(t, "--name", "other", "--group", "shop", "--allow", "purge_dependency_proxy_cache,read_container_repository")
		if status, answer := s.ask(t, other, http.MethodGet, "/jwt/auth?service=dependency_proxy"); status != http.StatusForbidden || !strings.Contains(answer, "read_dependency_proxy") {
			t.Errorf("%d %s", status, answer)
		}
		s.refused(t, nil, "skopeo", "inspect", "--tls-verify=false", "--creds", "ci:"+other, "docker://"+image)
	})
	t.Run("a group that was renamed", func(t *testing.T) {
		s.world.forge.RenameGroup(s.world.shop, "market")
		defer s.world.forge.RenameGroup(s.world.shop, "shop")
		time.Sleep(300 * time.Millisecond) // what is known of it is older than it may be
		if status, _, body := s.bearer(t, "GET", "/v2/market/dependency_proxy/containers/library/small/manifests/v1", made); status != 200 {
			t.Errorf("%d %s", status, body)
		}
		if status, _, body := s.bearer(t, "GET", "/v2/shop/dependency_proxy/containers/library/small/manifests/v1", made); status != 403 {
			t.Errorf("%d %s", status, body)
		}
	})
	t.Run("a restart signs no client out", func(t *testing.T) {
		s.restart(t)
		if status, _, body := s.bearer(t, "GET", "/v2/shop/dependency_proxy/containers/library/small/manifests/v1", made); status != 200 {
			t.Errorf("%d %s", status, body)
		}
	})
	t.Run("a revoked token is of no use at once", func(t *testing.T) {
		time.Sleep(300 * time.Millisecond) // what is known of it is older than it may be
		s.revoke(t, puller)
		if status, _, body := s.bearer(t, "GET", "/v2/shop/dependency_proxy/containers/library/small/manifests/v1", made); status != 401 {
			t.Errorf("%d %s", status, body)
		}
	})
}

// bought counts the tokens that the forge gave out for its dependency proxy, and the requests for images of the group shop.
func (s *registryStage) bought() (tokens, requests int) {
	for _, r := range s.world.forge.Requests() {
		if strings.HasPrefix(r.Target, "/jwt/auth") {
			tokens++
		}
		if strings.HasPrefix(r.Target, "/v2/shop/") {
			requests++
		}
	}
	return tokens, requests
}

// proxyToken asks for a token of the dependency proxy.
func (s *registryStage) proxyToken(t *testing.T, token, group string) string {
	t.Helper()
	status, answer := s.ask(t, token, http.MethodGet, "/jwt/auth?service=dependency_proxy&scope=repository:"+group+"/dependency_proxy/containers/library/small:pull")
	var made struct {
		Token     string
		ExpiresIn int `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(answer), &made); err != nil || status != http.StatusOK || made.ExpiresIn <= 0 {
		t.Fatalf("%d %s", status, answer)
	}
	return made.Token
}

// bearer sends a request as it is, dot segments included.
func (s *registryStage) bearer(t *testing.T, method, target, token string) (int, http.Header, string) {
	t.Helper()
	request, err := http.NewRequest(method, "http://"+s.gateway+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.URL.Opaque = target
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	request.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response.StatusCode, response.Header, string(body)
}
