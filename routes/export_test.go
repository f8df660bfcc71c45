package routes

import "patgate/routes/pattern"

// MaxTarget is the bound of targets, for tests.
const MaxTarget = maxTarget

// Sample makes up a target that the longest spelling of a pattern takes.
func (p *Pattern) Sample() (target string, ok bool) { return p.Variants[0].Sample() }

// TakesDots tells of each capture of the longest spelling whether it takes dots.
func (r *Route) TakesDots() []bool {
	var takes []bool
	for _, c := range r.forms(nil)[0].classes {
		takes = append(takes, c.shape != pattern.ShapeWord)
	}
	return takes
}

// Takes tells whether a path fits a wide one.
func Takes(w *pattern.Wide, path string) bool {
	all, err := ParsePattern("/{*all}", PatternSpec{})
	if err != nil {
		return false
	}
	v := all.Variants[0]
	v.Contested = []*pattern.Wide{w}
	var t pattern.Trie
	t.Insert(&pattern.Leaf{Pattern: &all.Pattern, Variant: v})
	var m pattern.Matcher
	if _, err := m.Cut([]byte(path)); err != nil {
		return false
	}
	_, err = m.Find(&t, false)
	return err == pattern.ErrWide
}

// Same tells whether two operations have the same captures.
func (op *Operation) Same(o *Operation) bool { return op.same(o) }
