package routes

import (
	"bytes"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// wide is a path of the forge in which one capture takes several segments. A request that fits it and is of another row
// of the table is refused: which of the two the forge tries first would decide what it means.
type wide struct {
	forms  [][]segment // optional parts written out; what takes several segments is a capture and a splat
	needle []byte      // stands in every path of the forms; empty: not known
}

var errWide = refuse(CodeAmbiguousPath, "the forge could read several parts of the path as one id, and take another route")

// readWide reads `wide:` of all files.
func (a *assembly) readWide() []*wide {
	var out []*wide
	for _, d := range a.documents {
		if d.root == nil {
			continue
		}
		if n := valueOf(d.root, "wide"); n != nil {
			for _, item := range d.items(n, "wide") {
				if w := d.widePath(item, a.base); w != nil {
					out = append(out, w)
				}
			}
		}
	}
	return out
}

// widePath reads one path of `wide:`; nil when it is none.
func (d *document) widePath(n *yaml.Node, base string) *wide {
	path, ok := d.line(n, "a path under wide")
	if !ok {
		return nil
	}
	p, err := parsePattern(path, patternSpec{base: base})
	if err != nil {
		d.problem(n, "write a path as in a row, with {*name} for the capture that takes several segments", "wide: %v", err)
		return nil
	}
	w := &wide{}
	for _, v := range p.variants {
		at := slices.IndexFunc(v.segments, func(s segment) bool { return s.splat })
		if at < 0 {
			continue // the capture is in a part that is left out
		}
		w.forms = append(w.forms, slices.Insert(slices.Clone(v.segments), at, segment{parts: v.segments[at].parts}))
		w.needle = literalBehind(v.segments[at+1:]) // the last form has the fewest parts
	}
	if len(w.forms) == 0 {
		d.problem(n, "write {*name} for the capture that takes several segments", "wide: path %q has no such capture", path)
		return nil
	}
	for _, v := range p.variants {
		for i := range v.segments {
			s := &v.segments[i]
			if len(s.parts) > 1 || strings.ContainsFunc(s.literal, hasTwoSpellings) {
				d.problem(n, "leave it out", "wide: a part of %q has more than a name, or a character that may be written in two ways", path)
				return nil
			}
		}
	}
	return w
}

// hasTwoSpellings tells whether a character of a literal may be sent encoded or not: see appendCanonical.
func hasTwoSpellings(r rune) bool { return r > 0x7f || !unreserved(byte(r)) }

// literalBehind gives the literal with which segments begin, slashes included.
func literalBehind(segments []segment) []byte {
	var out []byte
	for i := range segments {
		if segments[i].parts != nil {
			break
		}
		out = append(append(out, '/'), segments[i].literal...)
	}
	return out
}

// contest notes for each variant of the rows the wide paths that have requests in common with it.
func contest(rows []*Route, wides []*wide) {
	for _, r := range rows {
		if r.Surface != "" {
			continue
		}
		for _, v := range r.pattern.variants {
			v.contested = nil
			for _, w := range wides {
				if slices.ContainsFunc(w.forms, func(form []segment) bool { return meet(form, v.segments) }) {
					v.contested = append(v.contested, w)
				}
			}
		}
	}
}

// meet tells whether some path may fit both lists of segments. Captures are taken to fit anything.
func meet(a, b []segment) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	last := len(a) == 1 && len(b) == 1
	if a[0].parts == nil && b[0].parts == nil && !spells([]byte(b[0].literal), a[0].literal, last) {
		return false
	}
	return meet(a[1:], b[1:]) || manySegments(&a[0]) && meet(a, b[1:]) || manySegments(&b[0]) && meet(a[1:], b)
}

func manySegments(s *segment) bool { return s.splat || s.pair }

// isContested tells whether the path fits one of the wide paths too.
func (m *matcher) isContested(wides []*wide) bool {
	for _, w := range wides {
		if bytes.Contains(m.path, w.needle) && slices.ContainsFunc(w.forms, func(form []segment) bool { return m.fits(form, 0) }) {
			return true
		}
	}
	return false
}

// fits tells whether the path from a raw segment on fits a form.
func (m *matcher) fits(form []segment, from int) bool {
	for i := range form {
		if from == m.n {
			return false
		}
		s := &form[i]
		if s.splat {
			for next := from + 1; next < m.n; next++ {
				if m.fits(form[i+1:], next) {
					return true
				}
			}
			return i == len(form)-1
		}
		if s.parts == nil && !spells(m.path[m.start(from):m.ends[from]], s.literal, from == m.n-1) {
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
	return len(rest) == 0 || last && (rest[0] == '.' || encodedDot(rest))
}
