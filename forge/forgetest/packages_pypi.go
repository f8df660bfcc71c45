package forgetest

import (
	"encoding/json"
	"html"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

type pypiFile struct{ name, version, sum, requires string }

var pypiSeparators = regexp.MustCompile(`[-_.]+`)

// normalized is a project's name as PEP 503 compares it.
func normalized(name string) string {
	return strings.ToLower(pypiSeparators.ReplaceAllString(name, "-"))
}

// uploadPypi takes twine's form.
func uploadPypi(c *packageCall) answer {
	content, fields := c.upload("content")
	name, sum := normalized(fields["name"]), sumSHA256(content)
	if name == "" || fields["version"] == "" {
		badRequest("name is missing")
	}
	if want := fields["sha256_digest"]; want != "" && want != sum {
		badRequest("sha256_digest is not that of the file")
	}
	for _, file := range c.s.pypi[name] {
		if file.name == fields["filename"] {
			return answerError(http.StatusBadRequest, "400 Bad request - Validation failed: File name has already been taken")
		}
	}
	c.s.pypi[name] = append(c.s.pypi[name], pypiFile{fields["filename"], fields["version"], sum, fields["requires_python"]})
	c.s.files["pypi/"+sum+"/"+fields["filename"]] = content
	return created(object{"message": "201 Created"})
}

// fetchPypi answers with a file or an index page, as HTML or, when it is asked for, as JSON (PEP 691).
func fetchPypi(c *packageCall) answer {
	if file, ok := strings.CutPrefix(c.rest, "files/"); ok {
		return c.file("pypi/"+file, "application/octet-stream")
	}
	name := strings.TrimPrefix(strings.TrimPrefix(c.rest, "simple"), "/")
	asJSON := strings.Contains(c.r.Header.Get("Accept"), "application/vnd.pypi.simple.v1+json")
	var links, files []string
	var listed []object
	if name == "" {
		for _, project := range slices.Sorted(maps.Keys(c.s.pypi)) {
			links = append(links, `<a href="`+c.url("pypi/simple/"+project)+`" data-requires-python="">`+project+`</a>`)
		}
		return text("text/html; charset=utf-8", page("index", links))
	}
	all := c.s.pypi[normalized(name)]
	if all == nil {
		notFound("Package")
	}
	for _, f := range all {
		address := c.url("pypi/files/" + f.sum + "/" + f.name)
		files = append(files, f.version)
		links = append(links, `<a href="`+address+`#sha256=`+f.sum+`" data-requires-python="`+html.EscapeString(f.requires)+`">`+
			f.name+`</a>`)
		listed = append(listed, object{
			"filename":        f.name,
			"url":             address,
			"hashes":          object{"sha256": f.sum},
			"requires-python": f.requires,
		})
	}
	if asJSON {
		body, _ := json.Marshal(object{
			"meta":     object{"api-version": "1.1"},
			"name":     normalized(name),
			"versions": files,
			"files":    listed,
		})
		return text("application/vnd.pypi.simple.v1+json; charset=utf-8", string(body)).with("Vary", "Accept")
	}
	return text("text/html; charset=utf-8", page(name, links)).with("Vary", "Accept")
}

func page(title string, links []string) string {
	title = html.EscapeString(title)
	return "<!DOCTYPE html>\n<html>\n  <head>\n    <title>Links for " + title + "</title>\n  </head>\n" +
		"  <body>\n    <h1>Links for " + title + "</h1>\n    " + strings.Join(links, "") + "\n  </body>\n</html>\n"
}
