package cli_test

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRegistryWithAHost: a registry that is configured with an address of its own puts that into the answers that clients follow.
// They lead back to patgate, so that real clients push and pull images.
func TestRegistryWithAHost(t *testing.T) {
	const host = "https://registry.internal.example:5005"
	s := startRegistry(t, true, "PATGATE_REGISTRY_EXTERNAL_URLS="+host)
	token := s.mint(t, "--name", "images", "--project", "shop/backend/api", "--allow",
		"read_container_repository,create_container_repository")
	s.logins(t, token)
	small := s.layout(t, "small", 4096, "amd64")
	for _, tag := range []string{"v1", "v2", "v3"} {
		s.ok(t, "skopeo", "copy", "--dest-tls-verify=false", "--dest-creds", "ci:"+token, small, s.image("shop/backend/api/app:"+tag))
	}
	s.ok(t, "skopeo", "copy", "--src-tls-verify=false", "--src-creds", "ci:"+token, s.image("shop/backend/api/app:v1"),
		"oci:"+filepath.Join(s.home, "pulled")+":v1")
	if out := s.ok(t, "skopeo", "list-tags", "--tls-verify=false", "--creds", "ci:"+token,
		s.image("shop/backend/api/app")); !strings.Contains(out, "v3") {
		t.Error(out)
	}
	bearer := s.registryBearer(t, token, "/jwt/auth?service=container_registry&scope=repository:shop/backend/api/app:pull,push")
	begun := send(http.MethodPost, s.gate+"/v2/shop/backend/api/app/blobs/uploads/", http.Header{"Authorization": {bearer}}, nil)
	if at := begun.header.Get("Location"); begun.status != http.StatusAccepted || !strings.HasPrefix(at,
		s.gate+"/v2/shop/backend/api/app/blobs/uploads/") {
		t.Errorf("%d %s: %s", begun.status, at, begun.body)
	}
	cmd := exec.Command("patgate", "serve")
	cmd.Env = slices.DeleteFunc(slices.Clone(s.env), func(v string) bool { return strings.HasPrefix(v, "PATGATE_REGISTRY_URL=") })
	cmd.Dir = s.dir
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "registry.external_urls") {
		t.Errorf("the address of a registry that is not there: %v %s", err, out)
	}
}

// registryBearer asks the token service, and gives the header's value.
func (s *registryStage) registryBearer(t *testing.T, token, target string) string {
	t.Helper()
	a := send(http.MethodGet, s.gate+target, http.Header{"Authorization": {basicOf(token)}}, nil)
	var given struct{ Token string }
	if err := json.Unmarshal([]byte(a.body), &given); err != nil || given.Token == "" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	return "Bearer " + given.Token
}

// logins signs in with every client that is here, and is refused with a token that was made up.
func (s *registryStage) logins(t *testing.T, token string) {
	t.Helper()
	wrong := token[:len(token)-1] + "0"
	if strings.HasSuffix(token, "0") {
		wrong = token[:len(token)-1] + "1"
	}
	for program, args := range map[string][]string{
		"skopeo": {"login", "--tls-verify=false", "--username", "ci", "--password", "TOKEN", "REGISTRY"},
		"docker": {"login", "--username", "ci", "--password", "TOKEN", "REGISTRY"},
		"podman": {"login", "--tls-verify=false", "--username", "ci", "--password", "TOKEN", "REGISTRY"},
		"oras":   {"login", "--plain-http", "--username", "ci", "--password", "TOKEN", "REGISTRY"},
		"helm":   {"registry", "login", "--plain-http", "--username", "ci", "--password", "TOKEN", "REGISTRY"},
	} {
		if _, err := exec.LookPath(program); err != nil {
			t.Logf("%s is not here, and does not sign in", program)
			continue
		}
		as := func(secret string) []string {
			var all []string
			for _, a := range args {
				all = append(all, strings.NewReplacer("TOKEN", secret, "REGISTRY", s.registry).Replace(a))
			}
			return all
		}
		s.ok(t, program, as(token)...)
		if out, err := s.run(program, as(wrong)...); err == nil {
			t.Errorf("%s signs in with a token that was made up: %s", program, out)
		}
	}
}
