package console

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"patgate/admin/tokens"
	"patgate/routes"
)

// An existing place stands in a form by its id with its path behind it ("501 shop/api"). The id is what is granted. The path
// is for people: the service tells it, and a page never repeats one that came with an id.

// placeLine writes a place by its id.
func placeLine(id int64, path string) string {
	if path == "" {
		path = fmt.Sprintf("id %d", id)
	}
	return strconv.FormatInt(id, 10) + " " + path
}

// placeOf reads a line of an id with a path behind it. Any other line is a path or an id as it was typed.
func placeOf(line string) (id int64, path string, ok bool) {
	head, path, ok := strings.Cut(line, " ")
	if !ok || strings.Trim(head, "0123456789") != "" {
		return 0, "", false
	}
	id, err := strconv.ParseInt(head, 10, 64)
	return id, path, err == nil && id > 0
}

// placePath gives what a line is called.
func placePath(line string) string {
	if _, path, ok := placeOf(line); ok {
		return path
	}
	return line
}

// placed gives the ids of the lines that have one, and the other lines.
func placed(text string) (ids []int64, typed []string) {
	for _, line := range listed(text) {
		id, _, ok := placeOf(line)
		switch {
		case !ok:
			typed = append(typed, line)
		case !slices.Contains(ids, id):
			ids = append(ids, id)
		}
	}
	return ids, typed
}

// lines writes places by their ids.
func (n names) lines(kind routes.RefKind, ids []int64) string {
	lines := make([]string, len(ids))
	for i, id := range ids {
		lines[i] = placeLine(id, n[tokens.Place{Kind: kind, ID: id}])
	}
	return strings.Join(lines, "\n")
}

// linked reads the places that a link names. A link was made by anybody: it names a place by its id or by its path, and never
// says how an id is called.
func (d *draft) linked(kind routes.RefKind, values []string) string {
	lines := listed(strings.Join(values, "\n"))
	lines = slices.DeleteFunc(lines, func(line string) bool {
		_, reference := routes.ParseReference(kind, []byte(line))
		_, name := routes.ParseName(kind, []byte(line))
		if reference || name {
			return false
		}
		d.General = append(d.General,
			fmt.Sprintf("The link names the %s “%s”, which is neither an id nor a full path. It is left out.", kind, short(line)))
		return true
	})
	return strings.Join(lines, "\n")
}

// places gives the texts of a scope that name places.
func (s *draftScope) places() map[routes.RefKind]*string {
	return map[routes.RefKind]*string{routes.RefProject: &s.Projects, routes.RefGroup: &s.Groups}
}

// relabel writes the paths behind the ids of a form anew: what came with an id may be another place's path.
func (q *request) relabel(d *draft) {
	var wanted []tokens.Place
	for i := range d.Scopes {
		for kind, text := range d.Scopes[i].places() {
			ids, _ := placed(*text)
			for _, id := range ids {
				wanted = append(wanted, tokens.Place{Kind: kind, ID: id})
			}
		}
	}
	if len(wanted) == 0 {
		return
	}
	found := q.paths(wanted)
	for i := range d.Scopes {
		for kind, text := range d.Scopes[i].places() {
			if ids, _ := placed(*text); len(ids) > 0 {
				*text = strings.Join(each(listed(*text), func(line string) string {
					if id, _, ok := placeOf(line); ok {
						return placeLine(id, found[tokens.Place{Kind: kind, ID: id}])
					}
					return line
				}), "\n")
			}
		}
	}
}

// byID tells whether a number that is typed is an id. On a forge that names groups by names alone it is such a name.
func (q *request) byID(kind routes.RefKind) bool {
	return kind == routes.RefProject || !q.o.Tokens.Table().Named()
}

// outside gives the places of a text as links, the API and the command line name them.
func (q *request) outside(kind routes.RefKind, text string) []string {
	return each(listed(text), func(line string) string {
		id, path, ok := placeOf(line)
		switch {
		case !ok:
			return line
		case q.byID(kind):
			return strconv.FormatInt(id, 10)
		}
		return path
	})
}

// nameLink puts the paths behind the ids of a link: a number says nothing to whoever is to read what it asks for.
func (q *request) nameLink(d *draft) {
	for kind, text := range d.Scopes[0].places() {
		place := func(line string) (p tokens.Place, ok bool) {
			ref, ok := routes.ParseReference(kind, []byte(line))
			return tokens.Place{Kind: kind, ID: ref.ID}, ok && ref.ID != 0 && q.byID(kind)
		}
		lines := listed(*text)
		var wanted []tokens.Place
		for _, line := range lines {
			if p, ok := place(line); ok {
				wanted = append(wanted, p)
			}
		}
		found := q.paths(wanted)
		*text = strings.Join(each(lines, func(line string) string {
			if p, ok := place(line); ok && found[p] != "" {
				return placeLine(p.ID, found[p])
			}
			return line
		}), "\n")
	}
}
