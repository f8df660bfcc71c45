package proof

import (
	"slices"
	"strings"

	"patgate/policy"
)

// fresh is a letter that no pattern has: people write refs of other ones, and git takes none with it into a name.
const fresh = "\x7f"

// refsOf gives changes of refs that stand for all which the constraints of the grants tell apart.
//
// Let w be a pattern with a letter that stands in no pattern in the place of each star. A pattern that takes w takes that
// letter by a star, which takes any other text too: it takes everything that the first one takes. So w stands for all that a
// pattern takes. Tags are told apart besides: of each pattern those parts stand for its tags that may follow on refs/tags/.
func refsOf(grants ...*policy.Grant) (updates []policy.RefUpdate) {
	names := []string{fresh, "refs/heads/" + fresh, "refs/tags/" + fresh} // of a scope without patterns
	for _, g := range grants {
		for i := range g.Scopes {
			for _, pattern := range g.Scopes[i].Constraints.RefPatterns {
				names = append(names, strings.ReplaceAll(pattern, "*", fresh))
				for _, rest := range after(pattern, "refs/tags/") {
					names = append(names, "refs/tags/"+strings.ReplaceAll(rest, "*", fresh))
				}
			}
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		updates = append(updates, policy.RefUpdate{Name: []byte(name), Create: true}, policy.RefUpdate{Name: []byte(name)},
			policy.RefUpdate{Name: []byte(name), Delete: true})
	}
	return updates
}

// after gives what may be left of a pattern when it has taken a text.
func after(pattern, text string) (rest []string) {
	at := skip(pattern, map[int]bool{0: true})
	for _, c := range []byte(text) {
		next := map[int]bool{}
		for i := range at {
			switch {
			case i < len(pattern) && pattern[i] == '*':
				next[i] = true
			case i < len(pattern) && pattern[i] == c:
				next[i+1] = true
			}
		}
		at = skip(pattern, next)
	}
	for i := range at {
		rest = append(rest, pattern[i:])
	}
	return rest
}

// skip adds the places behind stars, which may stand for nothing.
func skip(pattern string, at map[int]bool) map[int]bool {
	for i := range len(pattern) {
		if at[i] && pattern[i] == '*' {
			at[i+1] = true
		}
	}
	return at
}
