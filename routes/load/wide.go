package load

import (
	"errors"

	"gopkg.in/yaml.v3"

	"patgate/routes"
	"patgate/routes/load/document"
	"patgate/routes/pattern"
)

// readWide reads `wide:` of all files: paths in which one capture takes several segments.
func (a *assembly) readWide() []*pattern.Wide {
	var out []*pattern.Wide
	for _, d := range a.documents {
		if d.Root == nil {
			continue
		}
		if n := document.Value(d.Root, "wide"); n != nil {
			for _, item := range d.Items(n, "wide") {
				if w := widePath(d, item, a.base); w != nil {
					out = append(out, w)
				}
			}
		}
	}
	return out
}

// widePath reads one path of `wide:`; nil when it is wrong.
func widePath(d *document.Document, n *yaml.Node, base string) *pattern.Wide {
	path, ok := d.Line(n, "a path under wide")
	if !ok {
		return nil
	}
	const notation = "write a path as in a row, with {*name} for the capture that takes several segments"
	p, err := routes.ParsePattern(path, routes.PatternSpec{Base: base})
	if err != nil {
		d.Problem(n, notation, "wide: %v", err)
		return nil
	}
	w, err := pattern.NewWide(p.Pattern)
	switch {
	case errors.Is(err, pattern.ErrNotWide):
		d.Problem(n, notation, "wide: path %q: %v", path, err)
	case err != nil:
		d.Problem(n, "leave it out", "wide: path %q: %v", path, err)
	}
	return w
}
