package cli_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestContainerRegistry is the case for which patgate exists: a pipeline's token that pushes and pulls the images of one
// project, and does nothing else.
func TestContainerRegistry(t *testing.T) {
	t.Run("at its own address", func(t *testing.T) { containerRegistry(t, startRegistry(t, false)) })
	t.Run("behind patgate", func(t *testing.T) {
		s := startRegistry(t, true)
		containerRegistry(t, s)
		behindPatgate(t, s)
	})
}

func containerRegistry(t *testing.T, s *registryStage) {
	push := s.mint(t, "--name", "image pipeline", "--project", "shop/backend/api", "--allow", "read_container_repository,create_container_repository")
	credential := "ci:" + push
	small := s.layout(t, "small", 4096, "amd64")
	to := func(name string) []string {
		return []string{"copy", "--dest-tls-verify=false", "--dest-creds", credential, small, s.image(name)}
	}
	from := func(name, dir string) []string {
		return []string{"copy", "--src-tls-verify=false", "--src-creds", credential, s.image(name), "oci:" + filepath.Join(s.home, dir) + ":v1"}
	}

	t.Run("push and pull to its project work", func(t *testing.T) {
		for _, name := range []string{"shop/backend/api:v1", "shop/backend/api/worker:v1", "shop/backend/api/tools/lint:v1"} {
			s.ok(t, "skopeo", to(name)...)
			s.ok(t, "skopeo", from(name, "pulled-"+strings.NewReplacer("/", "-", ":", "-").Replace(name))...)
		}
	})
	t.Run("an image for two platforms", func(t *testing.T) {
		s.ok(t, "skopeo", "copy", "--all", "--dest-tls-verify=false", "--dest-creds", credential, s.layout(t, "two", 8192, "amd64", "arm64"), s.image("shop/backend/api/two:v1"))
		if out := s.ok(t, "skopeo", "inspect", "--raw", "--tls-verify=false", "--creds", credential, s.image("shop/backend/api/two:v1")); !strings.Contains(out, "arm64") {
			t.Errorf("%s", out)
		}
	})
	t.Run("a layer of 200 MiB", func(t *testing.T) {
		if testing.Short() {
			t.Skip("it moves 400 MiB")
		}
		s.ok(t, "skopeo", "copy", "--dest-tls-verify=false", "--dest-creds", credential, s.layout(t, "large", 200<<20, "amd64"), s.image("shop/backend/api/large:v1"))
		s.ok(t, "skopeo", from("shop/backend/api/large:v1", "pulled-large")...)
	})
	t.Run("another project is refused", func(t *testing.T) {
		for _, name := range []string{"secret/plans:v1", "shop/my.web-site:v1", "shop/backend/api2:v1", "shop/backend:v1", "nobody/nothing:v1", "shop/backend/api/a/b/c:v1"} {
			s.refused(t, []string{"403 (Forbidden)"}, "skopeo", to(name)...)
			s.refused(t, []string{"403 (Forbidden)"}, "skopeo", from(name, "never")...)
		}
	})
	t.Run("a delete is refused", func(t *testing.T) {
		s.refused(t, nil, "skopeo", "delete", "--tls-verify=false", "--creds", credential, s.image("shop/backend/api:v1"))
		s.ok(t, "skopeo", from("shop/backend/api:v1", "still-there")...)
	})
	t.Run("a token that may delete does", func(t *testing.T) {
		deleter := s.mint(t, "--name", "cleaner", "--project", "shop/backend/api", "--allow", "read_container_repository,delete_container_repository")
		s.ok(t, "skopeo", "delete", "--tls-verify=false", "--creds", "ci:"+deleter, s.image("shop/backend/api/worker:v1"))
		s.refused(t, nil, "skopeo", "copy", "--dest-tls-verify=false", "--dest-creds", "ci:"+deleter, small, s.image("shop/backend/api/worker:v1"))
	})
	t.Run("every call of the REST API outside of its permission is refused", func(t *testing.T) {
		for _, call := range []string{"GET /projects", "GET /user/keys", "GET /projects/shop%2Fbackend%2Fapi", "GET /projects/shop%2Fbackend%2Fapi/issues",
			"GET /projects/shop%2Fbackend%2Fapi/repository/tree", "DELETE /projects/shop%2Fbackend%2Fapi/registry/repositories/1",
			"GET /projects/secret%2Fplans/registry/repositories", "GET /groups/shop/registry/repositories", "POST /projects/shop%2Fbackend%2Fapi/pipeline"} {
			method, path, _ := strings.Cut(call, " ")
			if status, answer := s.ask(t, push, method, "/api/v4"+path); status != http.StatusForbidden {
				t.Errorf("%s: %d %s", call, status, answer)
			}
		}
	})
	t.Run("the product's own image, with crane", func(t *testing.T) { productImage(t, s, push) })
	if s.registry != s.gateway { // what is given out can be read
		t.Run("the token service", func(t *testing.T) { tokenService(t, s, push) })
	}
}

