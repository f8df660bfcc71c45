package trust

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// Test is one that a policy carries: claims, and whether they are to match.
type Test struct {
	Claims Claims
	Allow  bool
	Line   int
}

// Failure is a test of a policy that came out otherwise than it wants.
type Failure struct {
	Line int
	Why  string
}

// RunTests runs the tests of a policy.
func (p *Policy) RunTests() (failed []Failure) {
	for i := range p.Tests {
		t := &p.Tests[i]
		v := p.Judge(t.Claims)
		if v.Allowed {
			_, v.Allowed = p.Grant(t.Claims)
		}
		switch {
		case v.Allowed && !t.Allow:
			failed = append(failed, Failure{t.Line, "it wants deny, and the claims match"})
		case !v.Allowed && t.Allow:
			failed = append(failed, Failure{t.Line, fmt.Sprintf("it wants allow, and %s does not match: %s", v.Claim, v.Why)})
		}
	}
	return failed
}

// tests reads the tests of a policy: one at least that is to match, and one that is not.
func (l *loader) tests(n *yaml.Node) (all []Test) {
	allows, denies := false, false
	for _, item := range l.list(n, "tests") {
		e := l.mapping(item, "the test", "claims", "want")
		t := Test{Claims: Claims{}, Line: item.Line}
		want := e["want"]
		switch {
		case want == nil, want.Value != "allow" && want.Value != "deny":
			l.problem(item.Line, "write want: allow or want: deny", "the test does not say what it wants")
		default:
			t.Allow = want.Value == "allow"
			allows, denies = allows || t.Allow, denies || !t.Allow
		}
		if e["claims"] == nil {
			l.problem(item.Line, "write claims: {project_id: \"20\"}", "the test has no claims")
		} else {
			l.claims(e["claims"], t.Claims, "")
		}
		all = append(all, t)
	}
	if !allows || !denies {
		l.problem(n.Line, "write one with want: allow and one with want: deny", "the tests show one side alone")
	}
	return all
}

// claims reads the claims of a test, as ParseClaims reads those of a token.
func (l *loader) claims(n *yaml.Node, c Claims, prefix string) {
	l.entries(n, "claims", func(key, value *yaml.Node) {
		// As match writes them: a name with a slash is one that lies deeper.
		name := prefix + key.Value
		switch value.Kind {
		case yaml.MappingNode:
			l.claims(value, c, name+"/")
		case yaml.SequenceNode:
			v := Value{Many: true}
			for _, item := range value.Content {
				v.Texts = append(v.Texts, item.Value)
			}
			c[name] = v
		default:
			c[name] = Value{Texts: []string{value.Value}}
		}
	})
}
