package routes

// The bounds of targets, for tests.
const (
	MaxTarget   = maxTarget
	MaxSegments = maxSegments
)

// Sample makes up a target that the longest spelling of a pattern takes.
func (p *Pattern) Sample() (target string, ok bool) { return p.variants[0].sample() }

// TakesDots tells of each capture of the longest spelling whether it takes dots.
func (p *Pattern) TakesDots() []bool {
	var takes []bool
	for _, c := range p.variants[0].classes {
		takes = append(takes, c.shape != shapeWord)
	}
	return takes
}

// Takes tells whether a path fits the wide one.
func (w *Wide) Takes(path string) bool {
	m := matcher{path: []byte(path)}
	_, err := m.cut(m.path)
	return err == nil && m.isContested([]*Wide{w})
}

// Same tells whether two operations have the same captures.
func (op *Operation) Same(o *Operation) bool { return op.same(o) }
