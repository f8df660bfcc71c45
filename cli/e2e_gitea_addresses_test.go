package cli_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestGiteaAddresses: what a program follows in an answer leads to patgate, and Gitea calls itself in answers and webhooks what it is
// called, with both ways that it has of finding that out: by its own address, and by patgate's.
func TestGiteaAddresses(t *testing.T) {
	for _, detection := range []string{"legacy", "auto"} {
		for _, ours := range []bool{true, false} {
			t.Run(fmt.Sprintf("PUBLIC_URL_DETECTION=%s, ROOT_URL patgate's: %v", detection, ours), func(t *testing.T) {
				g := startGiteaAs(t, detection, ours)
				own := g.gate // what Gitea calls itself
				if !ours {
					own = g.forge.URL()
				}
				giteaAddresses(t, g, own)
				giteaWebhook(t, g, own)
				if !ours && detection == "auto" {
					giteaAttachments(t, g)
				}
			})
		}
	}
}

// addressesIn reads the addresses of a repository in an answer.
type addressesIn struct {
	CloneURL     string `json:"clone_url"`
	URL          string `json:"url"`
	LanguagesURL string `json:"languages_url"`
	HTMLURL      string `json:"html_url"`
	SSHURL       string `json:"ssh_url"`
	Owner        struct {
		AvatarURL string `json:"avatar_url"`
	} `json:"owner"`
}

func giteaAddresses(t *testing.T, g *giteaStage, own string) {
	g.prepareGit(t)
	secret := g.mint(t, "--name", "addresses", "--project", "acme/app", "--allow",
		"read_project,download_code,read_repository,read_release,create_release,read_release_asset")
	var r addressesIn
	body := g.gets(t, http.StatusOK, secret, http.MethodGet, "/repos/acme/app", nil)
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	if r.CloneURL != g.gate+"/acme/app.git" || r.URL != g.gate+"/api/v1/repos/acme/app" || r.LanguagesURL != r.URL+"/languages" {
		t.Errorf("they lead past patgate: %+v", r)
	}
	if r.HTMLURL != own+"/acme/app" || !strings.HasPrefix(r.Owner.AvatarURL, own+"/") || strings.HasPrefix(r.SSHURL, "http") {
		t.Errorf("the forge calls itself something else than %s: %+v", own, r)
	}
	work := t.TempDir()
	g.git(t, work, "clone", "-q", strings.Replace(r.CloneURL, "://", "://bot:"+secret+"@", 1), "clone")
	if data, err := os.ReadFile(filepath.Join(work, "clone", "README.md")); err != nil || string(data) != "read me\n" {
		t.Errorf("the clone holds %q, %v", data, err)
	}
	var file struct {
		Download string            `json:"download_url"`
		HTML     string            `json:"html_url"`
		Git      string            `json:"git_url"`
		Links    map[string]string `json:"_links"`
	}
	_ = json.Unmarshal([]byte(g.gets(t, http.StatusOK, secret, http.MethodGet, "/repos/acme/app/contents/README.md", nil)), &file)
	if !strings.HasPrefix(file.Git, g.gate+"/api/") || file.Links["git"] != file.Git || !strings.HasPrefix(file.Links["self"],
		g.gate+"/api/") ||
		file.HTML != own+"/acme/app/src/branch/main/README.md" || file.Links["html"] != file.HTML {
		t.Errorf("a file: %+v", file)
	}
	for _, address := range []string{file.Download, file.Git, file.Links["self"]} {
		if a := send(http.MethodGet, address, http.Header{"Authorization": {"token " + secret}}, nil); a.status != http.StatusOK ||
			!strings.HasPrefix(address, g.gate+"/") {
			t.Errorf("%s: status %d: %s", address, a.status, a.body)
		}
	}
	var release struct {
		URL     string
		Tarball string `json:"tarball_url"`
		Zipball string `json:"zipball_url"`
		Upload  string `json:"upload_url"`
		HTML    string `json:"html_url"`
	}
	body = g.gets(t, http.StatusCreated, secret, http.MethodPost, "/repos/acme/app/releases", object{"tag_name": "v1",
		"target_commitish": "main"})
	if err := json.Unmarshal([]byte(body), &release); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{release.URL, release.Tarball, release.Zipball} {
		if a := send(http.MethodGet, address, http.Header{"Authorization": {"token " + secret}}, nil); a.status != http.StatusOK ||
			!strings.HasPrefix(address, g.gate+"/") {
			t.Errorf("%s: status %d: %.200s", address, a.status, a.body)
		}
	}
	if !strings.HasPrefix(release.Upload, g.gate+"/api/") || release.HTML != own+"/acme/app/releases/tag/v1" {
		t.Errorf("a release: %+v", release)
	}
	if at := string(g.direct(t, g.world.alicePAT, http.MethodGet, "/repos/acme/app", nil, http.StatusOK)); own != g.gate &&
		strings.Contains(at, g.gate) {
		t.Errorf("Gitea itself answers with patgate's address: %s", at)
	}
	asIs := g.legacy(t, g.bobToken, "/repos/bob/app")
	if own != g.gate && strings.Contains(asIs, g.gate) || !strings.Contains(asIs, `"clone_url":"`+own+`/bob/app.git"`) {
		t.Errorf("with a token of Gitea's own: %s", asIs)
	}
}

