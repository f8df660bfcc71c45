package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAddressesLeadBack: what Renovate and `glab repo clone` follow in the answer about a project leads to patgate, where git clones it
// with the patgate token; what is for people stays, and so does all that a token of the forge's own gets.
func TestAddressesLeadBack(t *testing.T) {
	var proxy *httputil.ReverseProxy
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { proxy.ServeHTTP(w, r) }))
	t.Cleanup(front.Close)
	g := startGit(t, "PATGATE_PUBLIC_URL="+front.URL)
	gate, err := url.Parse(g.gate)
	if err != nil {
		t.Fatal(err)
	}
	proxy = httputil.NewSingleHostReverseProxy(gate)
	secret := g.mint(t, "--name", "renovate", "--project", "shop/backend/api", "--allow",
		"read_project,download_code,read_work_item,create_work_item,read_release,create_release")
	ask := func(method, path, token, body string) string {
		t.Helper()
		a := send(method, g.gate+path, http.Header{"Private-Token": {token}, "Content-Type": {"application/json"}}, []byte(body))
		if a.err != nil || a.status >= 300 {
			t.Errorf("%s %s: status %d, %v: %s", method, path, a.status, a.err, a.body)
		}
		return a.body
	}
	type project struct {
		HTTP  string            `json:"http_url_to_repo"`
		SSH   string            `json:"ssh_url_to_repo"`
		Web   string            `json:"web_url"`
		Links map[string]string `json:"_links"`
	}
	var p, own project
	path := fmt.Sprintf("/api/v4/projects/%d", g.world.api)
	if err := json.Unmarshal([]byte(ask("GET", path, secret, "")), &p); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(ask("GET", path, g.world.alicePAT, "")), &own); err != nil {
		t.Fatal(err)
	}
	if p.HTTP != front.URL+"/shop/backend/api.git" || len(p.Links) < 7 {
		t.Errorf("they lead past patgate: %+v", p)
	}
	for name, address := range p.Links {
		if !strings.HasPrefix(address, front.URL+path) {
			t.Errorf("_links.%s leads past patgate: %s", name, address)
		}
	}
	if p.Web != g.world.url+"/shop/backend/api" || p.SSH != own.SSH || own.HTTP != g.world.url+"/shop/backend/api.git" ||
		!strings.HasPrefix(own.Links["self"], g.world.url) {
		t.Errorf("changed: %+v, and to the forge's own token %+v", p, own)
	}
	work := t.TempDir()
	g.git(t, work, "clone", "-q", strings.Replace(p.HTTP, "://", "://oauth2:"+secret+"@", 1), "clone")
	if data, err := os.ReadFile(filepath.Join(work, "clone", "README.md")); err != nil || string(data) != "version 2\n" {
		t.Errorf("the clone holds %q, %v", data, err)
	}
	g.world.forge.SetReleaseLink(g.world.api, g.world.url+path+"/packages/generic/app/1.0/app")
	ask("POST", path+"/releases", secret, `{"name":"one","tag_name":"v1.0","ref":"main"}`)
	for _, target := range []string{path + "/releases/v1.0", path + "/releases"} {
		text := ask("GET", target, secret, "")
		for _, address := range []string{`"url":"` + front.URL + `/shop/backend/api/-/archive/v1.0/api-v1.0.zip"`,
			`"direct_asset_url":"` + front.URL + `/shop/backend/api/-/releases/v1.0/downloads/app"`,
			`"url":"` + front.URL + path + `/packages/generic/app/1.0/app"`} {
			if !strings.Contains(text, address) {
				t.Errorf("%s leads past patgate: there is no %s in %s", target, address, text)
			}
		}
	}
	issue := ask("POST", path+"/issues", secret, `{"title":"an issue","description":"plain"}`)
	if !strings.Contains(issue, `"self":"`+front.URL+path+`/issues/`) || !strings.Contains(issue, `"web_url":"`+g.world.url+`/`) {
		t.Errorf("an issue: %s", issue)
	}
	if list := ask("GET", path+"/issues", secret, ""); !strings.Contains(list, `"notes":"`+front.URL+path+`/issues/`) {
		t.Errorf("issues: %s", list)
	}
}
