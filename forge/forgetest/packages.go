package forgetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// packageFile is what was uploaded; content is kept up to keptPackage bytes only.
type packageFile struct {
	id      int64
	size    int64
	hash    string
	content []byte
}

const keptPackage = 1 << 20

// GeneratedPackage is the name of a generic package that need not be uploaded: its version is a number of bytes, and
// that many come back: GET /projects/:id/packages/generic/generated/1073741824/x.bin.
const GeneratedPackage = "generated"

// uploadPackage takes a generic package file without holding it.
func uploadPackage(c *call, w http.ResponseWriter) {
	c.f.mu.Lock()
	p, refused := c.packageProject(Developer)
	c.f.mu.Unlock()
	if refused != nil {
		refused.write(w)
		return
	}
	var kept bytes.Buffer
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(sum, &limitedBuffer{&kept}), c.r.Body)
	if err != nil {
		answerError(http.StatusBadRequest, "400 Bad request - the upload broke off").write(w)
		return
	}
	file := &packageFile{size: size, hash: hex.EncodeToString(sum.Sum(nil))}
	if size <= keptPackage {
		file.content = kept.Bytes()
	}
	c.f.mu.Lock()
	file.id = c.f.world.next("package")
	p.packages[c.packageKey()] = file
	c.f.mu.Unlock()
	created(object{"message": "201 Created"}).write(w)
}

// downloadPackage sends a generic package file, or a generated one.
func downloadPackage(c *call, w http.ResponseWriter) {
	c.f.mu.Lock()
	p, refused := c.packageProject(NoAccess)
	var file *packageFile
	if refused == nil {
		file = p.packages[c.packageKey()]
	}
	c.f.mu.Unlock()
	switch {
	case refused != nil:
		refused.write(w)
		return
	case c.path.text("package_name") == GeneratedPackage:
		size, err := strconv.ParseInt(c.path.text("package_version"), 10, 64)
		if err == nil && size >= 0 {
			sendGenerated(w, size)
			return
		}
		fallthrough
	case file == nil || file.content == nil && file.size > 0:
		answerError(http.StatusNotFound, "404 Not Found").write(w)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(file.size, 10))
	_, _ = w.Write(file.content)
}

func (c *call) packageProject(level int) (p *project, refused *answer) {
	var a answer
	var halted bool
	func() {
		defer c.caught(&a, &halted)
		p = c.findProject("id")
		c.require(p, level)
	}()
	if halted {
		return nil, &a
	}
	return p, nil
}

func (c *call) packageKey() string {
	return strings.Join([]string{c.path.text("package_name"), c.path.text("package_version"), c.path.text("file_name")}, "/")
}

// sendGenerated sends a repeating pattern.
func sendGenerated(w http.ResponseWriter, size int64) {
	block := make([]byte, 64<<10)
	for i := range block {
		block[i] = byte(i * 7)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	for size > 0 {
		n, err := w.Write(block[:min(size, int64(len(block)))])
		if size -= int64(n); err != nil {
			return
		}
	}
}

// Package gives size and SHA-256 of an uploaded generic package file; ok is false when there is none.
func (f *Forge) Package(projectID int64, name, version, file string) (size int64, hash string, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.world.projects[projectID]
	if p == nil {
		return 0, "", false
	}
	got := p.packages[name+"/"+version+"/"+file]
	if got == nil {
		return 0, "", false
	}
	return got.size, got.hash, true
}

// limitedBuffer keeps the first keptPackage bytes and takes the rest without keeping it.
type limitedBuffer struct{ kept *bytes.Buffer }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if room := keptPackage - b.kept.Len(); room > 0 {
		b.kept.Write(p[:min(len(p), room)])
	}
	return len(p), nil
}
