package trust

import (
	"encoding/json"
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
			t.Claims = l.claims(e["claims"])
		}
		all = append(all, t)
	}
	if !allows || !denies {
		l.problem(n.Line, "write one with want: allow and one with want: deny", "the tests show one side alone")
	}
	return all
}

// claims reads the claims of a test: it writes them as JSON, and has that read as the claims of a token are.
func (l *loader) claims(n *yaml.Node) Claims {
	before := len(l.problems)
	tree, ok := l.tree(n).(map[string]any)
	if len(l.problems) > before || !ok {
		return nil
	}
	data, err := json.Marshal(tree)
	if err == nil {
		var c Claims
		if c, err = ParseClaims(data); err == nil {
			return c
		}
	}
	l.problem(n.Line, "write them as an ID token has them", "the claims cannot be read: %v", err)
	return nil
}

// tree gives what a node of claims is in JSON. Names are written as in match: one with a slash lies deeper.
func (l *loader) tree(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		all := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			parts := partsOf(key.Value)
			if key.Kind != yaml.ScalarNode || parts == nil || !put(all, parts, l.tree(n.Content[i+1])) {
				l.problem(key.Line, "write each claim once, a/b for b within a", "no claim can have the name %q here", key.Value)
			}
		}
		return all
	case yaml.SequenceNode:
		all := make([]any, len(n.Content))
		for i := range n.Content {
			all[i] = l.tree(n.Content[i])
		}
		return all
	case yaml.ScalarNode:
		switch tag := n.ShortTag(); {
		case tag == "!!null":
			return nil
		case tag == "!!bool":
			return n.Value == "true" || n.Value == "True" || n.Value == "TRUE"
		case tag == "!!int" || tag == "!!float":
			if !json.Valid([]byte(n.Value)) {
				l.problem(n.Line, `put it in quotes: "`+n.Value+`"`, "%s is not a number in JSON", n.Value)
			}
			return json.RawMessage(n.Value)
		}
		return n.Value
	}
	l.problem(n.Line, "write the value itself", "the claims have a YAML alias")
	return nil
}

// put puts a value at a place within others; it tells whether that was free.
func put(all map[string]any, parts []string, v any) bool {
	at, has := all[parts[0]]
	if len(parts) == 1 {
		all[parts[0]] = v
		return !has
	}
	below, is := at.(map[string]any)
	if !has {
		below, is = map[string]any{}, true
		all[parts[0]] = below
	}
	return is && put(below, parts[1:], v)
}
