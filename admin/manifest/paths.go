package manifest

import (
	"strconv"

	"patgate/routes"
)

// Path is a project or group that a file names by its path.
type Path struct {
	Kind   routes.RefKind
	Path   string
	Source routes.Source // of the object that names it
}

// Paths gives what a set names by path, each once, in the order of its files.
func (s *Set) Paths() (all []Path) {
	seen := map[Path]bool{}
	add := func(o *Object, kind routes.RefKind, names []string) {
		for _, name := range names {
			one := Path{Kind: kind, Path: name}
			if _, err := strconv.ParseInt(name, 10, 64); err != nil && !seen[one] {
				seen[one] = true
				one.Source = o.Source
				all = append(all, one)
			}
		}
	}
	for _, o := range s.Objects {
		switch m := o.Spec.(type) {
		case *Limit:
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

// WithLock gives files with another lock in the place of theirs.
func WithLock(files []routes.File, name string, l *Lock) (all []routes.File) {
	for _, f := range files {
		if !IsLock(f.Name) {
			all = append(all, f)
		}
	}
	return append(all, routes.File{Name: name, Data: l.Text()})
}
