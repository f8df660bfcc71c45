package manifest

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"

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
	Groups, Projects map[string]int64
}

// ID gives the id of what a file names: a number, or a path that the lock has.
func (l *Lock) ID(kind routes.RefKind, name string) (int64, bool) {
	if id, err := strconv.ParseInt(name, 10, 64); err == nil && id > 0 {
		return id, true
	}
	id, ok := l.of(kind)[name]
	return id, ok
}

func (l *Lock) of(kind routes.RefKind) map[string]int64 {
	if kind == routes.RefGroup {
		return l.Groups
	}
	return l.Projects
}

// With gives the lock with one more path.
func (l *Lock) With(kind routes.RefKind, path string, id int64) {
	if l.Groups == nil {
		l.Groups, l.Projects = map[string]int64{}, map[string]int64{}
	}
	l.of(kind)[path] = id
}

// Text gives the lock as a file, in an order of its own.
func (l *Lock) Text() []byte {
	var b bytes.Buffer
	b.WriteString("# Which project and group each path means. patgate apply writes it; commit it with the files.\n")
	if l.Set != "" {
		fmt.Fprintf(&b, "set: %s\n", strconv.Quote(l.Set))
	}
	for _, part := range []struct {
		key string
		ids map[string]int64
	}{{"groups", l.Groups}, {"projects", l.Projects}} {
		if len(part.ids) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s:\n", part.key)
		for _, path := range slices.Sorted(maps.Keys(part.ids)) {
			fmt.Fprintf(&b, "  %s: %d\n", strconv.Quote(path), part.ids[path])
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
			d.Each(v, "the lock", func(path, id *yaml.Node) {
				n, err := strconv.ParseInt(id.Value, 10, 64)
				if err != nil || n <= 0 {
					d.Problem(id, "write the id of "+path.Value, "%s is no id", document.Describe(id))
					return
				}
				l.With(kind, path.Value, n)
			})
		}
	}
	d.Fields(d.Root, LockName,
		document.On("set", func(v *yaml.Node) { l.Set, _ = d.Line(v, "set") }),
		document.On("groups", ids(routes.RefGroup)),
		document.On("projects", ids(routes.RefProject)))
	return l, d.Problems
}
