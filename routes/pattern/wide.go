package pattern

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"patgate/routes/percent"
)

// Wide is a path of the forge in which one capture takes several segments. A request that fits it and is of another row
// of the table is refused: which of the two the forge tries first would decide what it means.
type Wide struct {
	forms  [][]Segment // optional parts written out; what takes several segments is a capture and a splat
	needle []byte      // stands in every path of the forms; empty: not known
}

// ErrNotWide is the error of NewWide for a path without a capture that takes several segments.
var ErrNotWide = errors.New("no capture takes several segments")

// ErrMixed is the error of NewWide for a path that could be spelled in ways that nobody would see.
var ErrMixed = errors.New("a part has more than a name, or a character that may be written in two ways")

// NewWide reads the path of a pattern as one in which its splat is a capture that takes several segments.
func NewWide(p Pattern) (*Wide, error) {
	w := &Wide{}
	for _, v := range p.Variants {
		at := slices.IndexFunc(v.Segments, func(s Segment) bool { return s.Splat })
		if at < 0 {
			continue // the capture is in a part that is left out
		}
		w.forms = append(w.forms, slices.Insert(slices.Clone(v.Segments), at, Segment{Parts: v.Segments[at].Parts}))
		w.needle = literalBehind(v.Segments[at+1:]) // the last form has the fewest parts
	}
	if len(w.forms) == 0 {
		return nil, ErrNotWide
	}
	for _, v := range p.Variants {
		for i := range v.Segments {
			s := &v.Segments[i]
			if len(s.Parts) > 1 || strings.ContainsFunc(s.Literal, hasTwoSpellings) {
				return nil, ErrMixed
			}
		}
	}
	return w, nil
}

// hasTwoSpellings tells whether a character of a literal may be sent encoded or not: see percent.AppendCanonical.
func hasTwoSpellings(r rune) bool { return r > 0x7f || !percent.Unreserved(byte(r)) }

// literalBehind gives the literal with which segments begin, slashes included.
func literalBehind(segments []Segment) []byte {
	var out []byte
	for i := range segments {
		if segments[i].Parts != nil {
			break
		}
		out = append(append(out, '/'), segments[i].Literal...)
	}
	return out
}

// Contest notes for a variant the wide paths that have requests in common with it.
func (v *Variant) Contest(wides []*Wide) {
	v.Contested = nil
	for _, w := range wides {
		if slices.ContainsFunc(w.forms, func(form []Segment) bool { return meet(form, v.Segments) }) {
			v.Contested = append(v.Contested, w)
		}
	}
}

// meet tells whether some path may fit both lists of segments. Captures are taken to fit anything.
func meet(a, b []Segment) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	last := len(a) == 1 && len(b) == 1
	if a[0].Parts == nil && b[0].Parts == nil && !spells([]byte(b[0].Literal), a[0].Literal, last) {
		return false
	}
	return meet(a[1:], b[1:]) || manySegments(&a[0]) && meet(a, b[1:]) || manySegments(&b[0]) && meet(a[1:], b)
}

func manySegments(s *Segment) bool { return s.Splat || s.pair }

// isContested tells whether the path fits one of the wide paths too.
func (m *Matcher) isContested(wides []*Wide) bool {
	fits := func(form []Segment) bool { return m.fits(form, 0) }
	for _, w := range wides {
		if bytes.Contains(m.path, w.needle) && slices.ContainsFunc(w.forms, fits) {
			return true
		}
	}
	return false
}

// fits tells whether the path from a raw segment on fits a form.
func (m *Matcher) fits(form []Segment, from int) bool {
	for i := range form {
		if from == m.n {
			return false
		}
		s := &form[i]
		if s.Splat {
			for next := from + 1; next < m.n; next++ {
				if m.fits(form[i+1:], next) {
					return true
				}
			}
			return i == len(form)-1
		}
		if s.Parts == nil && !spells(m.path[m.start(from):m.ends[from]], s.Literal, from == m.n-1) {
			return false
		}
		from++
	}
	return from == m.n
}

// spells tells whether the forge may take a raw segment for a literal. At the end of a path it cuts off a format.
func spells(raw []byte, literal string, last bool) bool {
	if !hasPrefix(raw, literal) {
		return false
	}
	rest := raw[len(literal):]
	return len(rest) == 0 || last && (rest[0] == '.' || EncodedDot(rest))
}
