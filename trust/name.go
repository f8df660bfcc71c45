package trust

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// longestName is how many characters what a token is called may have.
	longestName = 200
	// longestPolicyName is how many the name of a policy may.
	longestPolicyName = 63
)

// validName tells whether a text may be the name of a policy: what stands in an audience must be written in one way.
func validName(name string) bool {
	return name != "" && len(name) <= longestPolicyName && !strings.HasPrefix(name, "-") && !strings.HasSuffix(name, "-") &&
		!strings.ContainsFunc(name, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' })
}

// TokenName gives what a token for claims is called. Claims are others' words: nothing is decided by it.
func (p *Policy) TokenName(c Claims) string {
	template := p.NameTemplate
	if template == "" {
		template = p.Name
	}
	var b strings.Builder
	for template != "" {
		before, rest, open := strings.Cut(template, "{")
		b.WriteString(before)
		if !open {
			break
		}
		claim, after, _ := strings.Cut(rest, "}")
		b.WriteString(c[claim].Text())
		template = after
	}
	if name := Clean(b.String(), longestName); name != "" {
		return name
	}
	return p.Name
}

// Clean takes out of a text what garbles a list or leads people astray: control characters, those that turn the direction of
// writing, and what cannot be read; and cuts it at a number of characters.
func Clean(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	if runes := []rune(strings.TrimSpace(text)); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return strings.TrimSpace(text)
}

// Matched says which claims made the policy match, for the record: "project_id=20 ref_protected=true".
func (p *Policy) Matched(c Claims) string {
	words := make([]string, 0, len(p.Match))
	for i := range p.Match {
		texts := slices.Clone(c[p.Match[i].Claim].Texts)
		for j := range texts {
			texts[j] = Clean(texts[j], longestName)
		}
		words = append(words, p.Match[i].Claim+"="+strings.Join(texts, ","))
	}
	return strings.Join(words, " ")
}