// legacy reads from the API through patgate with a token of Gitea's own.
func (g *giteaStage) legacy(t *testing.T, token, path string) string {
	t.Helper()
	a := g.api(token, http.MethodGet, "/api/v1"+path, nil)
	if a.status != http.StatusOK {
		t.Errorf("%s: status %d: %s", path, a.status, a.body)
	}
	return a.body
}

// giteaWebhook has patgate cause a webhook, and looks at the addresses in it.
func giteaWebhook(t *testing.T, g *giteaStage, own string) {
	came := make(chan string, 8)
	target := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		came <- string(body)
	}))
	t.Cleanup(target.Close)
	g.direct(t, g.world.alicePAT, http.MethodPost, "/repos/acme/app/hooks", object{"type": "gitea", "active": true,
		"events": []string{"issues"},
		"config": object{"url": target.URL, "content_type": "json"}}, http.StatusCreated)
	secret := g.mint(t, "--name", "webhook", "--project", "acme/app", "--allow", "read_work_item,create_work_item")
	g.gets(t, http.StatusCreated, secret, http.MethodPost, "/repos/acme/app/issues", object{"title": "a webhook"})
	select {
	case text := <-came:
		var hook struct {
			Repository addressesIn
			Issue      addressesIn
		}
		if err := json.Unmarshal([]byte(text), &hook); err != nil {
			t.Fatal(err)
		}
		if r := hook.Repository; r.CloneURL != own+"/acme/app.git" || r.HTMLURL != own+"/acme/app" ||
			r.URL != own+"/api/v1/repos/acme/app" {
			t.Errorf("a webhook names %+v, not %s", r, own)
		}
		if i := hook.Issue; !strings.HasPrefix(i.HTMLURL, own+"/acme/app/issues/") || !strings.HasPrefix(i.URL, own+"/api/") {
			t.Errorf("a webhook names the issue %+v, not %s", i, own)
		}
	case <-time.After(patience):
		t.Error("no webhook came")
	}
}

