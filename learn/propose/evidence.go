package propose

import (
	"cmp"
	"slices"

	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
)

// Evidence is for a permission or a ref pattern in one scope of a proposal: the seen requests that would be denied without it.
type Evidence struct {
	Scope      int    `json:"scope"` // its index in Proposal.Scopes
	Permission string `json:"permission,omitempty"`
	Ref        string `json:"ref,omitempty"` // a pattern
	Requests   int64  `json:"requests"`
	Days       int    `json:"days"` // on which there was such a request
	// New is the last day on which a new kind of request needed it, and Last the day of the last request.
	New  string `json:"last_new_need"`
	Last string `json:"last_day"`
	// NotHeld is in how many places of the scope the token does not hold it today.
	NotHeld int `json:"not_held_in_places,omitempty"`
}

// part is a permission or a ref pattern of a scope.
type part struct {
	scope      int
	permission routes.Permission
	pattern    string
}

// seenOf are the observations that the parts of a proposal were needed by.
type seenOf map[part]*backing

// backing is what one part was needed by, and in how many places it is not held today.
type backing struct {
	by      map[*learn.Observation]bool
	notHeld int
}

// add notes what an element was needed by, and whether it is more than the token holds.
func (s seenOf) add(p part, events []*event, more bool) {
	if s[p] == nil {
		s[p] = &backing{by: map[*learn.Observation]bool{}}
	}
	for _, e := range events {
		s[p].by[e.Observation] = true
	}
	if more {
		s[p].notHeld++
	}
}

// evidence puts what was noted into numbers, in the order of the scopes and of the catalogue.
func (s seenOf) evidence(c *routes.Catalogue, since learn.Day) []Evidence {
	all := []Evidence{}
	for p, of := range s {
		e := Evidence{Scope: p.scope, Permission: c.Name(p.permission), Ref: p.pattern, NotHeld: of.notHeld}
		days := map[learn.Day]bool{}
		var fresh, last learn.Day
		for o := range of.by {
			n, end := countSince(o, since)
			e.Requests += n
			fresh, last = max(fresh, learn.DayOf(o.First)), max(last, end)
			for _, day := range o.Days {
				if day.Day >= since {
					days[day.Day] = true
				}
			}
		}
		e.Days, e.New, e.Last = len(days), written(fresh), written(last)
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b Evidence) int {
		return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Permission, b.Permission), cmp.Compare(a.Ref, b.Ref))
	})
	return all
}

// written writes a day.
func written(d learn.Day) string { return d.Start().Format("2006-01-02") }

// scopeOf gives the index of the scope that holds an element; -1 for none.
func scopeOf(scopes []policy.ScopeSpec, e *element) int {
	access := e.access.String()
	return slices.IndexFunc(scopes, func(s policy.ScopeSpec) bool {
		c := &s.Constraints
		if s.Access != access || (e.lane != 0) != (len(c.RefPatterns) > 0) ||
			c.ForbidRefDeletes != (e.lane != 0 && e.lane&deletes == 0) ||
			c.ForbidTagChanges != (e.lane != 0 && e.lane&tagChanges == 0) {
			return false
		}
		ids := s.ProjectIDs
		if e.boundary == routes.BoundaryGroup {
			ids = s.GroupIDs
		}
		_, named := slices.BinarySearch(ids, e.id)
		return named || !e.boundary.InContainer()
	})
}