// behindPatgate asks the registry through patgate as no client does.
func behindPatgate(t *testing.T, s *registryStage) {
	pull := s.mint(t, "--name", "pull", "--project", "shop/backend/api", "--allow", "read_container_repository")
	status, answer := s.ask(t, pull, http.MethodGet, "/jwt/auth?service=container_registry&scope=repository:shop/backend/api:pull")
	var made struct{ Token string }
	if err := json.Unmarshal([]byte(answer), &made); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	if strings.Contains(made.Token, "eyJ") || strings.Count(made.Token, ".") != 1 {
		t.Errorf("the registry's own token is given out: %s", made.Token)
	}
	digest := "sha256:" + strings.Repeat("ab", 32)
	for _, c := range []struct {
		name, method, target, bearer string
		status                       int
	}{
		{"a manifest", http.MethodGet, "/v2/shop/backend/api/manifests/v1", made.Token, 200},
		{"the probe", http.MethodGet, "/v2/", made.Token, 200},
		{"an upload", http.MethodPost, "/v2/shop/backend/api/blobs/uploads/", made.Token, 403},
		{"a delete", http.MethodDelete, "/v2/shop/backend/api/manifests/" + digest, made.Token, 403},
		{"another project", http.MethodGet, "/v2/secret/plans/manifests/v1", made.Token, 403},
		{"an image of another project that begins alike", http.MethodGet, "/v2/shop/backend/api2/manifests/v1", made.Token, 403},
		{"the catalogue", http.MethodGet, "/v2/_catalog", made.Token, 403},
		{"an encoded name", http.MethodGet, "/v2/shop%2Fbackend%2Fapi/manifests/v1", made.Token, 403},
		{"a dot segment", http.MethodGet, "/v2/shop/backend/api/../../../secret/plans/manifests/v1", made.Token, 403},
		{"a parameter that does not belong there", http.MethodGet, "/v2/shop/backend/api/manifests/v1?ns=x", made.Token, 400},
		{"a token that was changed", http.MethodGet, "/v2/shop/backend/api/manifests/v1", made.Token[:len(made.Token)-4] + "AAAA", 401},
		{"the patgate token itself", http.MethodGet, "/v2/shop/backend/api/manifests/v1", pull, 401},
		{"none", http.MethodGet, "/v2/shop/backend/api/manifests/v1", "", 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			request, err := http.NewRequest(c.method, "http://"+s.gateway+c.target, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.URL.Opaque = c.target // as it is, dot segments included
			if c.bearer != "" {
				request.Header.Set("Authorization", "Bearer "+c.bearer)
			}
			request.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json")
			response, err := http.DefaultTransport.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, _ := io.ReadAll(response.Body)
			if response.StatusCode != c.status {
				t.Errorf("%s, want %d: %s", response.Status, c.status, body)
			}
			if challenge := response.Header.Get("WWW-Authenticate"); c.status == 401 && !strings.Contains(challenge, `realm="http://`+s.gateway+`/jwt/auth"`) {
				t.Errorf("the client is sent to %s", challenge)
			}
		})
	}
	t.Run("a revoked token is of no use at once", func(t *testing.T) {
		s.revoke(t, pull)
		request, _ := http.NewRequest(http.MethodGet, "http://"+s.gateway+"/v2/shop/backend/api/manifests/v1", nil)
		request.Header.Set("Authorization", "Bearer "+made.Token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s", response.Status)
		}
	})
}

