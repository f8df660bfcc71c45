package inspect

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"patgate/routes"
)

// openAPI is what coverage needs of an OpenAPI document, version 2 or 3. The rest is not looked at.
type openAPI struct {
	Swagger  string `yaml:"swagger" json:"swagger"`
	OpenAPI  string `yaml:"openapi" json:"openapi"`
	BasePath string `yaml:"basePath" json:"basePath"`
	Servers  []struct {
		URL       string `yaml:"url" json:"url"`
		Variables map[string]struct {
			Default string `yaml:"default" json:"default"`
		} `yaml:"variables" json:"variables"`
	} `yaml:"servers" json:"servers"`
	Paths map[string]pathItem `yaml:"paths" json:"paths"`
}

// pathItem holds the methods of one path with their lines; 0 in JSON, which is read without lines.
type pathItem map[string]int

// UnmarshalYAML takes the keys of a mapping; anything else, such as an extension's value, has no methods.
func (p *pathItem) UnmarshalYAML(n *yaml.Node) error {
	*p = pathItem{}
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		(*p)[n.Content[i].Value] = n.Content[i].Line
	}
	return nil
}

// UnmarshalJSON is UnmarshalYAML for JSON.
func (p *pathItem) UnmarshalJSON(data []byte) error {
	*p = pathItem{}
	var keys map[string]json.RawMessage
	if json.Unmarshal(data, &keys) == nil {
		for key := range keys {
			(*p)[key] = 0
		}
	}
	return nil
}

// apiOperation is one operation of an OpenAPI document.
type apiOperation struct {
	method, path string // the path as it stands in the document
	full         string // with the document's base path in front
	line         int    // 0 when it is not known
}

// apiMethods are the methods of OpenAPI that the table can have rows for.
var apiMethods = [...]string{"get", "post", "put", "patch", "delete", "head"}

// readOpenAPI reads the operations of a document, JSON or YAML, in the order of their lines or else of their paths.
func readOpenAPI(f routes.File) ([]apiOperation, []routes.Problem) {
	fail := func(message, fix string) ([]apiOperation, []routes.Problem) {
		return nil, []routes.Problem{{Source: routes.Source{File: f.Name, Line: 1}, Message: message, Fix: fix}}
	}
	var doc openAPI
	var err error
	if bytes.HasPrefix(bytes.TrimSpace(f.Data), []byte("{")) {
		err = json.Unmarshal(f.Data, &doc)
	} else {
		err = yaml.Unmarshal(f.Data, &doc)
	}
	if err != nil {
		return fail(strings.ReplaceAll(err.Error(), "\n", " "), "give an OpenAPI document in JSON or YAML")
	}
	base := ""
	switch {
	case strings.HasPrefix(doc.Swagger, "2."):
		base = doc.BasePath
	case strings.HasPrefix(doc.OpenAPI, "3."):
		base = doc.serverPath()
	default:
		return fail("the document does not say swagger: \"2.0\" or openapi: 3.x", "give an OpenAPI document of version 2 or 3")
	}
	base = strings.TrimSuffix(base, "/")
	var out []apiOperation
	for path, item := range doc.Paths {
		if !strings.HasPrefix(path, "/") {
			continue // an extension
		}
		for _, method := range apiMethods {
			if line, ok := item[method]; ok {
				out = append(out, apiOperation{method: strings.ToUpper(method), path: path, full: base + path, line: line})
			}
		}
	}
	if len(out) == 0 {
		return fail("the document has no operations", "give the whole document, not a part that others include")
	}
	slices.SortFunc(out, func(a, b apiOperation) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.path, b.path), cmp.Compare(a.method, b.method))
	})
	return out, nil
}

// serverPath gives the path of the first server, with its variables at their defaults.
func (doc *openAPI) serverPath() string {
	if len(doc.Servers) == 0 {
		return ""
	}
	address := doc.Servers[0].URL
	for name, variable := range doc.Servers[0].Variables {
		address = strings.ReplaceAll(address, "{"+name+"}", variable.Default)
	}
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Path
}
