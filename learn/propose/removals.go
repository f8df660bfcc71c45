package propose

import (
	"cmp"
	"slices"

	"patgate/policy"
	"patgate/routes"
)

// removals takes single elements away from a draft, one at a time, and finds what is denied then. A token may do one thing in
// thousands of places. So for each element it only asks again about the events that the element can decide on, by the part of
// the draft that can decide on these.
type removals struct {
	r     *Replay
	d     *draft
	owner int64
	// needing has the events by the permissions that they may need, and events that change refs by 0. near has the events that
	// are about a place or lie in it, and wide the events that any place can decide on.
	needing map[routes.Permission][]*event
	near    map[spot][]*event
	wide    map[routes.Permission][]*event
	// parts are the elements of a place as the draft had them at first, far those of no container. It only loses some.
	parts map[place][]element
	far   []element
	// holding are the places in which a permission stood.
	holding map[routes.Permission][]place
}

// spot is a permission in a place, 0 for the changes of refs there.
type spot struct {
	permission routes.Permission
	place      place
}

func (r *Replay) removals(d *draft, events []event, owner int64) *removals {
	m := &removals{r: r, d: d, owner: owner, needing: touching(events), near: map[spot][]*event{},
		wide: map[routes.Permission][]*event{}, parts: map[place][]element{}, holding: map[routes.Permission][]place{}}
	for e := range d.parts {
		if !e.boundary.InContainer() {
			m.far = append(m.far, e)
			continue
		}
		m.parts[e.place] = append(m.parts[e.place], e)
		m.holding[e.permission] = append(m.holding[e.permission], e.place)
	}
	for _, places := range m.holding {
		slices.SortFunc(places, func(a, b place) int {
			return cmp.Or(cmp.Compare(a.boundary, b.boundary), cmp.Compare(a.id, b.id))
		})
	}
	for p, needing := range m.needing {
		for _, e := range needing {
			if e.question.Entries != nil {
				m.wide[p] = append(m.wide[p], e)
				continue
			}
			for _, at := range m.placesOf(e) {
				key := spot{p, at}
				m.near[key] = append(m.near[key], e)
			}
		}
	}
	return m
}

// placesOf gives the places of the draft that cover a container of an event, each once.
func (m *removals) placesOf(e *event) (places []place) {
	add := func(at place) {
		if len(m.parts[at]) > 0 && !slices.Contains(places, at) {
			places = append(places, at)
		}
	}
	for i := range e.question.Acts {
		c := e.question.Acts[i].Container
		if c == nil || !c.Boundary.InContainer() {
			continue
		}
		add(place{policy.AccessSelectedMemberships, c.Boundary, c.ID})
		for _, id := range c.Ancestors {
			add(groupAt(id))
		}
	}
	return places
}

// denied gives events that are denied when the draft lacks an element, so many at most.
func (m *removals) denied(e *element, most int) (events []*event, err error) {
	touched := m.needing[e.permission]
	if e.boundary.InContainer() {
		touched = slices.Concat(m.near[spot{e.permission, e.place}], m.wide[e.permission])
	}
	smaller, err := m.r.compile(m.about(touched, e), e, m.owner)
	if err != nil {
		return nil, err
	}
	var whole *policy.Grant
	for _, x := range touched {
		denied := !x.allows(smaller)
		if denied && x.question.Entries != nil { // another place than those that were looked at may do
			if whole == nil {
				if whole, err = m.r.compile(m.d, e, m.owner); err != nil {
					return nil, err
				}
			}
			denied = !x.allows(whole)
		}
		if denied {
			if events = append(events, x); len(events) == most {
				break
			}
		}
	}
	return events, nil
}

// about gives the part of the draft that can decide on events: the elements in their places, or in no container, that some of
// them may need. For events that any place can decide on it has a few places: a larger grant never turns an allow into a denial.
func (m *removals) about(events []*event, without *element) *draft {
	var needs routes.PermissionSet
	places := map[place]bool{}
	for _, x := range events {
		needs.Union(&x.needs)
		for _, at := range m.placesOf(x) {
			places[at] = true
		}
		if x.question.Entries == nil {
			continue
		}
		for p := range permissions(&x.needs) {
			for _, at := range m.some(p, without.place) {
				places[at] = true
			}
		}
	}
	part := &draft{parts: parts{}}
	add := func(elements []element) {
		for _, e := range elements {
			if m.d.parts[e] && (e.permission == 0 || needs.Has(e.permission)) {
				part.parts[e] = true
			}
		}
	}
	add(m.far)
	for at := range places {
		add(m.parts[at])
	}
	return part
}

// some gives a project and a group besides a place in which a permission stands.
func (m *removals) some(p routes.Permission, besides place) (places []place) {
	found := routes.BoundaryNone
	for _, at := range m.holding[p] {
		stands := func(e element) bool { return e.permission == p && m.d.parts[e] }
		if at.boundary != found && at != besides && slices.ContainsFunc(m.parts[at], stands) {
			found, places = at.boundary, append(places, at)
		}
	}
	return places
}
