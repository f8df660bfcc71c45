package propose

import (
	"slices"

	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
)

// Below is a question: whether a whole group should be granted for requests of which no more is known than that they were in it.
type Below struct {
	GroupID     int64    `json:"group_id"`
	Permissions []string `json:"permissions"`
	Kinds       int      `json:"kinds"`
	Requests    int64    `json:"requests"`
}

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

// may tells whether a grant still allows an event. Of a collapsed one, of which no container is known, it is asked for what that
// needs, wherever it has that.
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

// collapsed notes a unit of which the projects and groups are not known. asks: it is part of a question.
func (p *Proposal) collapsed(o *learn.Observation, since learn.Day, asks bool) {
	p.Collapsed++
	if !asks {
		return
	}
	group := int64(0)
	for i := range o.Unit.Acts {
		a := &o.Unit.Acts[i]
		switch {
		case !a.Boundary.InContainer():
		case len(a.Ancestors) == 0, group != 0 && group != a.Ancestors[0]:
			return
		default:
			group = a.Ancestors[0]
		}
	}
	if group == 0 {
		return
	}
	at := slices.IndexFunc(p.Below, func(b Below) bool { return b.GroupID == group })
	if at < 0 {
		at = len(p.Below)
		p.Below = append(p.Below, Below{GroupID: group})
	}
	b := &p.Below[at]
	n, _ := countSince(o, since)
	b.Kinds, b.Requests = b.Kinds+1, b.Requests+n
	for _, name := range o.Unit.Needs {
		if !slices.Contains(b.Permissions, name) {
			b.Permissions = append(b.Permissions, name)
		}
	}
	slices.Sort(b.Permissions)
}
