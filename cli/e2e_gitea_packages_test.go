package cli_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// giteaPackages publishes and installs packages of an organization.
func giteaPackages(t *testing.T, g *giteaStage) {
	reader := g.mint(t, "--name", "package reader", "--group", "acme", "--allow", "read_package")
	writer := g.mint(t, "--name", "package writer", "--group", "acme", "--allow", "read_package,create_package")
	// Alice may publish in the organization by a team of its own.
	g.forge.AddTeam("acme", "publishers", "write", "alice")
	g.forge.AddTeam("umbra", "publishers", "write", "alice")
	plain := func(token, method, path, body string, status int) string {
		t.Helper()
		header := http.Header{"Authorization": {"Bearer " + token}}
		if body != "" {
			header.Set("Content-Type", "application/octet-stream")
		}
		a := send(method, g.gate+path, header, []byte(body))
		if a.err != nil || a.status != status {
			t.Errorf("%s %s: status %d, %v, want %d\n%s\nthe server's log:\n%s", method, path, a.status, a.err, status, a.body, g.lastLines(2))
		}
		return a.body
	}
	t.Run("generic", func(t *testing.T) {
		const path = "/api/packages/acme/generic/tool/1.0.0/tool.bin"
		plain(writer, http.MethodPut, path, "binary", http.StatusCreated)
		if got := plain(reader, http.MethodGet, path, "", http.StatusOK); got != "binary" {
			t.Errorf("the file holds %q", got)
		}
		if answer := plain(reader, http.MethodPut, strings.Replace(path, "1.0.0", "2.0.0", 1), "binary", http.StatusForbidden); !strings.Contains(answer, "create_package") {
			t.Error(answer)
		}
		plain(writer, http.MethodDelete, path, "", http.StatusForbidden)
		plain(writer, http.MethodPut, "/api/packages/umbra/generic/tool/1.0.0/tool.bin", "binary", http.StatusForbidden)
		plain(reader, http.MethodGet, "/api/packages/umbra/generic/tool/1.0.0/tool.bin", "", http.StatusForbidden)
		if all := g.gets(t, http.StatusOK, reader, http.MethodGet, "/packages/acme", nil); !strings.Contains(all, `"tool"`) {
			t.Errorf("the list does not have it: %s", all)
		}
	})
	t.Run("Maven", func(t *testing.T) {
		const path = "/api/packages/acme/maven/com/example/lib/1.0/lib-1.0.jar"
		plain(writer, http.MethodPut, path, "jar", http.StatusCreated)
		if got := plain(reader, http.MethodGet, path, "", http.StatusOK); got != "jar" {
			t.Errorf("the file holds %q", got)
		}
		plain(reader, http.MethodPut, strings.ReplaceAll(path, "1.0", "1.1"), "jar", http.StatusForbidden)
		plain(reader, http.MethodGet, strings.Replace(path, "acme", "umbra", 1), "", http.StatusForbidden)
	})
	t.Run("PyPI", func(t *testing.T) {
		upload := func(token, owner, version string, status int) {
			t.Helper()
			var body bytes.Buffer
			form := multipart.NewWriter(&body)
			sum := sha256.Sum256([]byte("wheel " + version))
			for name, value := range map[string]string{":action": "file_upload", "protocol_version": "1", "metadata_version": "2.1", "name": "greeting",
				"version": version, "filetype": "bdist_wheel", "pyversion": "py3", "summary": "greets", "sha256_digest": hex.EncodeToString(sum[:])} {
				_ = form.WriteField(name, value)
			}
			file, _ := form.CreateFormFile("content", "greeting-"+version+"-py3-none-any.whl")
			_, _ = file.Write([]byte("wheel " + version))
			_ = form.Close()
			header := http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("ci:"+token))}, "Content-Type": {form.FormDataContentType()}}
			if a := send(http.MethodPost, g.gate+"/api/packages/"+owner+"/pypi", header, body.Bytes()); a.err != nil || a.status != status {
				t.Errorf("status %d, %v, want %d\n%s\nthe server's log:\n%s", a.status, a.err, status, a.body, g.lastLines(2))
			}
		}
		upload(writer, "acme", "1.0", http.StatusCreated)
		upload(reader, "acme", "1.1", http.StatusForbidden)
		upload(writer, "umbra", "1.0", http.StatusForbidden)
		index := plain(reader, http.MethodGet, "/api/packages/acme/pypi/simple/greeting", "", http.StatusOK)
		if !strings.Contains(index, "greeting-1.0-py3-none-any.whl") || strings.Contains(index, "greeting-1.1") {
			t.Errorf("the index is %s", index)
		}
		if got := plain(reader, http.MethodGet, "/api/packages/acme/pypi/files/greeting/1.0/greeting-1.0-py3-none-any.whl", "", http.StatusOK); got != "wheel 1.0" {
			t.Errorf("the file holds %q", got)
		}
	})
	t.Run("npm", func(t *testing.T) {
		needs(t, "npm", "apt-get install npm")
		dir, into := filepath.Join(g.home, "npm-package"), filepath.Join(g.home, "npm-user")
		for _, d := range []string{dir, into} {
			if err := os.MkdirAll(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		g.write(t, dir, "package.json", `{"name":"@acme/greeting","version":"1.2.3","main":"index.js","license":"MIT"}`)
		g.write(t, dir, "index.js", "module.exports = 'hello';\n")
		g.write(t, into, "package.json", `{"name":"user","version":"1.0.0","private":true}`)
		as := func(token, owner string) string {
			name := filepath.Join(g.home, "npmrc-"+owner)
			address := strings.TrimPrefix(g.gate, "http:") + "/api/packages/" + owner + "/npm/"
			text := "@acme:registry=http:" + address + "\n" + address + ":_authToken=" + token + "\nupdate-notifier=false\nfund=false\naudit=false\n"
			if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return name
		}
		npm := func(dir, rc string, args ...string) (string, error) {
			return g.run(dir, "npm", append(args, "--userconfig", rc, "--cache", filepath.Join(g.home, "npm-cache"))...)
		}
		if out, err := npm(dir, as(writer, "acme"), "publish"); err != nil {
			t.Fatalf("npm publish: %v\n%s\n%s", err, out, g.lastLines(3))
		}
		if out, err := npm(into, as(reader, "acme"), "install", "@acme/greeting"); err != nil {
			t.Fatalf("npm install: %v\n%s\n%s", err, out, g.lastLines(3))
		}
		if data, err := os.ReadFile(filepath.Join(into, "node_modules", "@acme", "greeting", "index.js")); err != nil || !strings.Contains(string(data), "hello") {
			t.Errorf("%q, %v", data, err)
		}
		g.write(t, dir, "package.json", `{"name":"@acme/greeting","version":"1.2.4","main":"index.js","license":"MIT"}`)
		if out, err := npm(dir, as(reader, "acme"), "publish"); err == nil || !strings.Contains(out, "403") {
			t.Errorf("a reader publishes: %v\n%s", err, out)
		}
		if out, err := npm(dir, as(writer, "umbra"), "publish"); err == nil || !strings.Contains(out, "403") {
			t.Errorf("another organization's registry: %v\n%s", err, out)
		}
	})
}

// signIn signs in as image clients do, by the check that Gitea itself answers to none but its own tokens.
func (g *giteaStage) signIn(t *testing.T) {
	t.Helper()
	g.images.logins(t, g.mint(t, "--name", "login", "--group", "acme", "--allow", "read_container_repository"))
	other := g.mint(t, "--name", "no images", "--project", "acme/app", "--allow", "read_project")
	if a := send(http.MethodGet, g.gate+"/v2/", http.Header{"Authorization": {basicOf(other)}}, nil); a.status != http.StatusForbidden ||
		!strings.Contains(a.body, "read_container_repository") {
		t.Errorf("a token without images: %d %s", a.status, a.body)
	}
}

// giteaImages pushes and pulls an image.
func giteaImages(t *testing.T, g *giteaStage) {
	needs(t, "skopeo", "apt-get install skopeo")
	s := g.images
	g.signIn(t)
	reader := g.mint(t, "--name", "image reader", "--group", "acme", "--allow", "read_container_repository")
	writer := g.mint(t, "--name", "image writer", "--group", "acme", "--allow", "read_container_repository,create_container_repository")
	source := s.layout(t, "image", 100_000, "amd64")
	push := func(token, name string) []string {
		return []string{"copy", "--insecure-policy", "--dest-tls-verify=false", "--dest-creds", "ci:" + token, source, s.image(name)}
	}
	pull := func(token, name, into string) []string {
		return []string{"copy", "--insecure-policy", "--src-tls-verify=false", "--src-creds", "ci:" + token, s.image(name), "oci:" + filepath.Join(g.home, into) + ":v1"}
	}
	s.ok(t, "skopeo", push(writer, "acme/web/server:1")...)
	s.ok(t, "skopeo", pull(reader, "acme/web/server:1", "pulled")...)
	s.refused(t, nil, "skopeo", push(reader, "acme/web/server:2")...)
	s.refused(t, nil, "skopeo", push(writer, "umbra/web/server:1")...)
	s.refused(t, nil, "skopeo", pull(reader, "umbra/web/server:1", "refused")...)
	var tags = g.direct(t, g.world.alicePAT, http.MethodGet, "/packages/acme?type=container", nil, http.StatusOK)
	if text := string(tags); !strings.Contains(text, `"web/server"`) || strings.Contains(text, `"version":"2"`) {
		t.Errorf("the registry holds %s", text)
	}
	t.Run("no layer is fetched out of another organization's image", func(t *testing.T) {
		direct := []string{"copy", "--insecure-policy", "--dest-tls-verify=false", "--dest-creds", "alice:" + g.world.alicePAT, s.layout(t, "secret", 50_000, "arm64"),
			"docker://" + strings.TrimPrefix(g.forge.URL(), "http://") + "/umbra/secret:1"}
		s.ok(t, "skopeo", direct...)
		digest := layerOf(t, filepath.Join(g.home, "secret"))
		ask := func(token, method, path string) answer {
			return send(method, g.gate+path, http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("ci:"+token))}}, nil)
		}
		if a := ask(writer, http.MethodPost, "/v2/acme/thief/blobs/uploads/?mount="+digest+"&from=umbra/secret"); a.status == http.StatusCreated {
			t.Errorf("mounted: status %d: %s", a.status, a.body)
		} else {
			t.Logf("mounting: status %d: %.200s", a.status, a.body)
		}
		if a := ask(writer, http.MethodGet, "/v2/acme/thief/blobs/"+digest); a.status == http.StatusOK {
			t.Errorf("the layer of another organization is read: status %d", a.status)
		}
		if a := ask(writer, http.MethodGet, "/v2/umbra/secret/blobs/"+digest); a.status != http.StatusForbidden && a.status != http.StatusUnauthorized {
			t.Errorf("the layer is read where it is: status %d", a.status)
		}
	})
	t.Run("other clients", func(t *testing.T) { s.clientsWork(t, "acme/clients", "--group", "acme") })
	t.Run("patgate says why", func(t *testing.T) {
		status, answer := s.ask(t, reader, http.MethodDelete, "/v2/acme/web/server/manifests/1")
		if status != http.StatusForbidden || !strings.Contains(answer, "delete_container_repository") {
			t.Errorf("status %d: %s", status, answer)
		}
	})
}

// layerOf gives the digest of the largest blob of an image layout, which is its layer.
func layerOf(t *testing.T, layout string) string {
	t.Helper()
	blobs, err := os.ReadDir(filepath.Join(layout, "blobs", "sha256"))
	if err != nil {
		t.Fatal(err)
	}
	digest, size := "", int64(0)
	for _, blob := range blobs {
		if info, err := blob.Info(); err == nil && info.Size() > size {
			digest, size = "sha256:"+blob.Name(), info.Size()
		}
	}
	return digest
}
