package pattern

import (
	"fmt"
	"regexp"
	"strings"
)

// MaxCaptures bounds the captures of one pattern.
const MaxCaptures = 10

// Pattern is the path of a row, parsed. Optional parts and declared formats are written out as variants.
type Pattern struct {
	Variants []*Variant
	Slash    bool       // a trailing slash is allowed too
	After    []*Pattern // those that the forge tries before this one although this one is more literal
	Formats  []string   // declared suffixes, without the dot
}

// Variant is one spelling of a pattern: its segments in order.
type Variant struct {
	Segments []Segment
	Captured []int    // the segments that hold a capture
	Runs     []Run    // the same as Segments, with all literals between two captures in one
	Names    []string // of the captures, in path order
	Classes  []string // of the captures, by name
	// Contested are the wide paths that a request of this form may fit too.
	Contested []*Wide
}

// Run is a capture, or what stands before, between or behind captures, slashes included.
type Run struct {
	Literal string
	Capture bool
}

// Segment is one part of a variant between slashes.
type Segment struct {
	Literal string // when Parts is nil and Splat is false
	Parts   []Part // one capture alone, or captures between literals
	Splat   bool   // one or more whole raw segments, a single capture
	pair    bool   // exactly two whole raw segments, a single capture
}

// Part is a literal or a capture inside a segment.
type Part struct {
	Literal string
	Capture bool
	class   Class
}

// Class is what a capture takes.
type Class struct {
	Name  string
	Shape Shape
	Re    *regexp.Regexp // for ShapePattern
	Pair  bool           // exactly two raw segments
}

// Spec is what is said about a path besides.
type Spec struct {
	Formats []string // declared suffixes, without the dot
	Slash   bool     // a trailing slash is allowed too
	// Class gives the class of a capture. written is what stands in the path; empty: nothing does.
	Class func(capture, written string, splat bool) (Class, error)
}

// Parse reads a path in the table's notation: {name}, {name: class}, {*splat}, (optional). Expressions have braces and slashes
// of their own, so they never stand in a path.
func Parse(path string, spec Spec) (Pattern, error) {
	p := Pattern{Slash: spec.Slash, Formats: spec.Formats}
	spellings, err := ExpandOptional(path)
	if err != nil {
		return p, err
	}
	for _, s := range spellings {
		v, err := parseVariant(s, &spec)
		if err != nil {
			return p, err
		}
		p.Variants = append(p.Variants, v)
		for _, format := range spec.Formats {
			w, err := parseVariant(s+"."+format, &spec)
			if err != nil {
				return p, err
			}
			p.Variants = append(p.Variants, w)
		}
	}
	return p, nil
}

// ExpandOptional writes out the parenthesised parts of a path, longest spelling first. Parentheses inside a segment that has
// quotes, as NuGet's Packages(Id='...') has, are escaped with a backslash in the table.
func ExpandOptional(path string) ([]string, error) {
	open := -1
	for i := 0; i < len(path); i++ {
		switch path[i] {
		case '\\':
			i++
		case '(':
			if open >= 0 {
				return nil, fmt.Errorf("optional parts do not nest: %q", path)
			}
			open = i
		case ')':
			if open < 0 {
				return nil, fmt.Errorf("closing parenthesis without an opening one: %q", path)
			}
			with, err := ExpandOptional(path[:open] + path[open+1:i] + path[i+1:])
			if err != nil {
				return nil, err
			}
			without, err := ExpandOptional(path[:open] + path[i+1:])
			return append(with, without...), err
		}
	}
	if open >= 0 {
		return nil, fmt.Errorf("opening parenthesis without a closing one: %q", path)
	}
	return []string{path}, nil
}

func parseVariant(path string, spec *Spec) (*Variant, error) {
	v := &Variant{}
	for _, text := range strings.Split(path[1:], "/") {
		s, err := v.parseSegment(text, spec)
		if err != nil {
			return nil, fmt.Errorf("path %q: %w", path, err)
		}
		v.Segments = append(v.Segments, s)
		v.addRuns(&s)
		if s.Parts != nil {
			v.Captured = append(v.Captured, len(v.Segments)-1)
		}
	}
	if len(v.Segments) > MaxSegments {
		return nil, fmt.Errorf("path %q has more than %d segments", path, MaxSegments)
	}
	if len(v.Names) > MaxCaptures {
		return nil, fmt.Errorf("path %q has more than %d captures", path, MaxCaptures)
	}
	return v, nil
}

