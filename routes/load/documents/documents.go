// Package documents reads the rules by which GraphQL documents are read.
package documents

import (
	"gopkg.in/yaml.v3"

	"patgate/routes"
	"patgate/routes/load/document"
)

// Read reads `graphql:` of all files; nil when none has it. Problems are noted in the files.
func Read(files []*document.Document, forge string) *routes.Documents {
	var r *reader
	for _, d := range files {
		if d.Root == nil {
			continue
		}
		n := document.Value(d.Root, "graphql")
		if n == nil {
			continue
		}
		if r == nil {
			r = &reader{out: &routes.Documents{
				Schema:    routes.Schema(forge),
				Roots:     map[string]routes.DocumentRoot{},
				Arguments: map[string]routes.RefKind{},
				Objects:   map[string]routes.DocumentObject{},
				Inside:    map[string]bool{},
				Inherits:  map[string]bool{},
				Shown:     map[string][]string{},
				Edges:     map[string]string{},
				Widens:    map[string]string{},
				Templates: map[string]bool{},
				Refused:   map[string]string{},
				Sources:   map[string]routes.Source{},
			}}
		}
		r.Document = d
		r.read(n)
	}
	if r == nil {
		return nil
	}
	return r.out
}

// reader reads the rules of one file after another into one set. What a later file says about a name counts.
type reader struct {
	*document.Document
	out *routes.Documents
}

func (r *reader) read(n *yaml.Node) {
	r.Fields(n, "graphql",
		document.On("roots", func(v *yaml.Node) { r.each(v, "roots", r.root) }),
		document.On("arguments", r.arguments),
		document.On("objects", func(v *yaml.Node) { r.each(v, "objects", r.object) }),
		document.On("inside", func(v *yaml.Node) { r.names(v, "inside", func(name string) { r.out.Inside[name] = true }) }),
		document.On("inherits", func(v *yaml.Node) { r.names(v, "inherits", func(name string) { r.out.Inherits[name] = true }) }),
		document.On("shown", func(v *yaml.Node) {
			r.each(v, "shown", func(name string, v *yaml.Node) {
				r.out.Shown[name] = nil
				r.names(v, "shown", func(field string) { r.out.Shown[name] = append(r.out.Shown[name], field) })
			})
		}),
		document.On("edges", func(v *yaml.Node) { r.each(v, "edges", r.leads(r.out.Edges)) }),
		document.On("widens", func(v *yaml.Node) { r.each(v, "widens", r.leads(r.out.Widens)) }),
		document.On("templates", func(v *yaml.Node) {
			r.names(v, "templates", func(name string) { r.out.Templates[name] = true })
		}),
		document.On("refused", func(v *yaml.Node) {
			r.each(v, "refused", func(name string, v *yaml.Node) { r.out.Refused[name], _ = r.Line(v, "the reason") })
		}),
	)
}

// each reads a mapping by names, and notes where they stand.
func (r *reader) each(n *yaml.Node, list string, read func(name string, v *yaml.Node)) {
	r.Each(n, list, func(key, value *yaml.Node) {
		r.out.Sources[list+" "+key.Value] = r.Source(key)
		read(key.Value, value)
	})
}

// names reads a list of names.
func (r *reader) names(n *yaml.Node, list string, read func(name string)) {
	for _, item := range r.List(n, list) {
		if name, ok := r.Text(item, "a name of "+list); ok {
			r.out.Sources[list+" "+name] = r.Source(item)
			read(name)
		}
	}
}

// leads reads where something leads.
func (r *reader) leads(to map[string]string) func(name string, v *yaml.Node) {
	return func(name string, v *yaml.Node) { to[name], _ = r.Text(v, "where it leads") }
}

// root reads `user`, `profiles`, `instance`, or {project: argument, object: argument}.
func (r *reader) root(name string, v *yaml.Node) {
	if v.Kind == yaml.ScalarNode {
		text, _ := r.Text(v, "the boundary")
		if text == "profiles" {
			r.out.Roots[name] = routes.DocumentRoot{Boundary: routes.BoundaryUser, Profiles: true}
			return
		}
		b, err := routes.ParseBoundary(text)
		if err != nil || b.InContainer() {
			r.Problem(v, "write user, profiles, instance, or which argument names the container: {project: fullPath}",
				"%q does not say what %s belongs to", text, name)
			return
		}
		r.out.Roots[name] = routes.DocumentRoot{Boundary: b}
		return
	}
	root := routes.DocumentRoot{Arguments: map[string]routes.RefKind{}}
	r.Each(v, "a root", func(key, value *yaml.Node) {
		kind := routes.ParseContainer(key.Value)
		if kind == routes.RefNone && key.Value != "object" {
			r.Problem(key, "write project, group, namespace or object", "%q is not a kind of container", key.Value)
			return
		}
		for _, item := range r.Items(value, "the argument") {
			if arg, ok := r.Text(item, "an argument"); ok {
				root.Arguments[arg] = kind
			}
		}
	})
	r.out.Roots[name] = root
}

// arguments reads what names of arguments stand for.
func (r *reader) arguments(n *yaml.Node) {
	r.Each(n, "arguments", func(key, value *yaml.Node) {
		kind := routes.ParseContainer(key.Value)
		if kind == routes.RefNone && key.Value != "pass" {
			r.Problem(key, "write project, group, namespace or pass", "%q is nothing that an argument can name", key.Value)
			return
		}
		for _, item := range r.List(value, "arguments") {
			name, ok := r.Text(item, "an argument")
			if !ok {
				continue
			}
			if earlier, twice := r.out.Arguments[name]; twice && !r.Overlay {
				r.Problem(item, "keep one of them", "argument %s stands under %s already", name, earlier)
			}
			r.out.Sources["arguments "+name] = r.Source(item)
			r.out.Arguments[name] = kind
		}
	})
}

func (r *reader) object(name string, v *yaml.Node) {
	var o routes.DocumentObject
	line := func(to *string, what string) func(*yaml.Node) {
		return func(v *yaml.Node) { *to, _ = r.Text(v, what) }
	}
	if !r.Fields(v, "an object", document.On("get", line(&o.Get, "get")), document.On("project", line(&o.Project, "project")),
		document.On("group", line(&o.Group, "group"))) {
		return
	}
	if o.Get == "" || o.Project == "" && o.Group == "" {
		r.Problem(v, "write {get: workItem, project: project.id}",
			"object %s does not say how the forge is asked for its container", name)
	}
	r.out.Objects[name] = o
}
