package load

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"patgate/routes"
	"patgate/routes/load/document"
)

// rendered reads `rendered:` of all files: the rows whose answers hold texts that the forge rendered. It runs when the rows
// are complete, so a rule for a METHOD PATH also holds for an overlay's row in its place.
type rendered struct {
	table *assembly
	rows  []row
	files map[fieldKey]string // where a row was listed, by the parameter with which it renders
}

// readRendered marks the rows of the table whose answers hold rendered texts.
func (a *assembly) readRendered(rows []row) {
	read := &rendered{table: a, rows: rows, files: map[fieldKey]string{}}
	for _, d := range a.documents {
		if d.Root == nil {
			continue
		}
		n := document.Value(d.Root, "rendered")
		if n == nil {
			continue
		}
		s := &section{Document: d, table: a}
		s.Fields(n, "rendered",
			document.On("always", func(v *yaml.Node) { read.list(s, v, "") }),
			document.On("with", func(v *yaml.Node) {
				s.Each(v, "with", func(key, value *yaml.Node) {
					if param, ok := s.Line(key, "a parameter"); ok {
						read.list(s, value, param)
					}
				})
			}))
	}
}

// list reads a list of rows that render always, or with a parameter.
func (m *rendered) list(s *section, n *yaml.Node, param string) {
	for _, item := range s.Items(n, "the rows") {
		if text, ok := s.Text(item, "a row"); ok {
			m.mark(s, item, strings.Join(splitWords(text), " "), param)
		}
	}
}

// mark marks one row. An overlay may say again what the table says.
func (m *rendered) mark(s *section, n *yaml.Node, key, param string) {
	i, found := m.table.index[key]
	if !found {
		s.Problem(n, m.table.nearRow(key), "there is no row %s whose answer could hold rendered texts", key)
		return
	}
	r, k := m.rows[i].Route, fieldKey{i, param}
	first, twice := m.files[k]
	switch {
	case twice && (first == s.File || !s.Overlay):
		s.Problem(n, "remove one of them", "row %s appears twice under rendered", key)
	case r.Kind != routes.KindPermission:
		s.Problem(n, "remove it", "row %s is of kind %s: it is not sent with the owner's credential", key, r.Kind)
	case param != "" && r.Method != "GET":
		s.Problem(n, "list it under `always`", "row %s is not a GET: whether a parameter was sent is seen only in a query", key)
	case r.Response.ShowsRendered != "" && !m.overlaid(r):
		s.Problem(n, "remove one of them", "row %s says itself that it shows rendered texts", key)
	case r.Response.ShowsRendered != "" || twice: // an overlay's row says so, and has said unsafe
	case param == "":
		r.Response.Rendered = true
	default:
		r.Response.RenderedFor, r.Asked = append(r.Response.RenderedFor, param), true
	}
	m.files[k] = s.File
}

// overlaid tells whether a row comes from an overlay.
func (m *rendered) overlaid(r *routes.Route) bool {
	return slices.ContainsFunc(m.table.documents, func(d *document.Document) bool { return d.Overlay && d.File == r.Source.File })
}
