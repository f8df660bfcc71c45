package propose

import (
	"slices"
	"time"

	"patgate/policy"
)

// Use is how often a permission of a scope was used.
type Use struct {
	Uses int64
	Last time.Time
}

// Uses tells, for each scope of a token, how often each of its permissions was used. A request counts for the first scope that
// allows it alone. When it takes several scopes, it counts for those without which it would be denied. A filtered list, and a
// request whose projects are no longer known, count for all scopes that hold the permission.
func (r *Replay) Uses(q Holding) ([]map[string]Use, error) {
	h := &holding{Replay: r, Holding: q, gone: map[Right]bool{}}
	h.dropUnknown()
	s, err := h.shares()
	if err != nil {
		return nil, err
	}
	uses := make([]map[string]Use, len(h.Scopes))
	for i := range uses {
		uses[i] = map[string]Use{}
	}
	for i := range h.Observations {
		o := &h.Observations[i]
		if o.Unit.Denied != "" {
			continue
		}
		e, known := r.read(o)
		for _, n := range s.allowing(&e, known) {
			for _, name := range o.Unit.Needs {
				if s.holds(n, name) {
					u := uses[n][name]
					u.Uses += o.Uses
					if u.Last.Before(o.Last) {
						u.Last = o.Last
					}
					uses[n][name] = u
				}
			}
		}
	}
	return uses, nil
}

// shares are the grants of a token's scopes: of all of them, of each alone, and of all but one.
type shares struct {
	scopes  []policy.ScopeSpec
	whole   *policy.Grant
	only    []*policy.Grant
	without func(n int) *policy.Grant
}

// shares compiles the scopes that are known.
func (h *holding) shares() (s *shares, err error) {
	s = &shares{scopes: slices.Clone(h.Scopes)}
	for i := range s.scopes {
		one := &s.scopes[i]
		one.Permissions = slices.DeleteFunc(slices.Clone(one.Permissions), func(name string) bool {
			return h.gone[Right{Scope: i + 1, Permission: name}]
		})
	}
	grant := func(scopes []policy.ScopeSpec) (g *policy.Grant) {
		scopes = slices.DeleteFunc(slices.Clone(scopes), func(s policy.ScopeSpec) bool { return len(s.Permissions) == 0 })
		if err == nil {
			g, err = h.grant(scopes)
		}
		return g
	}
	s.whole = grant(s.scopes)
	for i := range s.scopes {
		s.only = append(s.only, grant(s.scopes[i:i+1]))
	}
	made := map[int]*policy.Grant{} // they are seldom asked for
	s.without = func(n int) *policy.Grant {
		if made[n] == nil {
			made[n] = grant(slices.Delete(slices.Clone(s.scopes), n, n+1))
		}
		return made[n]
	}
	return s, err
}

func (s *shares) holds(n int, name string) bool {
	return slices.Contains(s.scopes[n].Permissions, name)
}

// allowing gives the scopes that allow what was observed.
func (s *shares) allowing(e *event, known bool) (scopes []int) {
	for n := range s.scopes {
		if slices.ContainsFunc(e.Unit.Needs, func(name string) bool { return s.holds(n, name) }) {
			scopes = append(scopes, n)
		}
	}
	switch {
	case e.Unit.Collapsed:
		return scopes
	case !known || !e.allows(s.whole):
		return nil
	case e.question.Entries != nil || len(scopes) < 2:
		return scopes
	}
	if at := slices.IndexFunc(scopes, func(n int) bool { return e.allows(s.only[n]) }); at >= 0 {
		return scopes[at : at+1]
	}
	needed := slices.DeleteFunc(slices.Clone(scopes), func(n int) bool { return e.allows(s.without(n)) })
	if len(needed) > 0 {
		return needed
	}
	return scopes
}
