package forgetest

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// npmPackage is what npm reads of a package.
type npmPackage struct {
	versions map[string]object
	tags     map[string]string
}

// npmFields are those of package.json that GitLab hands on.
var npmFields = []string{"dependencies", "devDependencies", "peerDependencies", "bin", "engines", "directories"}

// publishNpm takes npm's document: the manifest of one version, and its tarball in base64.
func publishNpm(c *packageCall) answer {
	if name, tag, ok := strings.Cut(strings.TrimPrefix(c.rest, "-/package/"), "/dist-tags/"); ok {
		return c.tagNpm(name, tag)
	}
	var sent struct {
		Name        string                           `json:"name"`
		Versions    map[string]object                `json:"versions"`
		Tags        map[string]string                `json:"dist-tags"`
		Attachments map[string]struct{ Data string } `json:"_attachments"`
	}
	if err := json.Unmarshal(c.body, &sent); err != nil || sent.Name != c.rest || len(sent.Versions) != 1 ||
		len(sent.Attachments) != 1 {
		badRequest("the document is no package")
	}
	one := c.s.npm[sent.Name]
	if one == nil {
		one = &npmPackage{map[string]object{}, map[string]string{}}
	}
	for version, manifest := range sent.Versions {
		if one.versions[version] != nil {
			return answerError(http.StatusForbidden, "Package already exists.")
		}
		for _, attachment := range sent.Attachments {
			tarball, err := base64.StdEncoding.DecodeString(attachment.Data)
			if err != nil {
				badRequest("the tarball is no base64")
			}
			file := sent.Name + "-" + version + ".tgz"
			c.s.files["npm/"+sent.Name+"/-/"+file] = tarball
			shown := object{
				"name":    sent.Name,
				"version": version,
				"dist":    object{"shasum": sumSHA1(tarball), "tarball": c.url("npm/" + sent.Name + "/-/" + file)},
			}
			for _, field := range npmFields {
				if v, ok := manifest[field]; ok {
					shown[field] = v
				}
			}
			one.versions[version] = shown
		}
	}
	for tag, version := range sent.Tags {
		one.tags[tag] = version
	}
	c.s.npm[sent.Name] = one
	return created(object{"message": "201 Created"})
}

func (c *packageCall) tagNpm(name, tag string) answer {
	var version string
	if one := c.s.npm[name]; one == nil || json.Unmarshal(c.body, &version) != nil || one.versions[version] == nil {
		notFound("Package")
	}
	c.s.npm[name].tags[tag] = version
	return noContent()
}

// fetchNpm answers with a package's metadata, its tags, or a tarball.
func fetchNpm(c *packageCall) answer {
	if strings.Contains(c.rest, "/-/") && !strings.HasPrefix(c.rest, "-/") {
		return c.file("npm/"+c.rest, "application/octet-stream")
	}
	name, tags := strings.CutSuffix(strings.TrimPrefix(c.rest, "-/package/"), "/dist-tags")
	one := c.s.npm[name]
	if one == nil {
		notFound("Package")
	}
	if tags {
		return ok(one.tags)
	}
	return ok(object{"name": name, "versions": one.versions, "dist-tags": one.tags})
}

// untagNpm removes a tag.
func untagNpm(c *packageCall) answer {
	name, tag, _ := strings.Cut(strings.TrimPrefix(c.rest, "-/package/"), "/dist-tags/")
	if one := c.s.npm[name]; one == nil || one.tags[tag] == "" {
		notFound("Package tag")
	}
	delete(c.s.npm[name].tags, tag)
	return noContent()
}
