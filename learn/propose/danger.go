package propose

import (
	"slices"

	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
)

// apart makes the smallest grant for events. It leaves out events that would bring in a danger which nobody has said yes to:
// before a push, git asks whether it may push, which is no danger and needs what the push needs. left are the dangers and these
// events, with why they are left out.
func (r *Replay) apart(over func() error, events, dangers []event, q *Ask) (d *draft, grant *policy.Grant, rest []event,
	left []leftOut, err error) {
	rest = events
	for i := range dangers {
		left = append(left, leftOut{dangers[i], r.dangers(&dangers[i].question)})
	}
	weights := weigh(r.table)
	for {
		if d, grant, err = r.least(over, rest, q); err != nil {
			return nil, nil, nil, nil, err
		}
		i := slices.IndexFunc(dangers, func(e event) bool { return e.allows(grant) })
		if i < 0 {
			return d, grant, rest, left, nil
		}
		p := heaviest(&dangers[i], rest, weights)
		if p == 0 {
			return d, grant, rest, left, nil // it needs nothing that could be left out
		}
		why := r.dangers(&dangers[i].question)
		rest = slices.DeleteFunc(slices.Clone(rest), func(e event) bool {
			if e.needs.Has(p) {
				left = append(left, leftOut{e, why})
			}
			return e.needs.Has(p)
		})
	}
}

// leftOut is an event outside of a proposal, and why it is.
type leftOut struct {
	event
	why []string
}

// heaviest gives the permission that opens most of those that a danger and some event need; 0 for none.
func heaviest(danger *event, events []event, weights map[routes.Permission]int) (most routes.Permission) {
	for p := range permissions(&danger.needs) {
		needed := slices.ContainsFunc(events, func(e event) bool { return e.needs.Has(p) })
		if needed && (most == 0 || weights[p] > weights[most]) {
			most = p
		}
	}
	return most
}

// accepted tells whether all that a unit needs was said yes to.
func accepted(o *learn.Observation, names []string) bool {
	return !slices.ContainsFunc(o.Unit.Needs, func(name string) bool { return !slices.Contains(names, name) })
}
