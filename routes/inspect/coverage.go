package inspect

import (
	"regexp"
	"slices"
	"strings"

	"patgate/routes"
	"patgate/routes/pattern"
)

// Coverage compares a table with an OpenAPI document.
type Coverage struct {
	Mapped   []CoveredOperation `json:"mapped"`   // operations that a row stands for
	Unmapped []CoveredOperation `json:"unmapped"` // operations without a row: patgate refuses them
	Stale    []CoveredOperation `json:"stale"`    // rows that no operation stands for: perhaps gone, perhaps not documented
}

// CoveredOperation is an operation of the document, a row, or both.
type CoveredOperation struct {
	Method string `json:"method"`
	Path   string `json:"path"`            // as in the document; of the row, when stale
	Line   int    `json:"line,omitempty"`  // in the document
	Route  string `json:"route,omitempty"` // the row's path pattern
	Source string `json:"source,omitempty"`
}

// Cover reads an OpenAPI document (version 2 or 3, JSON or YAML) and compares paths by their shape: literals must be
// equal, a parameter stands for a capture or a splat. HEAD counts as GET; OPTIONS and TRACE are left out.
func Cover(t *routes.Table, spec routes.File) (Coverage, []routes.Problem) {
	operations, problems := readOpenAPI(spec)
	if len(problems) > 0 {
		return Coverage{}, problems
	}
	rows := map[string]*routes.Route{}
	for _, r := range t.Routes() {
		if r.Surface != "" {
			continue // OpenAPI describes the REST API
		}
		for _, shape := range r.Pattern.Spellings() {
			if _, taken := rows[r.Method+shape]; !taken {
				rows[r.Method+shape] = r
			}
		}
	}
	c := Coverage{Mapped: []CoveredOperation{}, Unmapped: []CoveredOperation{}, Stale: []CoveredOperation{}}
	seen := map[*routes.Route]bool{}
	for _, op := range operations {
		covered := CoveredOperation{Method: op.method, Path: op.path, Line: op.line}
		found := false
		for _, shape := range op.shapes(t.Base()) {
			if r := rows[shape]; r != nil {
				found, seen[r] = true, true
				covered.Route, covered.Source = r.Path, r.Source.String()
			}
		}
		if found {
			c.Mapped = append(c.Mapped, covered)
		} else {
			c.Unmapped = append(c.Unmapped, covered)
		}
	}
	for _, r := range t.Routes() {
		if !seen[r] && r.Surface == "" {
			c.Stale = append(c.Stale, CoveredOperation{Method: r.Method, Path: r.Path, Route: r.Path, Source: r.Source.String()})
		}
	}
	return c, nil
}

// shapes gives the shapes that an operation may have in the table: with and without optional parts, as the document has
// them in parentheses.
func (o apiOperation) shapes(base string) []string {
	method := o.method
	if method == "HEAD" {
		method = "GET"
	}
	path := o.full
	if !strings.HasPrefix(path, "/api/") {
		path = base + path
	}
	path = strings.TrimSuffix(path, "/")
	spellings := []string{path}
	if expanded, err := pattern.ExpandOptional(path); err == nil {
		spellings = append(spellings, expanded...)
	}
	var out []string
	for _, s := range spellings {
		shape := method + blankParameters(s)
		if !slices.Contains(out, shape) {
			out = append(out, shape)
		}
	}
	return out
}

// apiParameter is a parameter of an OpenAPI path, and a splat as documents made from Grape write it.
var apiParameter = regexp.MustCompile(`\{[^{}/]*\}|\*[a-z_][a-z0-9_]*`)

// blankParameters replaces {name} and *name by {}.
func blankParameters(path string) string {
	return pattern.Unescape(apiParameter.ReplaceAllLiteralString(path, "{}"))
}