// giteaAttachments: a file that Gitea names by its UUID alone is reached by the address that patgate's answer gives it, and by no
// other; another repository's is not, by its UUID or its id.
func giteaAttachments(t *testing.T, g *giteaStage) {
	secret := g.mint(t, "--name", "attachments", "--project", "acme/app", "--allow",
		"read_release,create_release,read_release_asset,update_release_asset,delete_release_asset,create_release_asset,read_work_item")
	release, id, address := g.asset(t, "acme/app", "releases")
	_, other, otherAddress := g.asset(t, "umbra/app", "releases")
	issue, file, _ := g.asset(t, "acme/app", "issues")
	base := fmt.Sprintf("/repos/acme/app/releases/%d", release)
	for path, folder := range map[string]string{fmt.Sprintf("%s/assets/%d", base, id): "releases",
		fmt.Sprintf("/repos/acme/app/issues/%d/assets/%d", issue, file): "issues", fmt.Sprintf("/repos/acme/app/issues/%d", issue): "issues"} {
		shown := g.gets(t, http.StatusOK, secret, http.MethodGet, path, nil)
		_, at, found := strings.Cut(shown, `"browser_download_url":"`+g.gate)
		at, _, _ = strings.Cut(at, `"`)
		if !found || !strings.HasPrefix(at, "/acme/app/"+folder+"/attachments/") {
			t.Errorf("%s is said to be elsewhere: %s", path, shown)
			continue
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			a := send(method, g.gate+at, http.Header{"Authorization": {"token " + secret}}, nil)
			if a.status != http.StatusOK || method == http.MethodGet && a.body != "binary of acme/app" {
				t.Errorf("%s %s: status %d: %s", method, path, a.status, a.body)
			}
		}
		_, uuid, _ := strings.Cut(otherAddress, "/attachments/")
		before := len(g.heard(t))
		whose, ticket, _ := strings.Cut(at, "?")
		for _, target := range []string{whose, whose[:strings.LastIndex(whose, "/")+1] + uuid + "?" + ticket} {
			if a := send(http.MethodGet, g.gate+target, http.Header{"Authorization": {"token " + secret}},
				nil); a.status != http.StatusForbidden || !strings.Contains(a.body, "browser_download_url") {
				t.Errorf("%s: status %d: %s", target, a.status, a.body)
			}
		}
		if len(g.heard(t)) != before {
			t.Errorf("Gitea was asked: %q", g.heard(t)[before:])
		}
	}
	for _, address := range []string{address, otherAddress} {
		path := strings.TrimPrefix(address, g.forge.URL())
		if !strings.HasPrefix(path, "/attachments/") {
			t.Errorf("Gitea itself says %s", address)
		}
		for _, path := range []string{path, "/acme/app" + path, "/acme/app/releases" + path} {
			before := len(g.heard(t))
			a := send(http.MethodGet, g.gate+path, http.Header{"Authorization": {"token " + secret}}, nil)
			if a.status != http.StatusForbidden || !strings.Contains(a.body, "browser_download_url") || len(g.heard(t)) != before {
				t.Errorf("%s: status %d: %s", path, a.status, a.body)
			}
		}
	}
	if body := g.gets(t, http.StatusOK, secret, http.MethodGet, base, nil); !strings.Contains(body,
		`"browser_download_url":"`+g.gate+`/acme/app/releases/download/files/a.txt"`) {
		t.Errorf("the release names its file otherwise: %s", body)
	}
	if a := send(http.MethodGet, g.gate+"/acme/app/releases/download/files/a.txt", http.Header{"Authorization": {"token " + secret}},
		nil); a.body != "binary of acme/app" {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	for method, body := range map[string]any{http.MethodGet: nil, http.MethodPatch: object{"name": "taken.txt"}, http.MethodDelete: nil} {
		if a := g.api(secret, method, fmt.Sprintf("/api/v1%s/assets/%d", base, other), body); a.status != http.StatusNotFound {
			t.Errorf("%s of another repository's file: status %d: %s", method, a.status, a.body)
		}
	}
	if all := string(g.direct(t, g.forge.AdminToken, http.MethodGet, "/repos/umbra/app/releases", nil,
		http.StatusOK)); !strings.Contains(all, `"name":"a.txt"`) {
		t.Errorf("the other repository's file has changed: %s", all)
	}
}

// asset makes a release or an issue of a repository, with a file, and gives its id or number, the file's id, and where Gitea itself
// says that the file is.
func (g *giteaStage) asset(t *testing.T, path, folder string) (of, id int64, address string) {
	t.Helper()
	var made struct{ ID, Number int64 }
	_ = json.Unmarshal(g.direct(t, g.forge.AdminToken, http.MethodPost, "/repos/"+path+"/"+folder,
		object{"tag_name": "files", "target_commitish": "main", "title": "with a file"}, http.StatusCreated), &made)
	var file struct {
		ID       int64
		Download string `json:"browser_download_url"`
	}
	body := strings.NewReader("--x\r\nContent-Disposition: form-data; name=\"attachment\"; filename=\"a.txt\"\r\n\r\nbinary of " +
		path + "\r\n--x--\r\n")
	if of = made.ID; folder == "issues" {
		of = made.Number
	}
	request, _ := http.NewRequest(http.MethodPost, fmt.Sprintf("%s/api/v1/repos/%s/%s/%d/assets", g.forge.URL(), path, folder, of), body)
	request.Header.Set("Authorization", "token "+g.forge.AdminToken)
	request.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	response, err := http.DefaultClient.Do(request)
	if err != nil || response.StatusCode != http.StatusCreated {
		t.Fatalf("%v, %v", response, err)
	}
	defer response.Body.Close()
	_ = json.NewDecoder(response.Body).Decode(&file)
	return of, file.ID, file.Download
}
