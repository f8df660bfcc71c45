package filter

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"patgate/routes"
	"patgate/store"
)

// KindName is how the kind of a place is stored.
func KindName(k routes.RefKind) string {
	if k == routes.RefGroup {
		return "group"
	}
	return "project"
}

// longestSearch is the longest text that is looked for, in bytes, and longestText the longest in names and descriptions, which
// have at most 255 characters. Nothing that is stored would be found by a longer one.
const (
	longestSearch = 4096
	longestText   = 1024
)

// KindOf reads the kind of a place.
func KindOf(name string) routes.RefKind {
	if name == "group" {
		return routes.RefGroup
	}
	return routes.RefProject
}

// Searchable tells whether any stored text could hold one that is looked for. PostgreSQL takes no other.
func Searchable(text string) bool {
	return len(text) <= longestSearch && utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}

// searched reads a text that is looked for as the name of a place: its id, with or without its kind, or its path. One that can be
// neither gives the zero value.
func searched(text string) store.Naming {
	text = strings.TrimSpace(text)
	n := store.Naming{}
	number := text
	for _, kind := range []routes.RefKind{routes.RefProject, routes.RefGroup} {
		if rest, is := strings.CutPrefix(text, KindName(kind)+" "); is {
			n.Kind, number = kind, rest
		}
	}
	id, err := strconv.ParseInt(number, 10, 64)
	switch {
	case err == nil && id > 0:
		n.ID = id
	case n.Kind != routes.RefNone:
		return store.Naming{}
	}
	if n.Kind == routes.RefNone {
		n.Path = strings.Trim(text, "/")
	}
	return n
}

// Sought asks whether any token names a place that the text which is looked for may mean. No query: it means none.
func Sought(f *store.Filter) (query string, args []any) {
	n := searched(f.Search)
	if !f.SearchPlaces || n.Empty() || !Searchable(f.Search) {
		return "", nil
	}
	queries, args := naming(n, f.OwnerID, true)
	return "SELECT EXISTS (" + strings.Join(queries, ") OR EXISTS (") + ")", args
}

// naming gives the queries for the ids of the tokens that name a place, with their arguments. It is looked up in indexes. What is
// inside of a path, between slashes, is looked for in all paths: of the owner, or of everybody.
func naming(n store.Naming, ownerID int64, inside bool) (queries []string, args []any) {
	add := func(query, alias string, values ...any) {
		args = append(args, values...)
		switch {
		case n.Kind == routes.RefGroup && alias == "n": // what is below a group is groups and projects
			query += " AND (p.kind = 'group' OR lower(n.path) <> ?)"
			args = append(args, lower(n.Path))
		case n.Kind != routes.RefNone:
			query += " AND p.kind = ?"
			args = append(args, KindName(n.Kind))
		}
		if ownerID != 0 {
			query += " AND " + alias + ".owner_id = ?"
			args = append(args, ownerID)
		}
		queries = append(queries, query)
	}
	if n.ID != 0 {
		add("SELECT p.token_id AS id FROM token_places p WHERE p.place_id = ?", "p", n.ID)
	}
	if path := lower(n.Path); path != "" {
		below := path + "/"
		add(`SELECT p.token_id AS id FROM paths n
			JOIN token_places p ON p.place_id = n.place_id AND p.kind = n.kind AND p.owner_id = n.owner_id
			WHERE lower(n.path) >= ? AND lower(n.path) < ? AND (lower(n.path) = ? OR substr(lower(n.path), 1, ?) = ?)`,
			"n", path, path+"0", path, utf8.RuneCountInString(below), below) // 0 comes after /
		if inside {
			part := Containing("/" + path + "/")
			add(`SELECT p.token_id AS id FROM paths n CROSS JOIN token_places p WHERE p.place_id = n.place_id AND p.kind = n.kind
				AND p.owner_id = n.owner_id AND lower(n.path) || '/' LIKE ? ESCAPE '\'`, "n", part)
		}
	}
	return queries, args
}

// lower is what the databases make of text: small letters in ASCII, all else as it is.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
