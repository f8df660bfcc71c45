package routes_test

import (
	"regexp"
	"strings"
)

// overlap walks two patterns of the forge side by side and makes the paths that both match. A splat, and a capture whose
// requirement takes slashes, stands for one segment or more.
type overlap struct {
	a, b      []forgeSegment
	steps     []overlapStep
	templates [][]overlapStep
}

// overlapStep is one raw segment of a path, which a segment of each pattern takes.
type overlapStep struct{ a, b *forgeSegment }

// forgeSegment is one part of a pattern of the forge between slashes.
type forgeSegment struct {
	text    string
	capture bool
	many    bool           // it takes further segments too
	fits    *regexp.Regexp // what one raw segment of it may be
}

// maxTemplates bounds the paths of one pair of patterns, before values are put in.
const maxTemplates = 256

// sampleValues are put in for captures, besides one that fulfils their requirements.
var sampleValues = []string{
	"7", "g%2Fp", "ab", "main", "v1.2.3", "x.gemspec.rz", "-", "A_b", "scan", "@g%2Fp", "a%2Eb", "a~b!(c)",
	strings.Repeat("c0ffee42", 8),
}

// sampleFormats are put behind a path: the forge cuts most of them off.
var sampleFormats = []string{"", ".json", ".zip", ".tar.gz", ".x", "%2Ejson"}

// forgeSegments splits a spelling of a row.
func (row *forgeRow) forgeSegments(spelling []string) []forgeSegment {
	var out []forgeSegment
	for _, text := range spelling {
		s := forgeSegment{text: text, capture: gitlabCapture.MatchString(text)}
		if s.capture {
			var b strings.Builder
			rest := text
			for m := gitlabCapture.FindStringIndex(rest); m != nil; m = gitlabCapture.FindStringIndex(rest) {
				requirement := row.requirement(rest[m[0]:m[1]])
				if m[0] == 0 && m[1] == len(text) {
					s.many = regexp.MustCompile("^(?:" + requirement + ")$").MatchString("a/b/c")
				}
				b.WriteString(regexp.QuoteMeta(rest[:m[0]]) + "(?:" + requirement + ")")
				rest = rest[m[1]:]
			}
			s.fits = regexp.MustCompile("^(?:" + b.String() + regexp.QuoteMeta(rest) + ")$")
		}
		out = append(out, s)
	}
	return out
}

// value gives the segment with a value in the place of its captures.
func (s *forgeSegment) value(value string) string {
	return gitlabCapture.ReplaceAllString(s.text, value)
}

// common gives paths that both patterns may match, as lists of raw segments.
func common(a, b []forgeSegment) [][]string {
	o := overlap{a: a, b: b}
	o.walk(0, 0, false)
	var out [][]string
	for _, steps := range o.templates {
		for i := -1; i < len(sampleValues); i++ {
			path := make([]string, len(steps))
			captures := false
			for j, s := range steps {
				path[j] = s.value(i)
				captures = captures || s.a.capture && s.b.capture
			}
			out = append(out, path)
			if !captures {
				break
			}
		}
	}
	return out
}

// walk goes on at a segment of each. stayed tells that both took one segment more already.
func (o *overlap) walk(i, j int, stayed bool) {
	if i == len(o.a) && j == len(o.b) {
		o.templates = append(o.templates, append([]overlapStep(nil), o.steps...))
		return
	}
	if i == len(o.a) || j == len(o.b) || len(o.templates) >= maxTemplates {
		return
	}
	a, b := &o.a[i], &o.b[j]
	if !a.capture && !b.capture && a.text != b.text {
		return
	}
	o.steps = append(o.steps, overlapStep{a, b})
	o.walk(i+1, j+1, stayed)
	if a.many {
		o.walk(i, j+1, stayed)
	}
	if b.many {
		o.walk(i+1, j, stayed)
	}
	if a.many && b.many && !stayed {
		o.walk(i, j, true)
	}
	o.steps = o.steps[:len(o.steps)-1]
}

// value gives the raw segment with the sample of that number; -1 is the first that fits both.
func (s overlapStep) value(sample int) string {
	switch {
	case !s.a.capture:
		return s.a.text
	case !s.b.capture:
		return s.b.text
	case sample >= 0:
		return s.narrower().value(sampleValues[sample])
	}
	for _, v := range sampleValues {
		for _, segment := range []string{s.a.value(v), s.b.value(v)} {
			if s.a.fits.MatchString(segment) && s.b.fits.MatchString(segment) {
				return segment
			}
		}
	}
	return s.narrower().value(sampleValues[0])
}

// narrower gives the one that has literals beside its captures.
func (s overlapStep) narrower() *forgeSegment {
	if len(gitlabCapture.ReplaceAllString(s.a.text, "")) > 0 {
		return s.a
	}
	return s.b
}

// spread gives paths for one pattern: each capture takes every sample, and several segments, while the others fit.
func spread(segments []forgeSegment) [][]string {
	var fitting []string
	for i := range segments {
		fitting = append(fitting, overlapStep{&segments[i], &segments[i]}.value(-1))
	}
	out := [][]string{fitting}
	for i := range segments {
		if !segments[i].capture {
			continue
		}
		for _, v := range append([]string{"7/x", "7/-/x", "a/b/c.d"}, sampleValues...) {
			path := append([]string(nil), fitting...)
			path[i] = segments[i].value(v)
			out = append(out, path)
		}
	}
	return out
}
