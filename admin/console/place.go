package console

import (
	"strings"

	"patgate/admin/console/draft"
	"patgate/admin/console/rows"
	"patgate/admin/console/words"
	"patgate/admin/tokens"
	"patgate/routes"
)

// relabel writes the paths behind the ids of a form anew: what came with an id may be another place's path.
func (q *request) relabel(d *draft.Draft) {
	var wanted []tokens.Place
	for i := range d.Scopes {
		for kind, text := range d.Scopes[i].Places() {
			ids, _ := draft.Placed(*text)
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
		for kind, text := range d.Scopes[i].Places() {
			if ids, _ := draft.Placed(*text); len(ids) > 0 {
				*text = strings.Join(words.Each(words.Listed(*text), func(line string) string {
					if id, _, ok := draft.PlaceOf(line); ok {
						return rows.PlaceLine(id, found[tokens.Place{Kind: kind, ID: id}])
					}
					return line
				}), "\n")
			}
		}
	}
}

// nameLink puts the paths behind the ids of a link: a number says nothing to whoever is to read what it asks for.
func (q *request) nameLink(d *draft.Draft) {
	for kind, text := range d.Scopes[0].Places() {
		place := func(line string) (p tokens.Place, ok bool) {
			ref, ok := routes.ParseReference(kind, []byte(line))
			return tokens.Place{Kind: kind, ID: ref.ID}, ok && ref.ID != 0 && draft.ByID(kind, q.o.Tokens.Table())
		}
		lines := words.Listed(*text)
		var wanted []tokens.Place
		for _, line := range lines {
			if p, ok := place(line); ok {
				wanted = append(wanted, p)
			}
		}
		found := q.paths(wanted)
		*text = strings.Join(words.Each(lines, func(line string) string {
			if p, ok := place(line); ok && found[p] != "" {
				return rows.PlaceLine(p.ID, found[p])
			}
			return line
		}), "\n")
	}
}
