package manifest

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"patgate/routes"
	"patgate/routes/load/document"
)

// LockName is the name of the lock file, beside the files of a set.
const LockName = "patgate.lock"

// IsLock tells whether a file is a lock file.
func IsLock(name string) bool { return filepath.Base(name) == LockName }

// Lock says which id each path in the files of a set means.
type Lock struct {
	// Set is what the set is called in the store, wherever its files lie.
	Set              string
	Groups, Projects map[string]Locked
}

// Locked is the project or group that a path, or an id, means.
type Locked struct {
	ID int64
	// Above are the ids of the groups above it, nearest first; Whole says that these are all. They are looked up for the places
	// in limits, because what a token does to a group above reaches these too.
	Above []int64
	Whole bool
}

// ID gives the id of a project or group that a file names by a number, or by a path that the lock has.
func (l *Lock) ID(kind routes.RefKind, name string) (int64, bool) {
	if id, is := number(name); is {
		return id, true
	}
	p, ok := l.of(kind)[name]
	return p.ID, ok
}

// Locked gives what the lock knows about a project or group that a file names; false when it lacks it, or the groups above it.
func (l *Lock) Locked(kind routes.RefKind, name string) (Locked, bool) {
	p := l.of(kind)[name]
	if id, is := number(name); is && id != p.ID {
		return Locked{}, false
	}
	return p, p.Whole
}

// number reads an id as it is written: 7, and not +7 or 07.
func number(text string) (int64, bool) {
	id, err := strconv.ParseInt(text, 10, 64)
	return id, err == nil && id > 0 && strconv.FormatInt(id, 10) == text
}

// fits tells whether a place may have so many groups above it, by its path.
func fits(kind routes.RefKind, path string, above int) bool {
	if _, is := number(path); is {
		return true
	}
	names := strings.Count(path, "/")
	return above == names || kind == routes.RefProject && names == 1 && above == 0 // in somebody's own namespace
}

func (l *Lock) of(kind routes.RefKind) map[string]Locked {
	if kind == routes.RefGroup {
		return l.Groups
	}
	return l.Projects
}

// With puts one more path into the lock.
func (l *Lock) With(kind routes.RefKind, path string, p Locked) {
	if l.Groups == nil {
		l.Groups, l.Projects = map[string]Locked{}, map[string]Locked{}
	}
	l.of(kind)[path] = p
}

// Text gives the lock as a file, in an order of its own.
func (l *Lock) Text() []byte {
	var b bytes.Buffer
	b.WriteString("# Which project and group each path means, and for limits the groups above it. patgate apply writes it; " +
		"commit it with the files.\n")
	if l.Set != "" {
		fmt.Fprintf(&b, "set: %s\n", strconv.Quote(l.Set))
	}
	for _, part := range []struct {
		key string
		ids map[string]Locked
	}{{"groups", l.Groups}, {"projects", l.Projects}} {
		if len(part.ids) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s:\n", part.key)
		for _, path := range slices.Sorted(maps.Keys(part.ids)) {
			p := part.ids[path]
			text := strconv.FormatInt(p.ID, 10)
			if p.Whole {
				for _, id := range p.Above {
					text += ", " + strconv.FormatInt(id, 10)
				}
				text = "[" + text + "]"
			}
			fmt.Fprintf(&b, "  %s: %s\n", strconv.Quote(path), text)
		}
	}
	return b.Bytes()
}

// readLock reads a lock file.
func readLock(f routes.File) (l Lock, problems []routes.Problem) {
	d := document.Parse(f, false)
	if d.Root == nil {
		return l, d.Problems
	}
	ids := func(kind routes.RefKind) func(*yaml.Node) {
		return func(v *yaml.Node) {
			d.Each(v, "the lock", func(path, at *yaml.Node) {
				// A group without another above it needs no list.
				p, all := Locked{Whole: kind == routes.RefGroup && fits(kind, path.Value, 0)}, []*yaml.Node{at}
				if _, is := number(path.Value); is {
					p.Whole = false
				}
				if at.Kind == yaml.SequenceNode {
					p.Whole, all = true, d.Items(at, "the ids of "+path.Value)
				}
				for i, one := range all {
					n, is := number(one.Value)
					if !is || one.Kind != yaml.ScalarNode {
						d.Problem(one, "write the id of "+path.Value, "%s is not an id", document.Describe(one))
						return
					}
					if i == 0 {
						p.ID = n
					} else {
						p.Above = append(p.Above, n)
					}
				}
				if p.Whole && !fits(kind, path.Value, len(p.Above)) {
					d.Problem(at, "have patgate apply look it up", "%q does not lie in %d groups", path.Value, len(p.Above))
					return
				}
				l.With(kind, path.Value, p)
			})
		}
	}
	d.Fields(d.Root, LockName,
		document.On("set", func(v *yaml.Node) { l.Set, _ = d.Line(v, "set") }),
		document.On("groups", ids(routes.RefGroup)),
		document.On("projects", ids(routes.RefProject)))
	return l, d.Problems
}
