package trust

import (
	"slices"
	"strings"
)

// Condition is what a policy asks of one claim: to equal one of some texts, or to fit one of some globs. One without either never
// holds.
type Condition struct {
	Claim string   `json:"claim"`
	Equal []string `json:"equal,omitempty"`
	Globs []string `json:"globs,omitempty"`
	// Absent: what is denied may be missing. Otherwise a token that says nothing of it is denied too.
	Absent bool `json:"absent,omitempty"`
}

// Holds tells whether a claim has such a value; of a list, whether one of its values is. What is odd never has.
func (m *Condition) Holds(v Value) bool { return !v.Odd && m.fits(v) }

// Denies tells whether a claim that must not have such a value could have it: it has, or it cannot be read whole, or is not there
// and the policy does not say that this is fine.
func (m *Condition) Denies(v Value) bool { return v.Odd || v.Absent() && !m.Absent || m.fits(v) }

func (m *Condition) fits(v Value) bool {
	return slices.ContainsFunc(v.Texts, func(text string) bool {
		return slices.Contains(m.Equal, text) || slices.ContainsFunc(m.Globs, func(g string) bool { return Fits(g, text) })
	})
}

// String says what is asked for.
func (m *Condition) String() string {
	all := make([]string, 0, len(m.Equal)+len(m.Globs))
	for _, text := range m.Equal {
		all = append(all, `"`+text+`"`)
	}
	for _, glob := range m.Globs {
		all = append(all, `like "`+glob+`"`)
	}
	if m.Absent {
		all = append(all, "(absent is allowed)")
	}
	return strings.Join(all, " or ")
}

// Fits tells whether a text fits a glob as a whole: `*` stands for any text without "/" and ":", `**` for any text, and
// everything else for itself. It takes time in proportion to both lengths multiplied.
func Fits(glob, text string) bool {
	// at[i] tells whether what was read of the glob fits the first i bytes of the text.
	at := make([]bool, len(text)+1)
	at[0] = true
	for i := 0; i < len(glob); i++ {
		if glob[i] != '*' {
			for j := len(text); j > 0; j-- {
				at[j] = at[j-1] && text[j-1] == glob[i]
			}
			at[0] = false
			continue
		}
		any := i+1 < len(glob) && glob[i+1] == '*'
		if any {
			i++
		}
		for j := 1; j <= len(text); j++ {
			at[j] = at[j] || at[j-1] && (any || text[j-1] != '/' && text[j-1] != ':')
		}
	}
	return at[len(text)]
}
