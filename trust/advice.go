package trust

import "slices"

// Advice says of policies what lets through more than their authors may mean, one a line, with file and line.
func (s *Set) Advice() (lines []string) {
	for _, p := range s.All() {
		if p.Kind == GitLab && !p.Protected() {
			lines = append(lines, p.Source.String()+": the trust "+p.Name+" matches no ref_protected: \"true\": whoever "+
				"may push a "+
				"branch of the project has its tokens (fix: match ref_protected, or environment_protected, or deny \"false\")")
		}
	}
	return lines
}

// Protected tells whether only pipelines match whose ref, or environment, is protected at a GitLab.
func (p *Policy) Protected() bool {
	return slices.ContainsFunc([]string{"ref_protected", "environment_protected"}, func(claim string) bool {
		m, denied := find(p.Match, claim), find(p.Deny, claim)
		only := m != nil && len(m.Globs) == 0 && slices.Equal(m.Equal, []string{"true"})
		return only || denied != nil && !denied.Absent && slices.Contains(denied.Equal, "false")
	})
}
