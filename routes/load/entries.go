package load

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"patgate/routes"
	"patgate/routes/load/document"
)

// entryLists reads `entries:` of all files: the rows whose answers hold entries of several containers. It runs when the rows
// are complete, so a rule for a METHOD PATH also holds for an overlay's row in its place.
type entryLists struct {
	table *assembly
	rows  []row
	pages *routes.Pages
}

// readEntries gives the rows of the table their entries.
func (a *assembly) readEntries(rows []row) {
	read := &entryLists{table: a, rows: rows}
	for _, d := range a.documents {
		if d.Root == nil {
			continue
		}
		n := document.Value(d.Root, "entries")
		if n == nil {
			continue
		}
		s := &section{Document: d, table: a}
		var lists *yaml.Node
		s.Fields(n, "entries",
			document.On("pages", func(v *yaml.Node) { read.readPages(s, v) }),
			document.On("lists", func(v *yaml.Node) { lists = v }))
		switch {
		case lists == nil:
			s.Problem(n, "add `lists:`", "entries has no lists")
		case read.pages == nil:
			s.Problem(n, "add `pages: {page: page, size: per_page, default: 20, most: 100}`",
				"nothing says how lists are cut into pages")
		default:
			for _, item := range s.List(lists, "the lists") {
				read.list(s, item)
			}
		}
	}
}

// readPages reads `pages:`. A table has one.
func (m *entryLists) readPages(s *section, n *yaml.Node) {
	p := &routes.Pages{}
	s.Fields(n, "pages",
		document.On("page", func(v *yaml.Node) { p.Page, _ = s.Text(v, "the parameter") }),
		document.On("size", func(v *yaml.Node) { p.Size, _ = s.Text(v, "the parameter") }),
		document.On("default", func(v *yaml.Node) { p.Default = s.Number(v, "the default", maxPage) }),
		document.On("most", func(v *yaml.Node) { p.Most = s.Number(v, "most", maxPage) }),
		document.On("without", func(v *yaml.Node) {
			for _, item := range s.Items(v, "without") {
				if name, ok := s.Text(item, "a parameter"); ok {
					p.Without = append(p.Without, name)
				}
			}
		}))
	if p.Page == "" || p.Size == "" || p.Default < 1 || p.Most < p.Default {
		s.Problem(n, "write {page: page, size: per_page, default: 20, most: 100}", "pages is not complete")
		return
	}
	if m.pages != nil && !m.pages.Says(p) {
		s.Problem(n, "remove it", "another file says how lists are cut into pages")
		return
	}
	m.pages = p
}

// maxPage bounds how many entries a page may have.
const maxPage = 1000

// list reads one entry of `lists:`.
func (m *entryLists) list(s *section, n *yaml.Node) {
	e := routes.Entries{Pages: m.pages}
	var rows *yaml.Node
	s.Fields(n, "a list",
		document.On("at", func(v *yaml.Node) { e.At, _ = s.Line(v, "the key of the list") }),
		document.On("total", func(v *yaml.Node) { e.Total, _ = s.Line(v, "the key of the number of entries") }),
		document.On("of", func(v *yaml.Node) { e.Of = entryNames(s, v) }),
		document.On("when", func(v *yaml.Node) {
			s.Each(v, "when", func(key, value *yaml.Node) {
				if e.Param != "" {
					s.Problem(key, "make a list for each", "when names more than one parameter")
				}
				e.Param = key.Value
				for _, item := range s.Items(value, "the values of "+key.Value) {
					if text, ok := s.Line(item, "a value"); ok && text != "" {
						e.Values = append(e.Values, text)
					}
				}
			})
		}),
		document.On("rows", func(v *yaml.Node) { rows = v }))
	if e.Total != "" && e.At == "" {
		s.Problem(n, "add `at:`", "total is a key beside the list, and the answer is the list")
		return
	}
	if rows == nil || len(e.Of) == 0 {
		s.Problem(n, "write {of: {project: id}, rows: [GET /projects]}", "a list needs of and rows")
		return
	}
	for _, item := range s.Items(rows, "the rows") {
		if text, ok := s.Text(item, "a row"); ok {
			m.give(s, item, strings.Join(splitWords(text), " "), e)
		}
	}
}

// entryNames reads `of:`, one mapping or a list of them.
func entryNames(s *section, n *yaml.Node) (names []routes.EntryName) {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	for _, item := range items {
		var one routes.EntryName
		named := 0
		name := func(ref routes.RefKind) func(*yaml.Node) {
			return func(v *yaml.Node) {
				one.Ref, named = ref, named+1
				one.ID, _ = s.Line(v, "the member with the id")
			}
		}
		s.Fields(item, "of",
			document.On("project", name(routes.RefProject)),
			document.On("group", name(routes.RefGroup)),
			document.On("user", name(routes.RefUser)),
			document.On("alone", func(v *yaml.Node) { one.Alone, _ = s.Line(v, "the member that is a null") }),
			document.On("path", func(v *yaml.Node) { one.Path, _ = s.Line(v, "the member with the path") }),
			document.On("above", func(v *yaml.Node) { one.Above, _ = s.Line(v, "the member with the group above") }))
		if named != 1 || one.ID == "" {
			s.Problem(item, "write {project: member} or {group: member}", "of must say where an entry names one project or group")
			continue
		}
		if one.Ref == routes.RefUser && one.Alone == "" {
			s.Problem(item, "write {user: author.id, alone: project_id}",
				"a user is named beside a project too: say with `alone:` which member is null when the entry belongs to the user")
			continue
		}
		names = append(names, one)
	}
	return names
}

// give gives a row its entries. Of several lists those of the table come first. The same may be said twice.
func (m *entryLists) give(s *section, n *yaml.Node, key string, e routes.Entries) {
	i, found := m.table.index[key]
	if !found {
		s.Problem(n, m.table.nearRow(key), "there is no row %s whose answer could hold entries", key)
		return
	}
	r := m.rows[i].Route
	overlaid := slices.ContainsFunc(m.table.documents,
		func(d *document.Document) bool { return d.Overlay && d.File == r.Source.File })
	switch {
	case slices.ContainsFunc(r.Entries, func(o *routes.Entries) bool { return o.Says(&e) }): // an exported file
		return
	case r.Kind != routes.KindPermission || r.Method != "GET" || r.Surface != "":
		s.Problem(n, "remove it", "row %s is not a GET of the REST API that needs a permission", key)
		return
	case !r.Spans && e.Param == "" && !overlaid:
		s.Problem(n, "add the flag spans to the row, or say with `when:` what makes its answer reach further",
			"row %s does not span: its answer holds nothing that would have to be left out", key)
		return
	case slices.ContainsFunc(r.Entries, func(o *routes.Entries) bool { return o.Param == "" || o.Param != e.Param }):
		s.Problem(n, "remove one of them", "row %s has entries already, and nothing says which of the two holds", key)
		return
	}
	r.AddEntries(e)
}
