package console

import (
	"strings"

	"patgate/admin/console/draft"
	"patgate/admin/console/rows"
	"patgate/admin/console/words"
	"patgate/routes"
	"patgate/store"
)

// relabel writes the paths behind the ids of a form anew: what came with an id may be another place's path.
func (q *request) relabel(d *draft.Draft) {
	var wanted []store.Place
	for i := range d.Scopes {
		for kind, text := range d.Scopes[i].Places() {
			ids, _ := draft.Placed(*text)
			for _, id := range ids {
				wanted = append(wanted, store.Place{Kind: kind, ID: id})
			}
		}
	}
	if len(wanted) == 0 {
		return
	}
	found := q.paths(wanted).ForForm()
	for i := range d.Scopes {
		for kind, text := range d.Scopes[i].Places() {
			if ids, _ := draft.Placed(*text); len(ids) > 0 {
				*text = strings.Join(words.Each(words.Listed(*text), func(line string) string {
					if id, _, ok := draft.PlaceOf(line); ok {
						return rows.Line(store.Place{Kind: kind, ID: id}, found)
					}
					return line
				}), "\n")
			}
		}
	}
}

// nameLink puts the paths behind the ids of a link, because a number alone says nothing to its reader.
func (q *request) nameLink(d *draft.Draft) {
	for kind, text := range d.Scopes[0].Places() {
		place := func(line string) (p store.Place, ok bool) {
			ref, ok := routes.ParseReference(kind, []byte(line))
			return store.Place{Kind: kind, ID: ref.ID}, ok && ref.ID != 0 && draft.ByID(kind, q.o.Tokens.Table())
		}
		lines := words.Listed(*text)
		var wanted []store.Place
		for _, line := range lines {
			if p, ok := place(line); ok {
				wanted = append(wanted, p)
			}
		}
		found := q.paths(wanted).ForForm()
		*text = strings.Join(words.Each(lines, func(line string) string {
			if p, ok := place(line); ok && found.Path(p) != "" {
				return rows.Line(p, found)
			}
			return line
		}), "\n")
	}
}
