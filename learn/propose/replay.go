package propose

import (
	"slices"

	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
)

// Replay asks a table's rows again what was observed.
type Replay struct {
	table  *routes.Table
	rows   map[string]*routes.Route
	pushes []*routes.Route // rows that change refs and are a danger
	risky  []*routes.Route // all that are a danger
}

// NewReplay makes a replay for a table.
func NewReplay(t *routes.Table) *Replay {
	r := &Replay{table: t, rows: make(map[string]*routes.Route, len(t.Routes()))}
	for _, row := range t.Routes() {
		r.rows[row.Method+" "+row.Path] = row
		if len(row.Dangers()) == 0 {
			continue
		}
		r.risky = append(r.risky, row)
		if row.Refs == routes.RefsListed {
			r.pushes = append(r.pushes, row)
		}
	}
	return r
}

// dangers gives why a request is not ticked: what its row can do by itself, what a push can do when it needs no more than the
// row, or what the permissions of its quick actions can do. A grant for the first step of a push, or for its large files, is a
// grant for pushes to any ref. One for a quick action that starts a pipeline, or for a template's text that may have one, is a
// grant for pipelines.
func (r *Replay) dangers(q *policy.Question) []string {
	row := q.Route
	if why := row.Dangers(); len(why) > 0 {
		return why
	}
	for _, push := range r.pushes {
		if row.NeedSet.Contains(&push.NeedSet) {
			return push.Dangers()
		}
	}
	if row.ByActs {
		return slices.Concat(r.actDangers(q), r.textDangers(q))
	}
	return r.textDangers(q)
}

// actDangers gives what rows of the same surface can do that need the same as an act of the request: it is not kept which of
// these rows it was. For an act that only reads, rows that write do not count.
func (r *Replay) actDangers(q *policy.Question) (why []string) {
	for i := range q.Acts {
		needs := q.Acts[i].Needs
		for _, row := range r.risky {
			may := row.Surface == q.Route.Surface && (q.Route.Writes() || !row.Writes())
			if may && needs != nil && row.NeedSet == *needs {
				why = append(why, row.Dangers()...)
			}
		}
	}
	slices.Sort(why)
	return slices.Compact(why)
}

// textDangers gives what the permissions for the quick actions of a request make possible besides.
func (r *Replay) textDangers(q *policy.Question) (why []string) {
	for i := range q.Acts {
		a := &q.Acts[i]
		if a.Kind != policy.ActQuickAction || a.Needs == nil {
			continue
		}
		held := q.Route.NeedSet
		held.Union(a.Needs)
		for _, row := range r.risky {
			if held.Contains(&row.NeedSet) && !q.Route.NeedSet.Contains(&row.NeedSet) {
				why = append(why, row.Dangers()...)
			}
		}
	}
	slices.Sort(why)
	return slices.Compact(why)
}

// event is an observed unit as a question.
type event struct {
	*learn.Observation
	question policy.Question
	needs    routes.PermissionSet // all that it may need: nothing else of a grant decides on it
}

// read gives a unit as a question; false for a row that the table no longer has, or a permission that it no longer knows.
func (r *Replay) read(o *learn.Observation) (e event, ok bool) {
	u := &o.Unit
	e.Observation = o
	e.question.Route = r.rows[u.Method+" "+u.Route]
	if e.question.Route == nil {
		return e, false
	}
	if e.question.Route.Spans || u.Filtered {
		e.question.Entries = e.question.Route.Spanned(func(string) string { return "" })
	}
	for i := range u.Acts {
		a := &u.Acts[i]
		act := policy.Act{Kind: a.Kind, Boundary: a.Boundary, Elsewhere: a.Elsewhere, Self: a.Self}
		if len(a.Needs) > 0 {
			act.Needs = &routes.PermissionSet{}
			for _, name := range a.Needs {
				p, known := r.table.Catalogue().Find(name)
				if !known {
					return e, false
				}
				act.Needs.Add(p)
			}
		}
		if a.Found != routes.BoundaryNone {
			act.Container = &policy.Container{
				Boundary:   a.Found,
				ID:         a.Container,
				Ancestors:  a.Ancestors,
				PersonalOf: a.PersonalOf,
				Visibility: a.Visibility,
				Access:     a.Access,
				Partial:    a.Partial || u.Collapsed, // a collapsed unit keeps the common groups alone
			}
		}
		if a.Kind == policy.ActRef {
			act.Update = &policy.RefUpdate{Name: []byte(a.Ref), Create: a.Create, Delete: a.Delete}
		}
		e.question.Acts = append(e.question.Acts, act)
		if act.Needs != nil {
			e.needs.Union(act.Needs)
		}
	}
	e.needs.Union(&e.question.Route.NeedSet)
	for i := range e.question.Route.Targets {
		e.needs.Union(&e.question.Route.Targets[i].NeedSet)
	}
	return e, true
}

// allows tells whether a grant allows an event.
func (e *event) allows(g *policy.Grant) bool {
	return policy.Decide(g, &e.question).Verdict == policy.Allow
}

// countSince gives the requests of an observation from a day on, and the last day with one.
func countSince(o *learn.Observation, since learn.Day) (n int64, last learn.Day) {
	for _, c := range o.Days {
		if c.Day >= since {
			n += c.N
			last = c.Day
		}
	}
	return n, last
}
