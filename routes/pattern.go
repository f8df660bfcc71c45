package routes

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Pattern is the path of a row, parsed. Optional parts and declared formats are written out as variants.
type Pattern struct {
	variants []*variant
	slash    bool // a trailing slash is allowed too
	after    []*Route
	formats  []string // declared suffixes, without the dot
}

// variant is one spelling of a pattern: its segments in order.
type variant struct {
	segments []segment
	captured []int    // the segments that hold a capture
	runs     []run    // the same as segments, with all literals between two captures in one
	names    []string // capture names in path order
	classes  []*class // of the captures
	refusals []*Refusal
	// contested are the wide paths that a request of this form may fit too.
	contested []*Wide
}

// run is a capture, or what stands before, between or behind captures, slashes included.
type run struct {
	literal string
	capture bool
}

// segment is one part of a variant between slashes.
type segment struct {
	literal string // when parts is nil and splat is false
	parts   []part // one capture alone, or captures between literals
	splat   bool   // one or more whole raw segments, a single capture
	pair    bool   // exactly two whole raw segments, a single capture
}

// part is a literal or a capture inside a segment.
type part struct {
	literal string
	class   *class
	re      *regexp.Regexp
	capture bool
}

// PatternSpec is what a row says besides its path.
type PatternSpec struct {
	Base    string            // prepended to paths that do not start with it or with /api/
	Classes map[string]string // class by capture name
	Formats []string          // declared suffixes, without the dot
	Slash   bool              // a trailing slash is allowed too
	Named   bool              // containers are named by names: see Table.Named
	Inner   bool              // a path of another surface, whose classifier reads it: a project is a capture like any other
}

// maxSegments bounds the segments of a pattern and the raw segments of a path.
const maxSegments = 64

