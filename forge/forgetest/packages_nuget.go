package forgetest

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"io"
	"net/http"
	"slices"
	"strings"
)

type nugetVersion struct{ id, version, file string }

// pushNuget takes a .nupkg, a zip with a .nuspec in it.
func pushNuget(c *packageCall) answer {
	content, _ := c.upload("package")
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		badRequest("package is no zip")
	}
	var spec struct {
		Metadata struct {
			ID      string `xml:"id"`
			Version string `xml:"version"`
		} `xml:"metadata"`
	}
	for _, f := range archive.File {
		if strings.HasSuffix(f.Name, ".nuspec") {
			r, err := f.Open()
			if err != nil {
				badRequest("package cannot be read")
			}
			data, _ := io.ReadAll(r)
			_ = xml.Unmarshal(data, &spec)
		}
	}
	v := nugetVersion{id: spec.Metadata.ID, version: spec.Metadata.Version}
	if v.id == "" || v.version == "" {
		badRequest("package has no nuspec")
	}
	v.file = strings.ToLower(v.id + "." + v.version + ".nupkg")
	name := strings.ToLower(v.id)
	c.s.nuget[name] = append(c.s.nuget[name], v)
	c.s.files["nuget/"+name+"/"+v.version] = content
	return created(object{"message": "201 Created"})
}

func deleteNuget(c *packageCall) answer {
	name, version, _ := strings.Cut(strings.ToLower(c.rest), "/")
	before := len(c.s.nuget[name])
	c.s.nuget[name] = slices.DeleteFunc(c.s.nuget[name], func(v nugetVersion) bool { return v.version == version })
	if len(c.s.nuget[name]) == before {
		notFound("Package")
	}
	return noContent()
}

// indexNuget is the service index, which answers anybody.
func indexNuget(c *packageCall) answer {
	var resources []object
	for _, r := range [][3]string{
		{"nuget/query", "SearchQueryService", "Filter and search for packages by keyword."},
		{"nuget/metadata", "RegistrationsBaseUrl", "Get package metadata."},
		{"nuget/download", "PackageBaseAddress/3.0.0", "Get package content (.nupkg)."},
		{"nuget", "PackagePublish/2.0.0", "Push and delete (or unlist) packages."},
		{"nuget/symbolpackage", "SymbolPackagePublish/4.9.0", "Push symbol packages."},
	} {
		resources = append(resources, object{"@id": c.url(r[0]), "@type": r[1], "comment": r[2]})
	}
	return ok(object{"version": "3.0.0", "resources": resources})
}

// feedNuget is version 2 of the protocol, in XML, which answers anybody too.
func feedNuget(c *packageCall) answer {
	base := c.url("nuget/v2")
	const kind = "application/xml; charset=utf-8"
	switch {
	case c.rest == "":
		return text(kind, `<?xml version="1.0" encoding="UTF-8"?><service xmlns="http://www.w3.org/2007/app" xml:base="`+base+
			`"><workspace/></service>`)
	case c.rest == "FindPackagesById()":
		name := strings.Trim(c.params.text("id"), "'")
		if c.r.URL.Query().Get("id") != "" {
			name = strings.Trim(c.r.URL.Query().Get("id"), "'")
		}
		var entries strings.Builder
		for _, v := range c.s.nuget[strings.ToLower(name)] {
			entries.WriteString(`<entry xml:base="` + base + `"><id>` + base + `/Packages(Id='` + v.id + `',Version='` +
				v.version + `')</id>` +
				`<content type='application/zip' src="` + c.url("nuget/download/"+v.id+"/"+v.version+"/"+v.file) + `"/></entry>`)
		}
		return text(kind, `<?xml version="1.0" encoding="UTF-8"?><feed xml:base="`+base+`">`+entries.String()+`</feed>`)
	}
	notFound("")
	return answer{}
}

// fetchNuget answers with metadata, search results, or a file.
func fetchNuget(c *packageCall) answer {
	parts := strings.Split(strings.ToLower(c.rest), "/")
	switch {
	case parts[0] == "query":
		q := strings.ToLower(c.r.URL.Query().Get("q"))
		data := []object{}
		for name, versions := range c.s.nuget {
			if strings.Contains(name, q) && len(versions) > 0 {
				data = append(data, object{"@type": "Package", "id": versions[0].id, "version": versions[len(versions)-1].version,
					"versions": []object{{"@id": c.metadataOf(versions[0]), "version": versions[0].version, "downloads": 0}}})
			}
		}
		return ok(object{"totalHits": len(data), "data": data})
	case parts[0] == "metadata" && len(parts) == 3:
		version := strings.TrimSuffix(parts[2], ".json")
		var items []object
		for _, v := range c.s.nuget[parts[1]] {
			entry := object{
				"@id":            c.metadataOf(v),
				"packageContent": c.url("nuget/download/" + v.id + "/" + v.version + "/" + v.file),
				"catalogEntry": object{
					"@id":            c.metadataOf(v),
					"id":             v.id,
					"version":        v.version,
					"packageContent": c.url("nuget/download/" + v.id + "/" + v.version + "/" + v.file),
				},
			}
			if v.version == version {
				return ok(entry)
			}
			items = append(items, entry)
		}
		if version != "index" || items == nil {
			notFound("Package")
		}
		return ok(object{
			"count": 1,
			"items": []object{{
				"@id":   c.url("nuget/metadata/" + parts[1] + "/index.json"),
				"lower": "0",
				"upper": "9",
				"count": len(items),
				"items": items,
			}},
		})
	case parts[0] == "download" && len(parts) == 3:
		versions := []string{}
		for _, v := range c.s.nuget[parts[1]] {
			versions = append(versions, v.version)
		}
		return ok(object{"versions": versions})
	case parts[0] == "download" && len(parts) == 4:
		return c.file("nuget/"+parts[1]+"/"+parts[2], "application/octet-stream")
	}
	return answerError(http.StatusNotFound, "404 Not Found")
}

func (c *packageCall) metadataOf(v nugetVersion) string {
	return c.url("nuget/metadata/" + v.id + "/" + v.version + ".json")
}
