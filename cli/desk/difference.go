package desk

import (
	"slices"
	"strconv"
	"strings"

	"patgate/policy"
)

// Differences says, one line each, what scopes hold that others did not, and the other way round: "+ read_job on project 6".
// There are none where both say the same, however it is written.
func Differences(before, after []policy.ScopeSpec) (lines []string) {
	held, holds := heldAt(before), heldAt(after)
	places := slices.Clone(held.order)
	for _, at := range holds.order {
		if !slices.Contains(places, at) {
			places = append(places, at)
		}
	}
	for _, side := range []struct {
		sign       string
		from, less map[string][]string
	}{{"+ ", holds.names, held.names}, {"- ", held.names, holds.names}} {
		for _, at := range places {
			var more []string
			for _, name := range side.from[at] {
				if !slices.Contains(side.less[at], name) {
					more = append(more, name)
				}
			}
			if len(more) > 0 {
				lines = append(lines, side.sign+strings.Join(more, ", ")+" on "+at)
			}
		}
	}
	return lines
}

// holding are the permissions that scopes hold at each place, with the constraints there.
type holding struct {
	order []string
	names map[string][]string
}

func heldAt(scopes []policy.ScopeSpec) holding {
	h := holding{names: map[string][]string{}}
	add := func(at string, s *policy.ScopeSpec) {
		if _, there := h.names[at]; !there {
			h.order = append(h.order, at)
		}
		h.names[at] = append(h.names[at], s.Permissions...)
	}
	for i := range scopes {
		s := &scopes[i]
		limits := limitsOf(&s.Constraints)
		if len(s.ProjectIDs)+len(s.GroupIDs) == 0 {
			add(place(s)+limits, s)
		}
		for _, id := range s.ProjectIDs {
			add("project "+strconv.FormatInt(id, 10)+limits, s)
		}
		for _, id := range s.GroupIDs {
			add("group "+strconv.FormatInt(id, 10)+limits, s)
		}
	}
	return h
}
