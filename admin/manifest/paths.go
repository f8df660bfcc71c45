package manifest

import (
	"slices"
	"strings"

	"patgate/routes"
)

// Path is a project or group that a file names by its path, or a limit by its id.
type Path struct {
	Kind   routes.RefKind
	Path   string
	Source routes.Source // of the object that names it first
	// Capped: a limit names it, so that all groups above it have to be known.
	Capped bool
}

// Paths gives the places that a set names by path, each once, in the order of its files.
func (s *Set) Paths() (all []Path) {
	add := func(o *Object, kind routes.RefKind, names []string) {
		_, capped := o.Spec.(*Ceiling)
		for _, name := range names {
			at := slices.IndexFunc(all, func(p Path) bool { return p.Kind == kind && p.Path == name })
			if _, is := number(name); at < 0 && (capped || !is) {
				all, at = append(all, Path{Kind: kind, Path: name, Source: o.Source}), len(all)
			}
			if capped {
				all[at].Capped = true
			}
		}
	}
	for _, o := range s.Objects {
		switch m := o.Spec.(type) {
		case *Ceiling:
			add(o, routes.RefGroup, m.Groups)
			add(o, routes.RefProject, m.Projects)
		case *Token:
			for i := range m.Scopes {
				add(o, routes.RefGroup, m.Scopes[i].Groups)
				add(o, routes.RefProject, m.Scopes[i].Projects)
			}
		}
	}
	return all
}

// Standing gives a place for a path that nobody has looked up yet, with which everything else of a set can be checked.
func Standing(p Path) Locked {
	out := Locked{ID: 1, Whole: true}
	if id, is := number(p.Path); is {
		out.ID = id
	}
	for range strings.Count(p.Path, "/") {
		out.Above = append(out.Above, 1)
	}
	return out
}

// WithLock gives files with another lock.
func WithLock(files []routes.File, name string, l *Lock) (all []routes.File) {
	for _, f := range files {
		if !IsLock(f.Name) {
			all = append(all, f)
		}
	}
	return append(all, routes.File{Name: name, Data: l.Text()})
}
