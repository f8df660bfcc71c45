package forgetest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

type chart struct{ name, version, home, sum string }

// pushChart takes a Helm chart, a tar.gz with a Chart.yaml in it.
func pushChart(c *packageCall) answer {
	content, _ := c.upload("chart")
	channel, _ := strings.CutSuffix(strings.TrimPrefix(c.rest, "api/"), "/charts")
	unzipped, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		badRequest("chart is no tar.gz")
	}
	one := chart{sum: sumSHA256(content)}
	files := tar.NewReader(unzipped)
	for {
		h, err := files.Next()
		if err != nil {
			break
		}
		if !strings.HasSuffix(h.Name, "/Chart.yaml") {
			continue
		}
		data, _ := io.ReadAll(files)
		for line := range strings.Lines(string(data)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
			if field := map[string]*string{"name": &one.name, "version": &one.version, "home": &one.home}[key]; field != nil {
				*field = value
			}
		}
	}
	if one.name == "" || one.version == "" {
		badRequest("chart has no name")
	}
	c.s.charts[channel] = append(c.s.charts[channel], one)
	slices.SortStableFunc(c.s.charts[channel], func(a, b chart) int { return strings.Compare(a.name, b.name) })
	c.s.files["helm/"+channel+"/charts/"+one.name+"-"+one.version+".tgz"] = content
	return created(object{"message": "201 Created"})
}

func fetchChart(c *packageCall) answer {
	channel, isIndex := strings.CutSuffix(c.rest, "/index.yaml")
	if !isIndex {
		return c.file("helm/"+c.rest, "application/octet-stream")
	}
	var b strings.Builder
	b.WriteString("---\napiVersion: v1\nentries:\n")
	written := ""
	for _, one := range c.s.charts[channel] { // by name
		if one.name != written {
			written = one.name
			fmt.Fprintf(&b, "  %s:\n", one.name)
		}
		fmt.Fprintf(&b, "  - name: %s\n    version: %s\n    home: %s\n    digest: %s\n    urls:\n    - charts/%s-%s.tgz\n",
			one.name, one.version, one.home, one.sum, one.name, one.version)
	}
	b.WriteString("serverInfo:\n  contextPath: \"/api/v4/projects/" + idText(c.p.id) + "/packages/helm\"\n")
	return text("text/yaml", b.String())
}

// publishCrate takes what cargo publish sends: two lengths, the manifest as JSON, the crate.
func publishCrate(c *packageCall) answer {
	var manifest struct {
		Name string `json:"name"`
		Vers string `json:"vers"`
	}
	body := c.body
	part := func() []byte {
		if len(body) < 4 {
			badRequest("the crate is cut short")
		}
		n := int(binary.LittleEndian.Uint32(body))
		if len(body) < 4+n {
			badRequest("the crate is cut short")
		}
		out := body[4 : 4+n]
		body = body[4+n:]
		return out
	}
	if err := json.Unmarshal(part(), &manifest); err != nil || manifest.Name == "" {
		badRequest("the manifest is no JSON")
	}
	content := part()
	line, _ := json.Marshal(object{
		"name":     manifest.Name,
		"vers":     manifest.Vers,
		"deps":     []any{},
		"cksum":    sumSHA256(content),
		"features": object{},
		"yanked":   false,
	})
	c.s.crates[manifest.Name] = append(c.s.crates[manifest.Name], string(line))
	c.s.files["cargo/"+manifest.Name+"/"+manifest.Vers+"/download"] = content
	return ok(object{"warnings": object{"invalid_categories": []any{}, "invalid_badges": []any{}, "other": []any{}}})
}

func fetchCrate(c *packageCall) answer {
	switch {
	case c.rest == "config.json":
		return ok(object{"dl": c.url("cargo"), "api": c.url("cargo"), "auth-required": c.p.visibility != Public})
	case strings.HasSuffix(c.rest, "/download"):
		return c.file("cargo/"+c.rest, "application/octet-stream")
	}
	name := c.rest[strings.LastIndexByte(c.rest, '/')+1:]
	if c.s.crates[name] == nil {
		notFound("Package")
	}
	return text("text/plain", strings.Join(c.s.crates[name], "\n")+"\n")
}

// putDebian stores a package's file; with a distribution in the query it is put into that one's index.
func putDebian(c *packageCall) answer {
	q := c.r.URL.Query()
	name, _, _ := strings.Cut(c.rest, "_")
	distribution := q.Get("distribution")
	if distribution != "" {
		version := strings.Split(c.rest+"__", "_")[1]
		pool := "pool/" + distribution + "/" + name[:1] + "/" + name + "/" + version + "/" + c.rest
		c.s.files["debian/"+pool] = c.body
		key := "debian/dists/" + distribution + "/" + q.Get("component") + "/binary-amd64/Packages"
		c.s.files[key] = append(c.s.files[key], "Package: "+name+"\nVersion: "+version+"\nFilename: "+pool+"\nSHA256: "+
			sumSHA256(c.body)+"\n\n"...)
		c.s.files["debian/dists/"+distribution+"/Release"] = []byte("Codename: " + distribution + "\n")
	}
	return created(object{"message": "201 Created"})
}

func fetchDebian(c *packageCall) answer { return c.file("debian/"+c.rest, "application/octet-stream") }

// pushRPM stores a package under an id.
func pushRPM(c *packageCall) answer {
	content, _ := c.upload("file")
	id := c.f.world.next("package")
	c.s.files["rpm/"+idText(id)+"/package.rpm"] = content
	c.s.files["rpm/repodata/repomd.xml"] = []byte(`<?xml version="1.0"?><repomd><data type="primary">` +
		`<location href="repodata/primary.xml"/></data></repomd>`)
	c.s.files["rpm/repodata/primary.xml"] = []byte(`<metadata><package><location href="` + idText(id) +
		`/package.rpm"/></package></metadata>`)
	return created(object{"message": "201 Created"})
}

func fetchRPM(c *packageCall) answer { return c.file("rpm/"+c.rest, "application/octet-stream") }
