package load

import (
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"patgate/routes"
)

// addressName is a key of Response.Addresses.
var addressName = regexp.MustCompile(`^([a-zA-Z0-9_]*\.)?[a-zA-Z0-9_]+$|^[a-zA-Z0-9_]+\.\*$`)

// maxAddresses bounds Response.Addresses.
const maxAddresses = 64

// readAddresses reads `addresses:` of all files: lists of rows, each with the keys whose values are addresses that programs
// follow. Like rendered: it runs when the rows are complete, and holds for an overlay's row too.
func (a *assembly) readAddresses(rows []row) {
	for _, d := range a.documents {
		if d.root == nil {
			continue
		}
		n := valueOf(d.root, "addresses")
		if n == nil {
			continue
		}
		s := &section{document: d, table: a}
		for _, item := range s.list(n, "addresses") {
			var fields, of []*yaml.Node
			s.fields(item, "addresses",
				field{"fields", func(v *yaml.Node) { fields = s.items(v, "the keys") }},
				field{"rows", func(v *yaml.Node) { of = s.items(v, "the rows") }})
			s.markAddresses(rows, fields, of)
		}
	}
}

// markAddresses gives keys to rows.
func (s *section) markAddresses(rows []row, fields, of []*yaml.Node) {
	var names []string
	for _, n := range fields {
		name, ok := s.text(n, "a key")
		if ok && !addressName.MatchString(name) {
			s.problem(n, "write name, parent.name, .name or parent.*", "addresses: %q is not a key", name)
			continue
		}
		names = append(names, name)
	}
	for _, n := range of {
		text, ok := s.text(n, "a row")
		if !ok {
			continue
		}
		key := strings.Join(splitWords(text), " ")
		i, found := s.table.index[key]
		if !found {
			s.problem(n, s.table.nearRow(key), "there is no row %s whose answer could hold addresses", key)
			continue
		}
		r := rows[i].Route
		if r.Kind == routes.KindOtherCredential {
			s.problem(n, "remove it", "row %s is of kind %s: it takes no patgate token", key, r.Kind)
			continue
		}
		for _, name := range names {
			switch known := slices.Contains(r.Response.Addresses, name); {
			case !known && len(r.Response.Addresses) == maxAddresses:
				s.problem(n, "leave some out", "row %s has more than %d keys under addresses", key, maxAddresses)
				return
			case !known:
				r.Response.Addresses = append(r.Response.Addresses, name)
			case !s.overlay: // which may say again what the table says
				s.problem(n, "remove one of them", "row %s has %s twice under addresses", key, name)
			}
		}
	}
}