// ask sends a request with a token as the password of Basic. No byte of the owner's credential may come back.
func (s *registryStage) ask(t *testing.T, token, method, target string) (int, string) {
	t.Helper()
	request, err := http.NewRequest(method, "http://"+s.gateway+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("ci", token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var header bytes.Buffer
	_ = response.Header.Write(&header)
	revealsNothing(t, s.world, append(header.Bytes(), answer...))
	return response.StatusCode, string(answer)
}

// tokenService asks for tokens as no client does, and reads what they are good for.
func tokenService(t *testing.T, s *registryStage, token string) {
	const mine = "repository:shop/backend/api/img:"
	for _, c := range []struct {
		name, query string
		status      int
		access      string // of the token
	}{
		{"nothing, to log in", "service=container_registry&account=ci&client_id=docker&offline_token=true", 200, ""},
		{"what is allowed", "service=container_registry&scope=" + mine + "pull,push", 200, mine + "[pull push]"},
		{"more than is allowed", "service=container_registry&scope=" + mine + "pull,push,delete", 200, mine + "[pull push]"},
		{"everything", "service=container_registry&scope=" + mine + "*", 200, mine + "[pull push]"},
		{"two scopes in two parameters", "service=container_registry&scope=" + mine + "pull&scope=repository:secret/plans:pull", 200, mine + "[pull]"},
		{"two scopes in one parameter", "service=container_registry&scope=repository:secret/plans:pull+" + mine + "pull", 200, mine + "[pull]"},
		{"the same, encoded", "service=container_registry&scope=repository%3Asecret%2Fplans%3Apull%20" + strings.ReplaceAll(mine, "/", "%2F") + "push", 200, mine + "[push]"},
		{"another project", "service=container_registry&scope=repository:secret/plans:pull", 403, ""},
		{"the group above", "service=container_registry&scope=repository:shop/backend:pull", 403, ""},
		{"delete alone", "service=container_registry&scope=" + mine + "delete", 403, ""},
		{"the catalogue", "service=container_registry&scope=registry:catalog:*", 403, ""},
		{"upper case", "service=container_registry&scope=repository:Shop/Backend/Api:pull", 403, ""},
		{"deeper than the forge looks", "service=container_registry&scope=repository:shop/backend/api/a/b/c:pull", 403, ""},
		{"the dependency proxy", "service=dependency_proxy&scope=repository:shop/dependency_proxy/containers/alpine:pull", 403, ""},
		{"two services", "service=container_registry&service=dependency_proxy", 400, ""},
		{"another parameter", "service=container_registry&private_token=x&scope=" + mine + "pull", 400, ""},
		{"a scope that is none", "service=container_registry&scope=shop", 400, ""},
		{"an unknown service", "service=other", 404, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, answer := s.ask(t, token, http.MethodGet, "/jwt/auth?"+c.query)
			if status != c.status {
				t.Fatalf("%d: %s", status, answer)
			}
			if status != http.StatusOK {
				if !strings.Contains(answer, `"errors"`) {
					t.Errorf("%s", answer)
				}
				return
			}
			var made struct{ Token string }
			if err := json.Unmarshal([]byte(answer), &made); err != nil {
				t.Fatal(err)
			}
			if got := accessOf(t, made.Token); got != c.access {
				t.Errorf("the token is good for %q, want %q", got, c.access)
			}
		})
	}
	t.Run("without a credential", func(t *testing.T) {
		response, err := http.Get("http://" + s.gateway + "/jwt/auth?service=container_registry")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(response.Header.Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("%s %q", response.Status, response.Header.Get("WWW-Authenticate"))
		}
	})
}

// accessOf reads what a registry token is good for.
func accessOf(t *testing.T, token string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Access []struct {
			Type, Name string
			Actions    []string
		}
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, a := range claims.Access {
		all = append(all, fmt.Sprintf("%s:%s:%v", a.Type, a.Name, a.Actions))
	}
	return strings.Join(all, " ")
}
