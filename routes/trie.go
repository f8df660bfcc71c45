package routes

import (
	"bytes"
	"regexp"
	"slices"
)

// node is a place in the trie of one method. Literal children are tried before captures, captures before splats: at the
// first segment in which two rows differ, the more literal one wins.
type node struct {
	literals literals
	edges    []edge // captures from narrow to wide, then splats
	leaf     *leaf
}

type leaf struct {
	route   *Route
	variant *variant
}

// edge leads on by something that is not a literal.
type edge struct {
	to    *node
	rank  int // order among the edges of a node
	splat bool
	pair  bool           // takes two segments
	shape shape          // of a capture that fills the segment
	re    *regexp.Regexp // for shapePattern
	key   string         // same key, same edge
	parts []part         // captures between literals; nil otherwise
}

// insert puts a variant of a row into the trie. The leaf that already stands there, if any, is returned instead.
func (n *node) insert(r *Route, v *variant) *leaf {
	at := n
	for i := range v.segments {
		at = at.child(&v.segments[i])
	}
	if at.leaf != nil {
		return at.leaf
	}
	at.leaf = &leaf{route: r, variant: v}
	return nil
}

func (n *node) child(s *segment) *node {
	if s.parts == nil {
		if next := n.literals.find([]byte(s.literal)); next != nil {
			return next
		}
		next := &node{}
		n.literals.add(s.literal, next)
		return next
	}
	e := newEdge(s)
	for i := range n.edges {
		if n.edges[i].key == e.key {
			return n.edges[i].to
		}
	}
	e.to = &node{}
	n.edges = append(n.edges, e)
	slices.SortStableFunc(n.edges, func(a, b edge) int { return a.rank - b.rank })
	return e.to
}

// Ranks of edges, lowest first: the more a segment says, the sooner it is tried.
const (
	rankMixed   = 1000 // less the length of its literals
	rankPattern = 2000
	rankWord    = 3000
	rankText    = 4000
	rankPair    = 4500
	rankSplat   = 5000
)

func newEdge(s *segment) edge {
	if s.splat {
		return edge{splat: true, rank: rankSplat, key: "*"}
	}
	if s.pair {
		return edge{pair: true, rank: rankPair, key: "pair"}
	}
	if len(s.parts) == 1 {
		p := s.parts[0]
		switch p.class.shape {
		case shapePattern:
			return edge{shape: shapePattern, re: p.re, rank: rankPattern, key: p.class.name}
		case shapeWord:
			return edge{shape: shapeWord, rank: rankWord, key: "word"}
		default:
			return edge{shape: shapeText, rank: rankText, key: "text"}
		}
	}
	e := edge{parts: s.parts, rank: rankMixed, key: "mixed"}
	for _, p := range s.parts {
		if p.capture {
			e.key += "{" + p.class.name + "}"
		} else {
			e.rank -= len(p.literal)
			e.key += p.literal
		}
	}
	return e
}

// takes tells whether a raw segment fits the edge.
func (e *edge) takes(raw []byte, dot bool) bool {
	if e.parts != nil {
		var spans [MaxCaptures]span
		_, ok := splitParts(e.parts, raw, spans[:0])
		return ok
	}
	return takesShape(e.shape, e.re, raw, dot)
}

// takesShape tells whether a capture takes a raw segment. dot tells that there is a dot in it, written or encoded.
func takesShape(s shape, re *regexp.Regexp, raw []byte, dot bool) bool {
	if len(raw) == 0 {
		return false
	}
	switch s {
	case shapeWord:
		return !dot
	case shapePattern:
		return re.Match(raw)
	default:
		return true
	}
}

// span is a half-open range of bytes of a path, which maxTarget keeps within 16 bits.
type span struct{ from, to uint16 }

func newSpan(from, to int) span { return span{uint16(from), uint16(to)} }

// splitParts finds the captures of a mixed segment: each ends at the first place where the literal behind it stands, the
// last one at the end. The spans are relative to raw.
func splitParts(parts []part, raw []byte, out []span) ([]span, bool) {
	at := 0
	for i := 0; i < len(parts); i++ {
		p := &parts[i]
		if !p.capture {
			if !bytes.HasPrefix(raw[at:], []byte(p.literal)) {
				return nil, false
			}
			at += len(p.literal)
			continue
		}
		end := len(raw)
		if i+1 < len(parts) {
			next := []byte(parts[i+1].literal)
			found := bytes.Index(raw[at:], next)
			if i+2 == len(parts) { // the literal closes the segment
				found = len(raw) - at - len(next)
				if found < 0 || !bytes.HasSuffix(raw, next) {
					return nil, false
				}
			}
			if found < 0 {
				return nil, false
			}
			end = at + found
		}
		if end == at || !takesShape(p.class.shape, p.re, raw[at:end], !wordShape(raw[at:end])) {
			return nil, false
		}
		out = append(out, newSpan(at, end))
		at = end
	}
	return out, at == len(raw)
}
