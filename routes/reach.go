package routes

import (
	"slices"
	"strings"
)

// Unreachable reports rows that have a spelling which can never match, because other rows take every request of its form.
// It tries a made-up request for each spelling.
func (t *Table) Unreachable() []Problem {
	var out []Problem
	var op Operation
	for _, r := range t.routes {
		if r.Surface != "" {
			continue // its classifier finds it by its name
		}
		for _, v := range r.Pattern.variants {
			target, ok := v.sample()
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

// sample makes up a target that a variant takes; ok is false when a capture has an expression that none of the made-up
// values fits.
func (v *variant) sample() (target string, ok bool) {
	var b strings.Builder
	for i := range v.segments {
		b.WriteByte('/')
		s := &v.segments[i]
		if s.parts == nil {
			b.WriteString(s.literal)
			continue
		}
		for j := range s.parts {
			p := &s.parts[j]
			if !p.capture {
				b.WriteString(p.literal)
				continue
			}
			value, ok := p.sample()
			if !ok {
				return "", false
			}
			b.WriteString(value)
			if s.splat || s.pair {
				b.WriteString("/zz9")
			}
		}
	}
	return b.String(), true
}

// madeUpValues are tried for captures with an expression.
var madeUpValues = [...]string{"zz9", "zz", "z", "9", "987654321", "zz9.z9", "v9.9.9", "scan", "zz9.gemspec.rz",
	"deadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef"}

// sample makes up a raw value for a capture, of the right shape; its value may be refused, which does not matter here.
func (p *part) sample() (string, bool) {
	switch {
	case p.class.shape == shapePattern:
		for _, value := range madeUpValues {
			if p.re.MatchString(value) {
				return value, true
			}
		}
		return "", false
	case p.class.shape == shapeWord:
		return "zz9", true
	}
	return "zz9.z9", true
}
