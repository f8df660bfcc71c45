package desk

import (
	"io"
	"slices"
	"strings"

	"patgate/admin/marks"
	"patgate/cli/terminal"
	"patgate/policy"
	"patgate/store"
)

// Dangers say what is dangerous about permissions. They are the same for all forges: these share the names, and what is
// dangerous at one forge is said for all.
type Dangers struct {
	judges []*marks.Judge
	red    func(string) string
}

// NewDangers makes those for what is printed to w.
func NewDangers(w io.Writer) (*Dangers, error) {
	tables, err := allTables()
	if err != nil {
		return nil, err
	}
	d := &Dangers{red: terminal.Red(w)}
	for _, table := range tables {
		d.judges = append(d.judges, marks.NewJudge(table))
	}
	return d, nil
}

// Radius measures the blast radius of a token, by the forge's weights if it was judged by them, else by those of the first.
func (d *Dangers) Radius(l *store.Listed) *marks.Radius {
	var first *marks.Radius
	for _, judge := range d.judges {
		radius := judge.Of(l)
		if radius.Figure == l.Kept.Reach {
			return &radius
		}
		if first == nil {
			first = &radius
		}
	}
	return first
}

// of gives the dangers of a permission, each in words of two; none for most.
func (d *Dangers) of(name string) (all []string) {
	for _, judge := range d.judges {
		all = join(all, judge.Dangers(name))
	}
	return all
}

// among gives the dangers of scopes, the gravest first.
func (d *Dangers) among(scopes []policy.ScopeSpec) (all []string) {
	for _, judge := range d.judges {
		radius := judge.Radius(scopes, 0)
		all = join(all, radius.Dangers)
	}
	return all
}

// join adds what is not there yet.
func join(all, more []string) []string {
	for _, text := range more {
		if !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

// Told gives permissions for people: what is dangerous comes first, with what is dangerous about it, and is red on a terminal.
func (d *Dangers) Told(names []string) []string {
	var first, rest []string
	for _, name := range names {
		if dangers := d.of(name); len(dangers) > 0 {
			first = append(first, d.red(name+" ("+strings.Join(dangers, ", ")+")"))
		} else {
			rest = append(rest, name)
		}
	}
	return append(first, rest...)
}
