package propose

import (
	"cmp"
	"slices"

	"patgate/policy"
	"patgate/routes"
)

// Certificate proves that a proposal is enough and that nothing in it is too much.
type Certificate struct {
	// Allowed are the kinds of requests that were asked again and are allowed, Requests how many requests they were.
	Allowed  int   `json:"allowed_kinds"`
	Requests int64 `json:"allowed_requests"`
	// Refused are kinds that no grant of the table of now would allow.
	Refused []string `json:"refused_by_the_table,omitempty"`
	// Needed has a witness for each permission in each place, each ref pattern, and each rule that lets refs be deleted or tags
	// be changed: a request that would be denied without it.
	Needed []Needed `json:"needed"`
}

// Needed is a part of a proposal with its witness.
type Needed struct {
	Permission string `json:"permission,omitempty"`
	Ref        string `json:"ref,omitempty"` // a pattern
	// Rule is ref_deletes or tag_changes, which the scope does not forbid.
	Rule string `json:"rule,omitempty"`
	// Refs are the patterns of the scope that it stands in, where pushes are limited to some.
	Refs      []string `json:"refs,omitempty"`
	Access    string   `json:"access"`
	ProjectID int64    `json:"project_id,omitempty"`
	GroupID   int64    `json:"group_id,omitempty"`
	// NotHeld: the token does not hold it today.
	NotHeld bool `json:"not_held_today,omitempty"`
	// Witness is a request that is denied without this part, and Day one on which it was made.
	Witness string `json:"witness"`
	Day     string `json:"day"`
}

// certify decides everything again by the proposal, and by the proposal without each of its parts. seen are the requests that
// need each part of the scopes.
func (r *Replay) certify(over func() error, d *draft, grant *policy.Grant, events []event, q *Ask) (c Certificate, seen seenOf,
	err error) {
	c.Needed, seen = []Needed{}, seenOf{}
	var allowed []event
	for i := range events {
		e := &events[i]
		if !e.allows(grant) {
			c.Refused = append(c.Refused, e.Unit.Method+" "+e.Unit.Route)
			continue
		}
		n, _ := countSince(e.Observation, q.Since)
		c.Allowed++
		c.Requests += n
		allowed = append(allowed, *e)
	}
	m := r.removals(d, allowed, q.Owner)
	scopes, lanes := d.specs(r.table.Catalogue(), nil), d.scopes(r.table.Catalogue(), nil)
	surplus := notHeld(q.Present, grant, events)
	for _, element := range d.needed(r.table.Catalogue()) {
		if err := over(); err != nil {
			return c, nil, err
		}
		denied, err := m.denied(&element, len(allowed))
		if err != nil || len(denied) == 0 {
			continue // a test holds that there is always one
		}
		at := scopeOf(scopes, &element)
		more := lacks(surplus, at, &element)
		if element.rule == 0 {
			seen.add(part{at, element.permission, element.pattern}, denied, more)
		}
		witness := denied[0]
		n := Needed{
			Permission: r.table.Catalogue().Name(element.permission),
			Ref:        element.pattern,
			Access:     element.access.String(),
			Rule:       element.rule.name(),
			NotHeld:    more,
			Witness:    witness.Unit.Method + " " + witness.Unit.Route,
		}
		if h := lanes[element.scope()]; h != nil && element.pattern == "" {
			n.Refs = h.patterns
		}
		_, day := countSince(witness.Observation, q.Since)
		n.Day = written(day)
		switch element.boundary {
		case routes.BoundaryProject:
			n.ProjectID = element.id
		case routes.BoundaryGroup:
			n.GroupID = element.id
		}
		c.Needed = append(c.Needed, n)
	}
	slices.SortFunc(c.Needed, func(a, b Needed) int {
		return cmp.Or(cmp.Compare(a.Access, b.Access), cmp.Compare(a.GroupID, b.GroupID), cmp.Compare(a.ProjectID, b.ProjectID),
			cmp.Compare(a.Permission, b.Permission), cmp.Compare(a.Ref, b.Ref), cmp.Compare(a.Rule, b.Rule),
			slices.Compare(a.Refs, b.Refs))
	})
	return c, seen, nil
}

// split gives the smallest grants of jobs that have no container in common, where one of them writes and another only reads.
// It gives nil where nothing can be divided.
func (r *Replay) split(over func() error, events []event, q *Ask) (tokens [][]policy.ScopeSpec, err error) {
	job := make([]int, len(events)) // the least index of an event that it has containers in common with
	of := map[place]int{}
	merge := func(a, b int) {
		for i := range job {
			if job[i] == a {
				job[i] = b
			}
		}
	}
	for i := range events {
		job[i] = i
		for j := range events[i].question.Acts {
			c := events[i].question.Acts[j].Container
			if c == nil || !c.Boundary.InContainer() {
				continue
			}
			key := narrowest(c)
			if other, seen := of[key]; seen {
				merge(job[i], job[other])
			} else {
				of[key] = i
			}
		}
	}
	members := map[int][]event{}
	var order []int
	reads, writes := false, false
	for i := range events {
		if len(members[job[i]]) == 0 {
			order = append(order, job[i])
		}
		members[job[i]] = append(members[job[i]], events[i])
	}
	for _, key := range order {
		w := slices.ContainsFunc(members[key], func(e event) bool { return e.question.Route.Writes() })
		reads, writes = reads || !w, writes || w
	}
	if len(order) < 2 || !reads || !writes {
		return nil, nil
	}
	// Two tokens: what only reads, and what writes.
	var apart [2][]event
	for _, key := range order {
		at := 0
		if slices.ContainsFunc(members[key], func(e event) bool { return e.question.Route.Writes() }) {
			at = 1
		}
		apart[at] = append(apart[at], members[key]...)
	}
	for _, half := range apart {
		d, _, err := r.least(over, half, q)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, d.specs(r.table.Catalogue(), nil))
	}
	return tokens, nil
}