func (v *Variant) addRuns(s *Segment) {
	v.addLiteral("/" + s.Literal)
	for i := range s.Parts {
		if s.Parts[i].Capture {
			v.Runs = append(v.Runs, Run{Capture: true})
		} else {
			v.addLiteral(s.Parts[i].Literal)
		}
	}
}

func (v *Variant) addLiteral(text string) {
	if n := len(v.Runs); n > 0 && !v.Runs[n-1].Capture {
		v.Runs[n-1].Literal += text
		return
	}
	v.Runs = append(v.Runs, Run{Literal: text})
}

func (v *Variant) parseSegment(text string, spec *Spec) (Segment, error) {
	if text == "" {
		return Segment{}, fmt.Errorf("empty segment: write a trailing slash as the flag `slash`")
	}
	var s Segment
	rest := text
	for rest != "" {
		open := strings.IndexByte(rest, '{')
		if open < 0 {
			open = len(rest)
		}
		if open > 0 {
			s.Parts = append(s.Parts, Part{Literal: Unescape(rest[:open])})
			rest = rest[open:]
			continue
		}
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			return s, fmt.Errorf("%q: { without }", text)
		}
		p, splat, err := v.parseCapture(rest[1:end], spec)
		if err != nil {
			return s, err
		}
		rest = rest[end+1:]
		if n := len(s.Parts); n > 0 && s.Parts[n-1].Capture {
			return s, fmt.Errorf("%q: two captures need a literal between them", text)
		}
		if splat && rest == "" && len(s.Parts) == 0 {
			s.Splat = true
		}
		s.Parts = append(s.Parts, p)
	}
	for i := range s.Parts {
		if p := &s.Parts[i]; p.Capture && p.class.Pair {
			if len(s.Parts) > 1 || s.Splat {
				return s, fmt.Errorf("%q: a project takes two whole segments", text)
			}
			s.pair = true
		}
	}
	if len(s.Parts) == 1 && !s.Parts[0].Capture {
		s.Literal, s.Parts = s.Parts[0].Literal, nil
	}
	return s, nil
}

// parseCapture reads what stands between the braces: name, name: class, *name.
func (v *Variant) parseCapture(text string, spec *Spec) (Part, bool, error) {
	name, className, _ := strings.Cut(text, ":")
	name, splat := strings.CutPrefix(strings.TrimSpace(name), "*")
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return Part{}, false, fmt.Errorf("capture {%s}: a name has lower-case letters, digits and underscores", text)
	}
	for _, other := range v.Names {
		if other == name {
			return Part{}, false, fmt.Errorf("capture {%s} appears twice", name)
		}
	}
	c, err := spec.Class(name, strings.TrimSpace(className), splat)
	if err != nil {
		return Part{}, false, fmt.Errorf("capture {%s}: %w", name, err)
	}
	v.Names = append(v.Names, name)
	v.Classes = append(v.Classes, c.Name)
	return Part{class: c, Capture: true}, splat, nil
}

// Captures gives the names of the captures of a pattern's longest spelling.
func (p *Pattern) Captures() []string {
	if len(p.Variants) == 0 {
		return nil
	}
	return p.Variants[0].Names
}

// Spellings gives every spelling of the path, with {} for each capture.
func (p *Pattern) Spellings() []string {
	var out []string
	for _, v := range p.Variants {
		var b strings.Builder
		for i := range v.Segments {
			b.WriteByte('/')
			s := &v.Segments[i]
			if s.Parts == nil {
				b.WriteString(s.Literal)
				continue
			}
			for _, p := range s.Parts {
				if s.pair {
					b.WriteString("{}/")
				}
				if p.Capture {
					b.WriteString("{}")
				} else {
					b.WriteString(p.Literal)
				}
			}
		}
		out = append(out, b.String())
	}
	return out
}

// Shape names the requests that the longest spelling of the path matches, whatever its captures are called.
func (p *Pattern) Shape() string {
	var b strings.Builder
	for i := range p.Variants[0].Segments {
		s := &p.Variants[0].Segments[i]
		b.WriteByte('/')
		if s.Parts == nil {
			b.WriteString(s.Literal)
			continue
		}
		b.WriteByte('\n') // stands in no literal
		b.WriteString(newEdge(s).key)
	}
	return b.String()
}

// Unescape reads a literal of a path: parentheses that belong to it are written with a backslash.
func Unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s // nearly all; building a Replacer costs
	}
	return strings.NewReplacer(`\(`, "(", `\)`, ")").Replace(s)
}
