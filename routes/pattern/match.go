package pattern

import (
	"errors"
	"slices"

	"patgate/routes/percent"
)

// Why a path is not taken.
var (
	// ErrByte: a character stands in the path that may not, or it does not begin with a slash.
	ErrByte = errors.New("a character that no path has")
	// ErrDots: a segment is empty, "." or "..".
	ErrDots = errors.New("an empty or a dot segment")
	// ErrLong: there are more than MaxSegments segments.
	ErrLong = errors.New("too many segments")
	// ErrNone: nobody has the path.
	ErrNone = errors.New("no path matches")
	// ErrFormat: the forge would read what follows a dot as a format.
	ErrFormat = errors.New("a format")
	// ErrWide: the forge could take several segments as one.
	ErrWide = errors.New("a wide path fits too")
)

// MaxPath bounds a path, in bytes, and MaxSegments its segments and those of a pattern.
const (
	MaxPath     = 8 << 10
	MaxSegments = 64
)

// pathByte says what a byte of a raw path is: pchar of RFC 3986, 3.3, and the slash. The zero value may not stand in one.
var pathByte = func() (kinds [256]byteKind) {
	for c := range kinds {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			kinds[c] = byteOrdinary
		}
	}
	for _, c := range []byte("-._~!$&'()*+,;=:@") {
		kinds[c] = byteOrdinary
	}
	kinds['/'], kinds['%'], kinds['.'] = byteSlash, bytePercent, byteDot
	return kinds
}()

type byteKind uint8

const (
	byteOrdinary byteKind = iota + 1
	byteSlash
	bytePercent
	byteDot
)

// Matcher is the state of one walk through the trie.
type Matcher struct {
	path []byte
	ends [MaxSegments]uint16 // where each raw segment ends
	dot  [MaxSegments]bool   // which of them hold a dot, written or encoded: those are no words
	n    int                 // raw segments

	taken [MaxSegments]uint8 // by depth in the pattern: the last raw segment that it takes
	found *Leaf
	kept  [MaxSegments]uint8 // taken, of found
	// dotted: a row was met that the forge would take with what follows a dot as the format (Grape's `.:format`).
	dotted bool
	plain  bool // the forge knows no formats: a dot is a dot
}

// start is where a raw segment begins.
func (m *Matcher) start(segment int) int {
	if segment == 0 {
		return 1
	}
	return int(m.ends[segment-1]) + 1
}

// Find gives the leaf of the path that was cut. formats: the forge knows formats, so that a dot may begin one.
func (m *Matcher) Find(t *Trie, formats bool) (*Leaf, error) {
	m.plain = !formats
	if t.trunk != nil && m.n > t.depth && hasPrefix(m.path, t.base) && m.path[len(t.base)] == '/' {
		for i := range t.depth {
			m.taken[i] = uint8(i)
		}
		m.walk(t.trunk, t.depth, t.depth)
	} else {
		m.walk(&t.root, 0, 0)
	}
	if m.dotted {
		return nil, ErrFormat
	}
	if m.found == nil {
		return nil, ErrNone
	}
	if wides := m.found.Variant.Contested; wides != nil && m.isContested(wides) {
		return nil, ErrWide
	}
	return m.found, nil
}

// TrimSlash leaves out a trailing slash, and tells whether there was one.
func (m *Matcher) TrimSlash() bool {
	if m.n < 2 || m.ends[m.n-1] != m.ends[m.n-2]+1 {
		return false
	}
	m.path = m.path[:len(m.path)-1]
	m.n--
	return true
}

// Path gives the path that was cut, without the slash that was left out.
func (m *Matcher) Path() []byte { return m.path }

