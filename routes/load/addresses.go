package load

import (
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"patgate/routes"
	"patgate/routes/load/document"
)

// addressName is a key of Response.Addresses.
var addressName = regexp.MustCompile(`^([a-zA-Z0-9_]*\.)?[a-zA-Z0-9_]+$|^[a-zA-Z0-9_]+\.\*$`)

// maxAddresses bounds Response.Addresses.
const maxAddresses = 64

// readAddresses reads `addresses:` of all files: lists of rows, each with the keys whose values are addresses that programs
// follow, or the folder of attachments. It runs when the rows are complete, as rendered does, for an overlay's rows too.
func (a *assembly) readAddresses(rows []row) {
	for _, d := range a.documents {
		if d.Root == nil {
			continue
		}
		n := document.Value(d.Root, "addresses")
		if n == nil {
			continue
		}
		s := &section{Document: d, table: a}
		for _, item := range s.List(n, "addresses") {
			var fields, of []*yaml.Node
			attachments := ""
			s.Fields(item, "addresses",
				document.On("attachments", func(v *yaml.Node) { attachments = s.attachments(v) }),
				document.On("fields", func(v *yaml.Node) { fields = s.Items(v, "the keys") }),
				document.On("rows", func(v *yaml.Node) { of = s.Items(v, "the rows") }))
			s.markAddresses(rows, attachments, fields, of)
		}
	}
}

// attachments reads a folder.
func (s *section) attachments(n *yaml.Node) string {
	text, ok := s.Text(n, "a folder")
	if ok && !slices.Contains(routes.AttachmentFolders(), text) {
		s.Problem(n, "write "+strings.Join(routes.AttachmentFolders(), " or "),
			"addresses: there is no folder %q of attachments", text)
		return ""
	}
	return text
}

// mayAttach tells whether what a row shows lies in the project that its path names.
func (s *section) mayAttach(n *yaml.Node, key string, r *routes.Route) bool {
	ok := !r.Spans && r.Find.From == routes.FindInPath && r.Find.Ref == routes.RefProject
	if !ok {
		s.Problem(n, "remove it", "row %s has attachments, and its path names no project that all of its answer lies in", key)
	}
	return ok
}

// markAddresses gives keys, and the folder of their attachments, to rows.
func (s *section) markAddresses(rows []row, attachments string, fields, of []*yaml.Node) {
	var names []string
	for _, n := range fields {
		name, ok := s.Text(n, "a key")
		if ok && !addressName.MatchString(name) {
			s.Problem(n, "write name, parent.name, .name or parent.*", "addresses: %q is not a key", name)
			continue
		}
		names = append(names, name)
	}
	for _, n := range of {
		text, ok := s.Text(n, "a row")
		if !ok {
			continue
		}
		key := strings.Join(splitWords(text), " ")
		i, found := s.table.index[key]
		if !found {
			s.Problem(n, s.table.nearRow(key), "there is no row %s whose answer could hold addresses", key)
			continue
		}
		r := rows[i].Route
		if r.Kind == routes.KindOtherCredential {
			s.Problem(n, "remove it", "row %s is of kind %s: it takes no patgate token", key, r.Kind)
			continue
		}
		if attachments != "" && s.mayAttach(n, key, r) {
			r.Response.Attachments = attachments
		}
		for _, name := range names {
			switch known := slices.Contains(r.Response.Addresses, name); {
			case !known && len(r.Response.Addresses) == maxAddresses:
				s.Problem(n, "leave some out", "row %s has more than %d keys under addresses", key, maxAddresses)
				return
			case !known:
				r.Response.Addresses = append(r.Response.Addresses, name)
			case !s.Overlay: // which may say again what the table says
				s.Problem(n, "remove one of them", "row %s has %s twice under addresses", key, name)
			}
		}
	}
}