// ParsePattern reads a path in the table's notation: {name}, {name: class}, {*splat}, (optional). Expressions have
// braces and slashes of their own, so they stand under `captures`, never inline.
func ParsePattern(path string, spec PatternSpec) (Pattern, error) {
	p := Pattern{slash: spec.Slash, formats: spec.Formats}
	if !strings.HasPrefix(path, "/") {
		return p, fmt.Errorf("path %q must start with /", path)
	}
	full := path
	if !strings.HasPrefix(path, "/api/") {
		full = spec.Base + path
	}
	spellings, err := ExpandOptional(full)
	if err != nil {
		return p, err
	}
	for _, s := range spellings {
		v, err := parseVariant(s, &spec)
		if err != nil {
			return p, err
		}
		p.variants = append(p.variants, v)
		for _, format := range spec.Formats {
			w, err := parseVariant(s+"."+format, &spec)
			if err != nil {
				return p, err
			}
			p.variants = append(p.variants, w)
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

func parseVariant(path string, spec *PatternSpec) (*variant, error) {
	v := &variant{}
	for _, text := range strings.Split(path[1:], "/") {
		s, err := v.parseSegment(text, spec)
		if err != nil {
			return nil, fmt.Errorf("path %q: %w", path, err)
		}
		v.segments = append(v.segments, s)
		v.addRuns(&s)
		if s.parts != nil {
			v.captured = append(v.captured, len(v.segments)-1)
		}
	}
	if len(v.segments) > maxSegments {
		return nil, fmt.Errorf("path %q has more than %d segments", path, maxSegments)
	}
	if len(v.names) > MaxCaptures {
		return nil, fmt.Errorf("path %q has more than %d captures", path, MaxCaptures)
	}
	return v, nil
}

func (v *variant) addRuns(s *segment) {
	v.addLiteral("/" + s.literal)
	for i := range s.parts {
		if s.parts[i].capture {
			v.runs = append(v.runs, run{capture: true})
		} else {
			v.addLiteral(s.parts[i].literal)
		}
	}
}

func (v *variant) addLiteral(text string) {
	if n := len(v.runs); n > 0 && !v.runs[n-1].capture {
		v.runs[n-1].literal += text
		return
	}
	v.runs = append(v.runs, run{literal: text})
}

func (v *variant) parseSegment(text string, spec *PatternSpec) (segment, error) {
	if text == "" {
		return segment{}, fmt.Errorf("empty segment: write a trailing slash as the flag `slash`")
	}
	var s segment
	rest := text
	for rest != "" {
		open := strings.IndexByte(rest, '{')
		if open < 0 {
			open = len(rest)
		}
		if open > 0 {
			s.parts = append(s.parts, part{literal: Unescape(rest[:open])})
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
		if n := len(s.parts); n > 0 && s.parts[n-1].capture {
			return s, fmt.Errorf("%q: two captures need a literal between them", text)
		}
		if splat && rest == "" && len(s.parts) == 0 {
			s.splat = true
		}
		s.parts = append(s.parts, p)
	}
	for i := range s.parts {
		if p := &s.parts[i]; p.capture && p.class.pair() && !spec.Inner {
			if len(s.parts) > 1 || s.splat {
				return s, fmt.Errorf("%q: a project takes two whole segments", text)
			}
			s.pair = true
		}
	}
	if len(s.parts) == 1 && !s.parts[0].capture {
		s.literal, s.parts = s.parts[0].literal, nil
	}
	return s, nil
}

// parseCapture reads what stands between the braces: name, name: class, *name.
func (v *variant) parseCapture(text string, spec *PatternSpec) (part, bool, error) {
	name, className, inline := strings.Cut(text, ":")
	name, splat := strings.CutPrefix(strings.TrimSpace(name), "*")
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
		return part{}, false, fmt.Errorf("capture {%s}: a name has lower-case letters, digits and underscores", text)
	}
	for _, other := range v.names {
		if other == name {
			return part{}, false, fmt.Errorf("capture {%s} stands twice", name)
		}
	}
	className = strings.TrimSpace(className)
	if !inline {
		className = spec.Classes[name]
		if own := classNamed(name, spec.Named); className == "" && own != nil && own.ref != RefNone {
			className = name
		}
	}
	switch {
	case className == "" && (splat || spec.Named):
		className = "text" // a forge that names its containers takes dots anywhere
	case className == "":
		className = "word"
	}
	c, re, err := parseClass(className, spec.Named)
	if err != nil {
		return part{}, false, fmt.Errorf("capture {%s}: %w", name, err)
	}
	v.names = append(v.names, name)
	v.classes = append(v.classes, c)
	code := CodeValue
	if c.ref != RefNone {
		code = CodeReference
	}
	v.refusals = append(v.refusals, refuse(code, c.describe(name)))
	return part{class: c, re: re, capture: true}, splat, nil
}

// Captures gives the names of the captures of a pattern's longest spelling.
func (p *Pattern) Captures() []string {
	if len(p.variants) == 0 {
		return nil
	}
	return p.variants[0].names
}

// Reference gives what a capture names; RefNone when it names nothing or does not exist.
func (p *Pattern) Reference(name string) RefKind {
	for _, v := range p.variants {
		if i := slices.Index(v.names, name); i >= 0 {
			return v.classes[i].ref
		}
	}
	return RefNone
}

// Spellings gives every spelling of the path, with {} for each capture.
func (p *Pattern) Spellings() []string {
	var out []string
	for _, v := range p.variants {
		var b strings.Builder
		for i := range v.segments {
			b.WriteByte('/')
			s := &v.segments[i]
			if s.parts == nil {
				b.WriteString(s.literal)
				continue
			}
			for _, p := range s.parts {
				if s.pair {
					b.WriteString("{}/")
				}
				if p.capture {
					b.WriteString("{}")
				} else {
					b.WriteString(p.literal)
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
	for i := range p.variants[0].segments {
		s := &p.variants[0].segments[i]
		b.WriteByte('/')
		if s.parts == nil {
			b.WriteString(s.literal)
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
