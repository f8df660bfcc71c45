package forgetest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Conan's endpoints, as far as a client needs them to upload and to download one recipe (lib/api/concerns/packages/conan,
// 19.3). They take Basic credentials and the JWT that they give out, which holds the very credential that bought it.

// conanRoutes are both versions of a project's remote.
func conanRoutes() []route {
	v1, v2 := "/projects/{id}/packages/conan/v1/", "/projects/{id}/packages/conan/v2/"
	recipe := "conans/{name}/{version}/{user}/{channel}/"
	file1 := v1 + "files/{name}/{version}/{user}/{channel}/{revision}/export/{file}"
	file2 := v2 + recipe + "revisions/{revision}/files/{file}"
	all := []route{
		{
			method:  "GET",
			pattern: v1 + "ping",
			stream:  func(_ *call, w http.ResponseWriter) { w.Header().Set("X-Conan-Server-Capabilities", "revisions") },
		},
		{method: "GET", pattern: v1 + "users/authenticate", stream: conanAuthenticate},
		{method: "GET", pattern: v2 + "users/authenticate", stream: conanAuthenticate},
		{method: "GET", pattern: v1 + "users/check_credentials", stream: conanCheck},
		{method: "GET", pattern: v2 + "users/check_credentials", stream: conanCheck},
		{method: "GET", pattern: v1 + recipe + "download_urls", stream: conanDownloads},
		{method: "POST", pattern: v1 + recipe + "upload_urls", stream: conanUploads},
		{method: "GET", pattern: file1, stream: conanGet},
		{method: "PUT", pattern: file1, stream: conanPut},
		{method: "GET", pattern: v2 + recipe + "latest", stream: conanLatest},
		{method: "GET", pattern: v2 + recipe + "revisions/{revision}/files", stream: conanFiles},
		{method: "GET", pattern: file2, stream: conanGet},
		{method: "PUT", pattern: file2, stream: conanPut},
	}
	for i := range all {
		all[i].own = true
	}
	return all
}

// conanProject finds out who calls, and gives the project when the caller may do that there; nil when it was answered.
func (c *call) conanProject(w http.ResponseWriter, level int) *project {
	secret := ""
	if _, password, isBasic := c.r.BasicAuth(); isBasic {
		secret = password
	} else if claims, valid := c.f.verified(c.r.Header.Get("Authorization")); valid {
		secret, _ = claims["access_token"].(string)
	}
	scheme, _, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	c.rec.mu.Lock()
	c.rec.Credential, c.rec.Secret = scheme, secret
	c.rec.mu.Unlock()
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	t := c.f.world.tokens[secret]
	if t == nil || t.revoked {
		answerError(http.StatusUnauthorized, "401 Unauthorized").write(w)
		return nil
	}
	c.token, c.user = t, c.f.world.users[t.user]
	var refused answer
	var halted bool
	var p *project
	func() {
		defer c.caught(&refused, &halted)
		p = c.findProject("id")
		c.require(p, level)
	}()
	if halted {
		refused.write(w)
		return nil
	}
	return p
}

func conanAuthenticate(c *call, w http.ResponseWriter) {
	if c.conanProject(w, Guest) == nil {
		return
	}
	_, secret, _ := c.r.BasicAuth()
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, c.f.sign(map[string]any{
		"access_token": secret,
		"user_id":      c.user.id,
		"exp":          time.Now().AddDate(0, 3, 0).Unix(),
	}))
}

func conanCheck(c *call, w http.ResponseWriter) {
	if c.conanProject(w, Guest) != nil {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "ok")
	}
}

// conanKey is where a file is kept; both versions of the API see the same files.
func (c *call) conanKey(file string) string {
	return strings.Join([]string{"conan", c.path.text("name"), c.path.text("version"), c.path.text("user"),
		c.path.text("channel"), file}, "/")
}

func (c *call) conanURL(p *project, file string) string {
	return c.f.external + "/api/v4/projects/" + strconv.FormatInt(p.id, 10) + "/packages/conan/v1/files/" + c.path.text("name") +
		"/" + c.path.text("version") + "/" +
		c.path.text("user") + "/" + c.path.text("channel") + "/0/export/" + file
}

// conanNames gives the files of a recipe.
func (c *call) conanNames(p *project) (names []string) {
	prefix := c.conanKey("")
	c.f.mu.Lock()
	defer c.f.mu.Unlock()
	for key := range p.packages {
		if name, found := strings.CutPrefix(key, prefix); found {
			names = append(names, name)
		}
	}
	return names
}

func conanDownloads(c *call, w http.ResponseWriter) {
	p := c.conanProject(w, Reporter)
	if p == nil {
		return
	}
	urls := object{}
	for _, name := range c.conanNames(p) {
		urls[name] = c.conanURL(p, name)
	}
	ok(urls).write(w)
}

func conanUploads(c *call, w http.ResponseWriter) {
	p := c.conanProject(w, Developer)
	if p == nil {
		return
	}
	var sizes map[string]int64
	_ = json.NewDecoder(c.r.Body).Decode(&sizes)
	urls := object{}
	for name := range sizes {
		urls[name] = c.conanURL(p, name)
	}
	ok(object{"upload_urls": urls}).write(w)
}

func conanLatest(c *call, w http.ResponseWriter) {
	if c.conanProject(w, Reporter) != nil {
		ok(object{"revision": "0123456789abcdef0123456789abcdef", "time": stamp(c.f.now())}).write(w)
	}
}

func conanFiles(c *call, w http.ResponseWriter) {
	p := c.conanProject(w, Reporter)
	if p == nil {
		return
	}
	files := object{}
	for _, name := range c.conanNames(p) {
		files[name] = object{}
	}
	ok(object{"files": files}).write(w)
}

func conanGet(c *call, w http.ResponseWriter) {
	p := c.conanProject(w, Reporter)
	if p == nil {
		return
	}
	c.f.mu.Lock()
	file := p.packages[c.conanKey(c.path.text("file"))]
	c.f.mu.Unlock()
	if file == nil {
		answerError(http.StatusNotFound, "404 Package Not Found").write(w)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(file.content)
}

func conanPut(c *call, w http.ResponseWriter) {
	p := c.conanProject(w, Developer)
	if p == nil {
		return
	}
	if c.r.Header.Get("X-Checksum-Deploy") == "true" {
		answerError(http.StatusNotFound, "404 Non checksum storage Not Found").write(w)
		return
	}
	var content bytes.Buffer
	if _, err := io.Copy(&content, io.LimitReader(c.r.Body, keptPackage)); err != nil {
		answerError(http.StatusBadRequest, "400 Bad request").write(w)
		return
	}
	c.f.mu.Lock()
	p.packages[c.conanKey(c.path.text("file"))] = &packageFile{
		id:      c.f.world.next("package"),
		size:    int64(content.Len()),
		content: content.Bytes(),
	}
	c.f.mu.Unlock()
	w.WriteHeader(http.StatusOK)
}
