package pattern

import "strings"

// Sample makes up a target that a variant takes; ok is false when a capture has an expression that none of the made-up
// values fits.
func (v *Variant) Sample() (target string, ok bool) {
	var b strings.Builder
	for i := range v.Segments {
		b.WriteByte('/')
		s := &v.Segments[i]
		if s.Parts == nil {
			b.WriteString(s.Literal)
			continue
		}
		for j := range s.Parts {
			p := &s.Parts[j]
			if !p.Capture {
				b.WriteString(p.Literal)
				continue
			}
			value, ok := p.sample()
			if !ok {
				return "", false
			}
			b.WriteString(value)
			if s.Splat || s.pair {
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
func (p *Part) sample() (string, bool) {
	switch {
	case p.class.Shape == ShapePattern:
		for _, value := range madeUpValues {
			if p.class.Re.MatchString(value) {
				return value, true
			}
		}
		return "", false
	case p.class.Shape == ShapeWord:
		return "zz9", true
	}
	return "zz9.z9", true
}
