package proof

import (
	"patgate/policy"
	"patgate/routes"
)

// hold says by which kind of request it is asked whether a permission is held.
type hold uint8

const (
	reads  hold = iota // every scope counts
	writes             // a scope with constraints does not
	pushes             // it counts for the refs that it lets through
)

// holds tells whether a grant holds a permission on a representative: whether it allows a row that needs nothing else.
func holds(g *policy.Grant, p routes.Permission, r *Representative, how hold, update *policy.RefUpdate) bool {
	row := &routes.Route{Kind: routes.KindPermission, Method: "GET", Boundaries: []routes.Boundary{r.Boundary}}
	row.NeedSet.Add(p)
	if r.Boundary.InContainer() {
		row.Find.From = routes.FindInPath
	}
	switch how {
	case writes:
		row.Method = "POST"
	case pushes:
		row.Method, row.Refs = "POST", routes.RefsListed
	}
	q := &policy.Question{Route: row, Acts: []policy.Act{r.own()}}
	if update != nil {
		q.Acts = append(q.Acts, policy.Act{Kind: policy.ActRef, Update: update})
	}
	return policy.Decide(g, q).Verdict == policy.Allow
}

// own gives the act of a row on the representative.
func (r *Representative) own() policy.Act {
	a := policy.Act{Kind: policy.ActOwn, Boundary: r.Boundary}
	if r.Boundary.InContainer() {
		a.Container = &r.Container
	}
	return a
}

// asked tells whether a request on the row can be about the representative, and gives the row's own act.
func (r *Representative) asked(row *routes.Route) (policy.Act, bool) {
	for i, b := range row.Boundaries {
		if b != r.Boundary {
			continue
		}
		if row.Find.From != routes.FindNowhere {
			return r.own(), true
		}
		// Nobody can find the container: the first alternative counts, and of containers all that the owner is a member of.
		if i > 0 || b.InContainer() && r.Stands != StandsMember {
			return policy.Act{}, false
		}
		return policy.Act{Kind: policy.ActOwn, Boundary: b}, true
	}
	return policy.Act{}, false
}

// opens tells whether the grant allows some request on the row that is about the representative: with what the row requires
// and nothing more, its targets wherever the grant allows them.
//
// Targets are decided one after the other, each by itself, so that the first container with which one passes is as good as
// any.
func opens(g *policy.Grant, row *routes.Route, r *Representative, all []Representative, update *policy.RefUpdate) bool {
	own, ok := r.asked(row)
	if !ok {
		return false
	}
	acts := []policy.Act{own}
	for i := range row.Targets {
		t := &row.Targets[i]
		if t.Required || t.Capture != "" {
			acts = append(acts, policy.Act{Kind: policy.ActTarget, Needs: &t.NeedSet})
		}
	}
	next := make([]int, len(acts))
	move := func(i int) bool {
		for next[i] < len(all) {
			c := &all[next[i]]
			next[i]++
			if c.Boundary.InContainer() {
				acts[i].Boundary, acts[i].Container = c.Boundary, &c.Container
				return true
			}
		}
		return false
	}
	for i := range acts[1:] {
		if !move(i + 1) {
			return false
		}
	}
	q := policy.Question{Route: row, Acts: acts, Entries: row.Spanned(func(string) string { return "" })}
	if update != nil {
		q.Acts = append(acts[:len(acts):len(acts)], policy.Act{Kind: policy.ActRef, Update: update})
	}
	for {
		d := policy.Decide(g, &q)
		if d.Verdict == policy.Allow {
			return !d.Anonymous
		}
		if d.Act <= 0 || d.Act >= len(acts) || !move(d.Act) {
			return false
		}
		copy(q.Acts, acts)
	}
}
