package propose

import (
	"fmt"
	"math"
	"slices"

	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
)

// Below is a question: should a whole group be granted for requests that are only known to have been somewhere in it?
type Below struct {
	GroupID     int64    `json:"group_id"`
	Permissions []string `json:"permissions"`
	Kinds       int      `json:"kinds"`
	Requests    int64    `json:"requests"`
	Chosen      bool     `json:"chosen,omitempty"` // the group is granted for them
}

// Asks tells whether a proposal asks about a group.
func (p *Proposal) Asks(group int64) bool {
	return slices.ContainsFunc(p.Groups, func(g Group) bool { return g.ID == group }) ||
		slices.ContainsFunc(p.Below, func(b Below) bool { return b.GroupID == group })
}

// somewhere is the id of a container when only the groups above it are known. No forge has an id that high.
const somewhere = math.MaxInt64

// below notes a unit whose projects and groups are not known. asks: it may be part of a question. When the user has said yes to
// the group that all of them lie in, the unit is taken: the event is then about something in that group.
func (p *Proposal) below(e *event, q *Ask, asks bool) (taken bool) {
	group := int64(0)
	if asks {
		group = groupOf(&e.Unit)
	}
	if group == 0 {
		p.Collapsed++
		return false
	}
	at := slices.IndexFunc(p.Below, func(b Below) bool { return b.GroupID == group })
	if at < 0 {
		at = len(p.Below)
		p.Below = append(p.Below, Below{GroupID: group, Chosen: slices.Contains(q.Groups, group)})
	}
	b := &p.Below[at]
	n, _ := countSince(e.Observation, q.Since)
	b.Kinds, b.Requests = b.Kinds+1, b.Requests+n
	for _, name := range e.Unit.Needs {
		if !slices.Contains(b.Permissions, name) {
			b.Permissions = append(b.Permissions, name)
		}
	}
	slices.Sort(b.Permissions)
	if !b.Chosen {
		p.Collapsed++
		return false
	}
	for i := range e.question.Acts {
		if c := e.question.Acts[i].Container; c != nil && c.Boundary.InContainer() && len(c.Ancestors) > 0 {
			c.ID = somewhere
		}
	}
	return true
}

// groupOf gives the nearest group that all containers of a collapsed unit lie in; 0 when there is none, or it is not known.
func groupOf(u *learn.Unit) (group int64) {
	for i := range u.Acts {
		a := &u.Acts[i]
		switch {
		case !a.Boundary.InContainer():
		case len(a.Ancestors) == 0, group != 0 && group != a.Ancestors[0]:
			return 0
		default:
			group = a.Ancestors[0]
		}
	}
	return group
}

// narrowest gives the narrowest place that covers a container.
func narrowest(c *policy.Container) place {
	if c.ID == somewhere {
		return groupAt(c.Ancestors[0])
	}
	return place{policy.AccessSelectedMemberships, c.Boundary, c.ID}
}

// unlimited says to which groups pushes are not limited to refs, because it is not known which were pushed.
func unlimited(events []event) (notes []string) {
	for i := range events {
		q := &events[i].question
		for j := range q.Acts {
			c := q.Acts[j].Container
			if q.Route.Refs == routes.RefsListed && c != nil && c.ID == somewhere {
				notes = append(notes, fmt.Sprintf("pushes to group %d are not limited to refs: which were pushed is not known",
					c.Ancestors[0]))
			}
		}
	}
	return notes
}
