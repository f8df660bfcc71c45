package trust

import "strings"

// Clause is one thing that rules ask of a claim, in words.
type Clause struct{ Claim, Words string }

// Asks says in words what must hold, and what must not.
func (r *Rules) Asks() (match, deny []Clause) {
	for i := range r.Match {
		match = append(match, Clause{r.Match[i].Claim, "is " + r.Match[i].words()})
	}
	if name, _ := r.Kind.foreign(); name != "" && find(r.Match, name) == nil {
		match = append(match, Clause{name, "is not that of a merge or pull request, which runs what anybody proposes"})
	}
	for i := range r.Deny {
		said := " or is not said"
		if r.Deny[i].Absent {
			said = ""
		}
		deny = append(deny, Clause{r.Deny[i].Claim, "is " + r.Deny[i].words() + said})
	}
	return match, deny
}

// words says values as a list of alternatives.
func (m *Condition) words() string {
	all := make([]string, 0, len(m.Equal)+len(m.Globs))
	for _, text := range m.Equal {
		all = append(all, "“"+text+"”")
	}
	for _, glob := range m.Globs {
		all = append(all, "like “"+glob+"”")
	}
	return strings.Join(all, " or ")
}
