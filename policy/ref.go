package policy

import "bytes"

// RefUpdate is one change of a git ref that a push asks for. One that neither creates nor deletes moves the ref; whether
// it does so by force cannot be seen in what is pushed.
type RefUpdate struct {
	Name   []byte // full: refs/heads/main
	Create bool
	Delete bool
}

// Allow tells whether the constraints let a change through.
func (c *Constraints) Allow(u *RefUpdate) bool {
	switch {
	case c.ForbidRefDeletes && u.Delete:
		return false
	case c.ForbidTagChanges && !u.Create && bytes.HasPrefix(u.Name, []byte("refs/tags/")):
		return false
	case len(c.RefPatterns) == 0:
		return true
	}
	for _, pattern := range c.RefPatterns {
		if matchRef(pattern, u.Name) {
			return true
		}
	}
	return false
}

// matchRef tells whether a pattern takes a whole ref name: `*` stands for any text, slashes included, everything else
// for itself. Its time is bounded by the product of both lengths.
func matchRef(pattern string, name []byte) bool {
	p, n := 0, 0
	star, mark := -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
		case p < len(pattern) && pattern[p] == name[n]:
			p++
			n++
		case star >= 0:
			mark++
			p, n = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
