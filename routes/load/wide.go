package load

import (
	"errors"

	"gopkg.in/yaml.v3"

	"patgate/routes"
)

// readWide reads `wide:` of all files: paths in which one capture takes several segments.
func (a *assembly) readWide() []*routes.Wide {
	var out []*routes.Wide
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
func (d *document) widePath(n *yaml.Node, base string) *routes.Wide {
	path, ok := d.line(n, "a path under wide")
	if !ok {
		return nil
	}
	const notation = "write a path as in a row, with {*name} for the capture that takes several segments"
	p, err := routes.ParsePattern(path, routes.PatternSpec{Base: base})
	if err != nil {
		d.problem(n, notation, "wide: %v", err)
		return nil
	}
	w, err := routes.NewWide(p)
	switch {
	case errors.Is(err, routes.ErrNotWide):
		d.problem(n, notation, "wide: path %q: %v", path, err)
	case err != nil:
		d.problem(n, "leave it out", "wide: path %q: %v", path, err)
	}
	return w
}
