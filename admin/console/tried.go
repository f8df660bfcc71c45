package console

import (
	"patgate/admin/console/draft"
	"patgate/admin/console/findings"
	"patgate/admin/console/rows"
	"patgate/admin/tokens"
	"patgate/routes"
	"patgate/store"
)

// try finds out what the scopes of a form would have denied in the last 30 days. It is nil when the scopes have problems, which
// saving reports.
func (q *request) try(caller *tokens.Owner, t *tokens.Inspected, d *draft.Draft) *findings.Tried {
	if q.o.Learning == nil {
		return nil
	}
	scopes := d.Terms()
	s, err := q.o.Learning.Simulate(q.ctx(), caller, t.ID, 0, &scopes)
	if err != nil {
		return nil
	}
	kinds := map[string]routes.RefKind{"project": routes.RefProject, "group": routes.RefGroup}
	var places []store.Place
	for i := range s.Denied[:min(len(s.Denied), findings.Shown)] {
		if kind, is := kinds[s.Denied[i].Boundary]; is {
			places = append(places, store.Place{Kind: kind, ID: s.Denied[i].Container})
		}
	}
	found := q.paths(places)
	p := findings.Try(s, func(kind string, id int64) string {
		if _, is := kinds[kind]; !is {
			return rows.Place{Kind: kind, ID: id}.Text()
		}
		return found.Short(store.Place{Kind: kinds[kind], ID: id})
	})
	p.Seen = d.Digest()
	return p
}
