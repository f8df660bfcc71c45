package routes

import "slices"

// Unreachable reports rows that have a spelling which can never match, because other rows take every request of its form.
// It tries a made-up request for each spelling.
func (t *Table) Unreachable() []Problem {
	var out []Problem
	var op Operation
	for _, r := range t.routes {
		if r.Surface != "" {
			continue // its classifier finds it by its name
		}
		for _, v := range r.Pattern.Variants {
			target, ok := v.Sample()
			if !ok {
				continue
			}
			_ = t.Classify(&op, r.Method, []byte(target)) // a refusal leaves no route, or the one that matched
			if op.Route == r || op.Route == nil || slices.Contains(r.After, op.Route.Method+" "+op.Route.Path) {
				continue
			}
			out = append(out, Problem{
				Source: r.Source,
				Message: r.Method + " " + r.Path + " can never match: " + target + " goes to " + op.Route.Path + " at " +
					op.Route.Source.String(),
				Fix: "remove one of them, or make them differ in a literal or in the class of a capture",
			})
			break
		}
	}
	return out
}
