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

// Sought asks how many tokens may name a place that the text which is looked for may mean, and Named how many may name the place
// that a filter asks for: up to a limit, and a token for each of its places. No query: there is no such place.
func Sought(f *store.Filter, limit int) (query string, args []any) {
	if !f.SearchPlaces || !Searchable(f.Search) {
		return "", nil
	}
	return counted(searched(f.Search), f.OwnerID, true, limit)
}

// Named is as Sought.
func Named(f *store.Filter, limit int) (query string, args []any) {
	if !Searchable(f.Naming.Path) {
		return "", nil
	}
	return counted(f.Naming, f.OwnerID, false, limit)
}

func counted(n store.Naming, ownerID int64, inside bool, limit int) (query string, args []any) {
	queries, args := naming(n, ownerID, inside, false)
	if len(queries) == 0 {
		return "", nil
	}
	query = "SELECT count(*) FROM (SELECT 1 FROM (" + strings.Join(queries, " UNION ALL ") + ") AS found LIMIT ?) AS counted"
	return query, append(args, limit)
}

// naming gives the queries for the ids of the tokens that name a place, with their arguments: by its id, by its path and by that
// of a group above it, and where inside is set by any part of these. Paths are those that the owner of a token saw, and where
// exact is not set those that any owner did.
func naming(n store.Naming, ownerID int64, inside, exact bool) (queries []string, args []any) {
	if n.ID != 0 {
		query := "SELECT p.token_id AS id FROM token_places p WHERE p.place_id = ?"
		args = append(args, n.ID)
		if n.Kind != routes.RefNone {
			query, args = query+" AND p.kind = ?", append(args, KindName(n.Kind))
		}
		if ownerID != 0 {
			query, args = query+" AND p.owner_id = ?", append(args, ownerID)
		}
		queries = append(queries, query)
	}
	if n.Path == "" {
		return queries, args
	}
	const saw = " AND p.kind = n.kind AND p.owner_id = n.owner_id"
	if ownerID != 0 {
		called, more := calledSo("lower(n.path)", n, inside)
		called, more = ofKind("lower(n.path)", n, called, more)
		queries = append(queries, "SELECT p.token_id AS id FROM paths n CROSS JOIN token_places p "+
			"WHERE n.owner_id = ? AND "+called+" AND p.place_id = n.place_id"+saw)
		return queries, append(append(args, ownerID), more...)
	}
	called, more := calledSo("k.path", n, inside)
	called, more = ofKind("k.path", n, called, more)
	query := "SELECT +p.token_id AS id FROM known_paths k CROSS JOIN token_places p" // +: SQLite makes no index for it
	if exact {
		query += " CROSS JOIN paths n"
	}
	query += " WHERE " + called + " AND p.place_id = k.place_id AND p.kind = k.kind"
	if exact {
		query += " AND n.place_id = p.place_id" + saw + " AND lower(n.path) = k.path"
	}
	return append(queries, query), append(args, more...)
}

// calledSo is the condition that a path, in small letters, is that of a place or lies below it, or that it has the text anywhere.
func calledSo(column string, n store.Naming, inside bool) (text string, args []any) {
	if inside {
		return column + ` LIKE ? ESCAPE '\'`, []any{Containing(n.Path)}
	}
	path := lower(n.Path)
	below := path + "/"
	return column + " >= ? AND " + column + " < ? AND (" + column + " = ? OR substr(" + column + ", 1, ?) = ?)",
		[]any{path, path + "0", path, utf8.RuneCountInString(below), below} // 0 comes after /
}

// ofKind adds to that, for a row p of token_places, that the place is of the kind that is asked for: what is below a group is
// groups and projects.
func ofKind(column string, n store.Naming, text string, args []any) (string, []any) {
	switch n.Kind {
	case routes.RefGroup:
		return text + " AND (p.kind = 'group' OR " + column + " <> ?)", append(args, lower(n.Path))
	case routes.RefProject:
		return text + " AND p.kind = 'project'", args
	}
	return text, args
}

// names is the condition that a token names such a place, looked up token by token: where so many do that to list them costs
// more.
func (q *Question) names(n store.Naming, inside bool) (text string, args []any) {
	each := func(tables, condition string) {
		if text += " OR EXISTS (SELECT 1 FROM token_places p" + tables + " WHERE p.token_id = t.id AND " + condition; q.d.Loose {
			text += " OFFSET 0)" // or PostgreSQL lists them all the same
		} else {
			text += " LIMIT 1 OFFSET 0)" // or SQLite makes a join of it
		}
	}
	if n.ID != 0 {
		condition := "p.place_id = ?"
		args = append(args, n.ID)
		if n.Kind != routes.RefNone {
			condition, args = condition+" AND p.kind = ?", append(args, KindName(n.Kind))
		}
		each("", condition)
	}
	if n.Path != "" {
		known, of := calledSo("k.path", n, inside)
		called, more := calledSo("lower(n.path)", n, inside)
		called, more = ofKind("lower(n.path)", n, called, more)
		args = append(append(args, of...), more...)
		each(" CROSS JOIN paths n", "((p.kind, p.place_id) IN (SELECT k.kind, k.place_id FROM known_paths k WHERE "+known+
			")) IS TRUE AND n.owner_id = p.owner_id AND n.kind = p.kind AND n.place_id = p.place_id AND "+called)
	}
	return strings.TrimPrefix(text, " OR "), args
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
