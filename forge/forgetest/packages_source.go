package forgetest

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// composerVersion is a version of a Composer package: a tag of the project's repository.
type composerVersion struct {
	name, tag, sha string
	manifest       object
}

// publishComposer makes a version of a tag, by the composer.json in the repository.
func publishComposer(c *packageCall) answer {
	fields, _ := parseBody(&http.Request{Header: c.r.Header, Body: io.NopCloser(bytes.NewReader(c.body))})
	tag := fields.text("tag")
	if _, exists := c.p.repository.tags[tag]; !exists {
		notFound("Tag")
	}
	v := composerVersion{tag: tag, sha: commitFor("tag", c.p.id, tag)}
	if err := json.Unmarshal(c.p.repository.files["composer.json"], &v.manifest); err != nil {
		return answerError(http.StatusUnprocessableEntity, "422 - The file composer.json is not there or no JSON")
	}
	v.name, _ = v.manifest["name"].(string)
	c.s.composer = append(c.s.composer, v)
	return created(object{"message": "201 Created"})
}

// archiveComposer sends the files of a version as a zip.
func archiveComposer(c *packageCall) answer {
	name, sha := strings.TrimSuffix(c.rest, ".zip"), c.r.URL.Query().Get("sha")
	for _, v := range c.s.composer {
		if v.name == name && v.sha == sha {
			return fileAnswer("application/zip", c.p.repository.archive(c.p.path+"-"+sha+"/"))
		}
	}
	notFound("Package")
	return answer{}
}

// archive packs the files of a repository below a folder.
func (r *repository) archive(prefix string) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		header := &zip.FileHeader{Name: prefix + name, Method: zip.Deflate, Modified: r.created.Truncate(time.Second)}
		if f, err := w.CreateHeader(header); err == nil {
			_, _ = f.Write(r.files[name])
		}
	}
	_ = w.Close()
	return out.Bytes()
}

// serveComposer answers a group's repository of Composer packages.
func (c *call) serveComposer() answer {
	g := c.findGroup("id")
	if c.groupLevel(g) < Reporter {
		forbidden()
	}
	rest := c.path.text("rest")
	if rest == "packages" || rest == "packages.json" {
		path := "/api/v4/group/" + idText(g.id) + "/-/packages/composer/p2/%package%.json"
		return ok(object{"packages": []any{}, "metadata-url": path})
	}
	name := strings.TrimSuffix(strings.TrimPrefix(rest, "p2/"), ".json")
	versions := object{}
	for _, p := range c.f.world.projects {
		if p.group == 0 || !c.f.world.below(p.group, g.id) {
			continue
		}
		for _, v := range p.store.composer {
			if v.name != name {
				continue
			}
			shown := maps.Clone(v.manifest)
			shown["version"], shown["uid"] = v.tag, p.id
			archives := c.f.external + "/api/v4/projects/" + idText(p.id) + "/packages/composer/archives/"
			shown["dist"] = object{"type": "zip", "reference": v.sha, "shasum": "", "url": archives + name + ".zip?sha=" + v.sha}
			versions[v.tag] = shown
		}
	}
	if len(versions) == 0 {
		notFound("")
	}
	return ok(object{"packages": object{name: versions}})
}

// proxyGo answers the Go proxy protocol for the tags of the project's repository.
func proxyGo(c *packageCall) answer {
	module, rest, _ := strings.Cut(c.rest, "/@v/")
	if !strings.HasSuffix(module, "/"+c.f.world.projectPath(c.p)) {
		notFound("")
	}
	if rest == "list" {
		return text("text/plain", strings.Join(slices.Sorted(maps.Keys(c.p.repository.tags)), "\n")+"\n")
	}
	i := strings.LastIndexByte(rest, '.')
	version, kind := rest[:max(i, 0)], rest[i+1:]
	if _, exists := c.p.repository.tags[version]; !exists {
		notFound("")
	}
	switch kind {
	case "info":
		return ok(object{"Version": version, "Time": c.p.repository.created.UTC().Format(time.RFC3339)})
	case "mod":
		return fileAnswer("text/plain", c.p.repository.files["go.mod"])
	case "zip":
		return fileAnswer("application/zip", c.p.repository.archive(module+"@"+version+"/"))
	}
	notFound("")
	return answer{}
}
