package routes

import (
	"fmt"
	"slices"
	"strings"

	"patgate/routes/pattern"
)

// Pattern is the path of a row, parsed.
type Pattern struct {
	pattern.Pattern
	named bool
}

// form is one spelling of a row's path, with what its captures must be.
type form struct {
	pattern.Variant
	route    *Route
	classes  []*class // of the captures
	refusals []*Refusal
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

// ParsePattern reads a path in the table's notation: {name}, {name: class}, {*splat}, (optional). Expressions have
// braces and slashes of their own, so they stand under `captures`, never inline.
func ParsePattern(path string, spec PatternSpec) (Pattern, error) {
	if !strings.HasPrefix(path, "/") {
		return Pattern{}, fmt.Errorf("path %q must start with /", path)
	}
	if !strings.HasPrefix(path, "/api/") {
		path = spec.Base + path
	}
	p, err := pattern.Parse(path, pattern.Spec{Formats: spec.Formats, Slash: spec.Slash, Class: spec.class})
	return Pattern{Pattern: p, named: spec.Named}, err
}

// class gives the class of a capture: the one written in the path, else the one of the capture's name.
func (s *PatternSpec) class(capture, written string, splat bool) (pattern.Class, error) {
	if written == "" {
		written = s.Classes[capture]
	}
	switch {
	case written != "":
	case IsReferenceClass(capture, s.Named):
		written = capture
	case splat || s.Named:
		written = "text" // a forge that names its containers takes dots anywhere
	default:
		written = "word"
	}
	c, re, err := parseClass(written, s.Named)
	if err != nil {
		return pattern.Class{}, err
	}
	return pattern.Class{Name: c.name, Shape: c.shape, Re: re, Pair: c.pair() && !s.Inner}, nil
}

// forms gives the spellings of a row's path for a table with these wide paths.
func (r *Route) forms(wides []*pattern.Wide) (all []*form) {
	for _, v := range r.Pattern.Variants {
		f := &form{Variant: *v, route: r}
		f.Contest(wides)
		for i, name := range v.Classes {
			c := classNamed(name, r.Pattern.named)
			if c == nil {
				c = &class{name: name, shape: pattern.ShapePattern}
			}
			code := CodeValue
			if c.ref != RefNone {
				code = CodeReference
			}
			f.classes = append(f.classes, c)
			f.refusals = append(f.refusals, refuse(code, c.describe(v.Names[i])))
		}
		all = append(all, f)
	}
	return all
}

// Reference gives what a capture names; RefNone when it names nothing or does not exist.
func (p *Pattern) Reference(name string) RefKind {
	for _, v := range p.Variants {
		if i := slices.Index(v.Names, name); i >= 0 {
			if c := classNamed(v.Classes[i], p.named); c != nil {
				return c.ref
			}
		}
	}
	return RefNone
}