// Took gives what a segment of the variant that was found took.
func (m *Matcher) Took(segment int) []byte {
	from := 0
	if segment > 0 {
		from = int(m.kept[segment-1]) + 1
	}
	return m.path[m.start(from):m.ends[m.kept[segment]]]
}

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// Cut finds the segments of a path and refuses what no path may hold. plain tells that every percent-encoding in it, if
// there is any, is the only spelling of its byte: the path is canonical.
func (m *Matcher) Cut(path []byte) (plain bool, err error) {
	m.path = path
	if len(path) == 0 || path[0] != '/' {
		return false, ErrByte
	}
	plain = true
	start, dot := 1, false
	for i := 1; i < len(path); i++ {
		is := pathByte[path[i]]
		if is == byteOrdinary { // most are
			continue
		}
		switch is {
		case byteDot:
			dot = true
		case byteSlash:
			if i == start || m.n == MaxSegments || dot && isDots(path[start:i]) {
				return false, cutError(m.n)
			}
			m.ends[m.n], m.dot[m.n] = uint16(i), dot
			m.n++
			start, dot = i+1, false
		case bytePercent:
			plain = plain && percent.IsCanonical(path[i:])
			dot = dot || EncodedDot(path[i:])
		default:
			return false, ErrByte
		}
	}
	if m.n == MaxSegments || dot && isDots(path[start:]) {
		return false, cutError(m.n)
	}
	m.ends[m.n], m.dot[m.n] = uint16(len(path)), dot
	m.n++
	return plain, nil
}

func cutError(segments int) error {
	if segments == MaxSegments {
		return ErrLong
	}
	return ErrDots
}

// isDots tells whether a segment is "." or "..".
func isDots(s []byte) bool {
	return len(s) <= 2 && len(s) > 0 && s[0] == '.' && (len(s) == 1 || s[1] == '.')
}

// walk follows the trie from a raw segment on; depth counts pattern segments. It returns true when the search is over.
func (m *Matcher) walk(n *node, segment, depth int) bool {
	if segment >= m.n {
		return n.leaf != nil && m.reach(n.leaf, depth)
	}
	if depth >= MaxSegments {
		return false
	}
	raw := m.path[m.start(segment):m.ends[segment]]
	m.taken[depth] = uint8(segment)
	if next := n.literals.find(raw); next != nil && m.walk(next, segment+1, depth+1) {
		return true
	}
	if len(n.edges) == 0 && segment+1 < m.n {
		return false
	}
	dot := m.dot[segment]
	last := segment+1 == m.n && !m.plain && dot
	if last && n.formatted(raw) {
		m.dotted = true
		return true
	}
	for i := range n.edges {
		e := &n.edges[i]
		if last && e.shape == ShapeWord && e.to.leaf != nil {
			m.dotted = true
			return true
		}
		if e.pair {
			if segment+1 < m.n {
				m.taken[depth] = uint8(segment + 1)
				if m.walk(e.to, segment+2, depth+1) {
					return true
				}
			}
			continue
		}
		if e.splat {
			for to := segment; to < m.n; to++ {
				m.taken[depth] = uint8(to)
				if m.walk(e.to, to+1, depth+1) {
					return true
				}
			}
			continue
		}
		m.taken[depth] = uint8(segment)
		if e.takes(raw, dot) && m.walk(e.to, segment+1, depth+1) {
			return true
		}
	}
	return false
}

// formatted tells whether a literal child of n stands before a dot of raw: issues.json is the row of issues.
func (n *node) formatted(raw []byte) bool {
	for i := 1; i < len(raw); i++ {
		if raw[i] != '.' && !EncodedDot(raw[i:]) {
			continue
		}
		if next := n.literals.find(raw[:i]); next != nil && next.leaf != nil {
			return true
		}
	}
	return false
}

// reach takes a leaf. A row with After goes on looking for the rows that the forge tries before it.
func (m *Matcher) reach(l *Leaf, depth int) bool {
	if m.found == nil || slices.Contains(m.found.Pattern.After, l.Pattern) {
		m.found = l
		copy(m.kept[:depth], m.taken[:depth])
	}
	return len(m.found.Pattern.After) == 0
}
