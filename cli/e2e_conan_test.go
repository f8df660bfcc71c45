package cli_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// conanClient makes the requests of a Conan client: a login with Basic, and everything else with the token that it got.
type conanClient struct {
	*registryStage
	base  string // /api/v4/projects/7/packages/conan
	token string
}

// login is what "conan remote login" does.
func (c *conanClient) login(t *testing.T, version, token string, status int) string {
	t.Helper()
	got, answer := c.ask(t, token, http.MethodGet, c.base+version+"/users/authenticate")
	if got != status {
		t.Fatalf("authenticate: %d %s", got, answer)
	}
	return answer
}

// do sends a request with the client's token; nothing that comes back may hold the owner's credential.
func (c *conanClient) do(t *testing.T, method, target, body string, header ...string) answer {
	t.Helper()
	h := http.Header{"User-Agent": {"Conan/2.3.0 (Python 3.11; Linux-x86_64)"}, "X-Conan-Client-Capabilities": {"revisions"}, "X-Client-Anonymous-Id": {"0123456789"}}
	if c.token != "" {
		h.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	if strings.HasPrefix(target, "/") {
		target = "http://" + c.gateway + target
	}
	a := send(method, target, h, []byte(body))
	var text strings.Builder
	_ = a.header.Write(&text)
	revealsNothing(t, c.world, []byte(text.String()+a.body))
	return a
}

// TestConan makes the requests of Conan's client, version 1 and 2 of its protocol: upload and download of a recipe.
func TestConan(t *testing.T) {
	s := startRegistry(t, false)
	const project = "/api/v4/projects/shop%2Fbackend%2Fapi"
	const recipe = "/conans/hello/1.0/shop+backend+api/stable"
	writer := s.mint(t, "--name", "writer", "--project", "shop/backend/api", "--allow", "read_package,create_package")
	reader := s.mint(t, "--name", "reader", "--project", "shop/backend/api", "--allow", "read_package")
	c := &conanClient{registryStage: s, base: project + "/packages/conan/"}
	wants := func(t *testing.T, a answer, status int, texts ...string) {
		t.Helper()
		if a.status != status {
			t.Fatalf("%d, want %d: %s %v", a.status, status, a.body, a.err)
		}
		for _, text := range texts {
			if !strings.Contains(a.body, text) {
				t.Errorf("no %q in %s", text, a.body)
			}
		}
	}
	t.Run("a ping before there is a token", func(t *testing.T) {
		a := c.do(t, http.MethodGet, c.base+"v1/ping", "", "Authorization", basicOf(writer))
		wants(t, a, 200)
		if a.header.Get("X-Conan-Server-Capabilities") == "" {
			t.Errorf("%v", a.header)
		}
	})
	t.Run("version 1", func(t *testing.T) {
		c.token = c.login(t, "v1", writer, 200)
		wants(t, c.do(t, http.MethodGet, c.base+"v1/users/check_credentials", ""), 200, "ok")
		var up struct {
			URLs map[string]string `json:"upload_urls"`
		}
		a := c.do(t, http.MethodPost, c.base+"v1"+recipe+"/upload_urls", `{"conanfile.py":12,"conanmanifest.txt":5}`, "Content-Type", "application/json")
		wants(t, a, 200)
		if err := json.Unmarshal([]byte(a.body), &up); err != nil || len(up.URLs) != 2 {
			t.Fatal(a.body, err)
		}
		for name, url := range up.URLs {
			if !strings.HasPrefix(url, "http://"+s.gateway+"/api/v4/projects/") {
				t.Errorf("%s is uploaded to %s", name, url)
			}
			wants(t, c.do(t, http.MethodPut, url, "content of "+name), 200)
		}
		a = c.do(t, http.MethodGet, c.base+"v1"+recipe+"/download_urls", "")
		var down map[string]string
		wants(t, a, 200)
		if err := json.Unmarshal([]byte(a.body), &down); err != nil || len(down) != 2 {
			t.Fatal(a.body, err)
		}
		for name, url := range down {
			if !strings.HasPrefix(url, "http://"+s.gateway+"/api/v4/projects/") {
				t.Errorf("%s is downloaded from %s", name, url)
			}
			wants(t, c.do(t, http.MethodGet, url, ""), 200, "content of "+name)
		}
	})
	t.Run("version 2", func(t *testing.T) {
		c.token = c.login(t, "v2", writer, 200)
		files := c.base + "v2" + recipe + "/revisions/0123456789abcdef0123456789abcdef/files"
		wants(t, c.do(t, http.MethodGet, c.base+"v2/users/check_credentials", ""), 200, "ok")
		wants(t, c.do(t, http.MethodPut, files+"/conan_export.tgz", "", "X-Checksum-Deploy", "true", "X-Checksum-Sha1", "da39a3ee"), 404)
		wants(t, c.do(t, http.MethodPut, files+"/conan_export.tgz", "packed"), 200)
		wants(t, c.do(t, http.MethodGet, c.base+"v2"+recipe+"/latest", ""), 200, "revision")
		wants(t, c.do(t, http.MethodGet, files, ""), 200, "conan_export.tgz")
		wants(t, c.do(t, http.MethodGet, files+"/conan_export.tgz", ""), 200, "packed")
	})
	t.Run("a reader does not upload", func(t *testing.T) {
		c.token = c.login(t, "v1", reader, 200)
		wants(t, c.do(t, http.MethodGet, c.base+"v1"+recipe+"/download_urls", ""), 200)
		wants(t, c.do(t, http.MethodPost, c.base+"v1"+recipe+"/upload_urls", `{"conanfile.py":12}`, "Content-Type", "application/json"), 403, "create_package")
		wants(t, c.do(t, http.MethodPut, c.base+"v2"+recipe+"/revisions/0/files/conanfile.py", "x"), 403, "create_package")
	})
	t.Run("the token is good for Conan alone, and alone", func(t *testing.T) {
		c.token = c.login(t, "v1", writer, 200)
		wants(t, c.do(t, http.MethodGet, project, ""), 401)
		wants(t, c.do(t, http.MethodGet, project+"/packages/generic/a/1/f", ""), 401)
		wants(t, c.do(t, http.MethodGet, project+"/packages/generic/packages/conan/f", ""), 401)
		wants(t, c.do(t, http.MethodGet, "/v2/", ""), 401)
		wants(t, c.do(t, http.MethodGet, "/shop/backend/api.git/info/refs?service=git-upload-pack", ""), 401)
		wants(t, c.do(t, http.MethodGet, c.base+"v1/users/authenticate", ""), 401) // it buys no other
		wants(t, c.do(t, http.MethodGet, c.base+"v1/users/check_credentials", "", "PRIVATE-TOKEN", s.world.bobPAT), 400)
		wants(t, c.do(t, http.MethodGet, c.base+"v1/users/check_credentials?private_token=x", ""), 400)
		wants(t, c.do(t, http.MethodGet, strings.Replace(c.base, "shop%2Fbackend%2Fapi", "secret%2Fplans", 1)+"v1/users/check_credentials", ""), 403)
		changed := *c
		changed.token = c.token[:len(c.token)-4] + "AAAA"
		wants(t, changed.do(t, http.MethodGet, c.base+"v1/users/check_credentials", ""), 401)
	})
	t.Run("no token without the permission", func(t *testing.T) {
		other := s.mint(t, "--name", "other", "--project", "shop/backend/api", "--allow", "read_work_item")
		if answer := c.login(t, "v1", other, 403); !strings.Contains(answer, "read_package") {
			t.Error(answer)
		}
		elsewhere := *c
		elsewhere.base = strings.Replace(c.base, "shop%2Fbackend%2Fapi", "secret%2Fplans", 1)
		elsewhere.login(t, "v1", writer, 403)
		instance := *c
		instance.base = "/api/v4/packages/conan/"
		instance.login(t, "v1", writer, 403)
	})
	t.Run("a revoked token is of no use at once", func(t *testing.T) {
		c.token = c.login(t, "v2", reader, 200)
		s.revoke(t, reader)
		wants(t, c.do(t, http.MethodGet, c.base+"v2/users/check_credentials", ""), 401)
	})
	t.Run("the forge's own token is bought by nobody", func(t *testing.T) {
		for _, r := range s.world.forge.Requests() {
			if strings.Contains(r.Target, "users/authenticate") || r.Credential == "Bearer" {
				t.Errorf("%s %s with %s", r.Method, r.Target, r.Credential)
			}
		}
	})
}

// basicOf is a token as the password of Basic.
func basicOf(token string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte("ci:"+token))
}
