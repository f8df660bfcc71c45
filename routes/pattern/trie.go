package pattern

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// node is a place in the trie of one method. Literal children are tried before captures, captures before splats: at the
// first segment in which two rows differ, the more literal one wins.
type node struct {
	literals literals
	edges    []edge // captures from narrow to wide, then splats
	leaf     *Leaf
}

// Leaf is where a path ends that somebody has.
type Leaf struct {
	Pattern *Pattern
	Variant *Variant // of Pattern
	Of      any      // whose it is
}

// Trie finds variants by raw paths.
type Trie struct {
	root  node
	base  string
	trunk *node // where the base ends; nil where a path begins in another way
	depth int   // segments of the base
}

// edge leads on by something that is not a literal.
type edge struct {
	to    *node
	rank  int // order among the edges of a node
	splat bool
	pair  bool           // takes two segments
	shape Shape          // of a capture that fills the segment
	re    *regexp.Regexp // for ShapePattern
	key   string         // same key, same edge
	parts []Part         // captures between literals; nil otherwise
}

// Insert puts a leaf into the trie. The one that already stands there, if any, is returned instead.
func (t *Trie) Insert(l *Leaf) *Leaf {
	at := &t.root
	for i := range l.Variant.Segments {
		at = at.child(&l.Variant.Segments[i])
	}
	if at.leaf != nil {
		return at.leaf
	}
	at.leaf = l
	return nil
}

// FindTrunk finds the node at which a base ends, so that nearly every search can begin there. The nodes before must lead
// nowhere else, except by other literals. Nothing is inserted afterwards.
func (t *Trie) FindTrunk(base string) {
	segments := strings.Split(strings.TrimPrefix(base, "/"), "/")
	t.base, t.depth = base, len(segments)
	n := &t.root
	for _, s := range segments {
		if n == nil || n.leaf != nil || len(n.edges) > 0 {
			n = nil
			break
		}
		n = n.literals.find([]byte(s))
	}
	t.trunk = n
}

func (n *node) child(s *Segment) *node {
	if s.Parts == nil {
		if next := n.literals.find([]byte(s.Literal)); next != nil {
			return next
		}
		next := &node{}
		n.literals.add(s.Literal, next)
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

func newEdge(s *Segment) edge {
	if s.Splat {
		return edge{splat: true, rank: rankSplat, key: "*"}
	}
	if s.pair {
		return edge{pair: true, rank: rankPair, key: "pair"}
	}
	if len(s.Parts) == 1 {
		p := s.Parts[0]
		switch p.class.Shape {
		case ShapePattern:
			return edge{shape: ShapePattern, re: p.class.Re, rank: rankPattern, key: p.class.Name}
		case ShapeWord:
			return edge{shape: ShapeWord, rank: rankWord, key: "word"}
		default:
			return edge{shape: ShapeText, rank: rankText, key: "text"}
		}
	}
	e := edge{parts: s.Parts, rank: rankMixed, key: "mixed"}
	for _, p := range s.Parts {
		if p.Capture {
			e.key += "{" + p.class.Name + "}"
		} else {
			e.rank -= len(p.Literal)
			e.key += p.Literal
		}
	}
	return e
}

// takes tells whether a raw segment fits the edge.
func (e *edge) takes(raw []byte, dot bool) bool {
	if e.parts != nil {
		var spans [MaxCaptures]Span
		_, ok := Split(e.parts, raw, spans[:0])
		return ok
	}
	return takesShape(e.shape, e.re, raw, dot)
}

// Span is a half-open range of bytes of a path, which MaxPath keeps within 16 bits.
type Span struct{ From, To uint16 }

func newSpan(from, to int) Span { return Span{uint16(from), uint16(to)} }

// Split finds the captures of a mixed segment: each ends at the first place where the literal behind it stands, the
// last one at the end. The spans are relative to raw.
func Split(parts []Part, raw []byte, out []Span) ([]Span, bool) {
	at := 0
	for i := 0; i < len(parts); i++ {
		p := &parts[i]
		if !p.Capture {
			if !bytes.HasPrefix(raw[at:], []byte(p.Literal)) {
				return nil, false
			}
			at += len(p.Literal)
			continue
		}
		end := len(raw)
		if i+1 < len(parts) {
			next := []byte(parts[i+1].Literal)
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
		if end == at || !takesShape(p.class.Shape, p.class.Re, raw[at:end], !wordShape(raw[at:end])) {
			return nil, false
		}
		out = append(out, newSpan(at, end))
		at = end
	}
	return out, at == len(raw)
}
