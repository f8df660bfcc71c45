package forgetest

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
)

// maxPackage bounds an upload that is kept, in bytes.
const maxPackage = 64 << 20

// store holds a project's packages: files by "family/path", and what the families' indexes are made of.
type store struct {
	files    map[string][]byte
	npm      map[string]*npmPackage
	pypi     map[string][]pypiFile
	nuget    map[string][]nugetVersion
	composer []composerVersion
	charts   map[string][]chart
	crates   map[string][]string // lines of the sparse index
	modules  map[string][]string // versions
	states   map[string]*terraformState
}

func newStore() *store {
	return &store{
		files:   map[string][]byte{},
		npm:     map[string]*npmPackage{},
		pypi:    map[string][]pypiFile{},
		nuget:   map[string][]nugetVersion{},
		charts:  map[string][]chart{},
		crates:  map[string][]string{},
		modules: map[string][]string{},
		states:  map[string]*terraformState{},
	}
}

// packageCall is a call of a package endpoint with its project and whole body.
type packageCall struct {
	*call
	p    *project
	s    *store
	body []byte
	rest string // of the path, behind the family
}

// packages makes an endpoint of a family. Readers must be Reporters, writers Developers. It answers under the lock.
func packages(f func(*packageCall) answer) func(*call, http.ResponseWriter) {
	return func(c *call, w http.ResponseWriter) {
		body, err := io.ReadAll(io.LimitReader(c.r.Body, maxPackage))
		if err != nil {
			answerError(http.StatusBadRequest, "400 Bad request - the upload broke off").write(w)
			return
		}
		c.f.mu.Lock()
		a, halted := answer{}, false
		func() {
			defer c.caught(&a, &halted)
			p := c.findProject("id")
			level := Developer
			if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
				level = Reporter
			}
			if p.visibility != Public || level == Developer {
				c.require(p, level)
			}
			a = f(&packageCall{call: c, p: p, s: p.store, body: body, rest: c.path.text("rest")})
		}()
		c.f.mu.Unlock()
		a.write(w)
	}
}

// file answers with a stored file.
func (c *packageCall) file(key, contentType string) answer {
	content, ok := c.s.files[key]
	if !ok {
		notFound("")
	}
	return fileAnswer(contentType, content)
}

// url gives an absolute address below the project, as GitLab writes it: with the id, on the host it believes to have.
func (c *packageCall) url(path string) string {
	return c.f.external + "/api/v4/projects/" + idText(c.p.id) + "/packages/" + path
}

func fileAnswer(contentType string, content []byte) answer {
	if content == nil {
		content = []byte{}
	}
	return answer{status: http.StatusOK, raw: content, contentType: contentType}
}

// upload gives a file of a multipart body by the field's name, with the other fields; a body of another type is the file.
func (c *packageCall) upload(field string) (content []byte, fields map[string]string) {
	fields = map[string]string{}
	media, parameters, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(media, "multipart/") {
		return c.body, fields
	}
	parts := multipart.NewReader(bytes.NewReader(c.body), parameters["boundary"])
	for {
		part, err := parts.NextPart()
		if err != nil {
			break
		}
		data, _ := io.ReadAll(part)
		if part.FormName() == field {
			content = data
			fields["filename"] = part.FileName()
			continue
		}
		fields[part.FormName()] = string(data)
	}
	if content == nil {
		badRequest(field + " is missing")
	}
	return content, fields
}

func sumSHA256(b []byte) string { s := sha256.Sum256(b); return hex.EncodeToString(s[:]) }
func sumSHA1(b []byte) string   { s := sha1.Sum(b); return hex.EncodeToString(s[:]) }
func sumMD5(b []byte) string    { s := md5.Sum(b); return hex.EncodeToString(s[:]) }
