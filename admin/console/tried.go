package console

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"patgate/admin/console/findings"
	"patgate/admin/tokens"
	"patgate/routes"
)

// try finds out what the scopes of a form would have denied in the last 30 days; nil where that cannot be said, because
// something is wrong with them, which saving tells.
func (q *request) try(t *tokens.Inspected, d *draft) *findings.Tried {
	if q.o.Learning == nil {
		return nil
	}
	scopes := d.scopes()
	s, err := q.o.Learning.Simulate(q.ctx(), q.caller, t.ID, 0, &scopes)
	if err != nil {
		return nil
	}
	kinds := map[string]routes.RefKind{"project": routes.RefProject, "group": routes.RefGroup}
	var places []tokens.Place
	for i := range s.Denied[:min(len(s.Denied), findings.Shown)] {
		if kind, is := kinds[s.Denied[i].Boundary]; is {
			places = append(places, tokens.Place{Kind: kind, ID: s.Denied[i].Container})
		}
	}
	found := q.paths(places)
	p := findings.Try(s, func(kind string, id int64) string {
		return placeRow{kind, id, found[tokens.Place{Kind: kinds[kind], ID: id}]}.Text()
	})
	p.Seen = digestOf(d)
	return p
}

// digestOf stands for the scopes of a form.
func digestOf(d *draft) string {
	text, err := json.Marshal(d.scopes())
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}
