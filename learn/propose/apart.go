package propose

import (
	"slices"

	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
)

// suspects gives why a unit is set apart; nothing when it is not.
func (q *Ask) suspects(o *learn.Observation) (why []string) {
	if q.AcceptSuspect {
		return nil
	}
	if !q.Suspect.IsZero() && !o.First.Before(q.Suspect) {
		why = append(why, "first seen shortly before the credential was reported as leaked, or later")
	}
	if o.Suspect {
		why = append(why, "seen from a new network only")
	}
	return why
}

// may tells whether a grant still allows an event. The container of a collapsed event is not known, so for such an event the
// grant must only hold its permissions, in any place.
func (r *Replay) may(e *event, g *policy.Grant) bool {
	if !e.Unit.Collapsed {
		return e.allows(g)
	}
	var held routes.PermissionSet
	for i := range g.Scopes {
		held.Union(&g.Scopes[i].Permissions)
	}
	return !slices.ContainsFunc(e.Unit.Needs, func(name string) bool {
		p, known := r.table.Catalogue().Find(name)
		return !known || !held.Has(p)
	})
}
