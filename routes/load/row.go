package load

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"patgate/routes"
	"patgate/routes/load/document"
)

// rowList reads a list of rows.
func (s *section) rowList(n *yaml.Node, what string) []row {
	var out []row
	for _, item := range s.List(n, what) {
		if r, ok := s.row(item); ok {
			out = append(out, r)
		}
	}
	return out
}

// row reads one row: a text, or a mapping with `route:` and more.
func (s *section) row(n *yaml.Node) (row, bool) {
	at, text := n, ""
	ok := false
	if n.Kind == yaml.MappingNode && len(n.Content) > 0 {
		at = document.Value(n, "route")
		if at == nil {
			fix := "write `route: METHOD PATH`"
			if strings.Contains(n.Content[0].Value, "/") {
				fix = "put a row that has `: ` in it, such as {name: class}, between double quotes"
			}
			s.Problem(n, fix, "a row has no route")
			return row{}, false
		}
	}
	if text, ok = s.Text(at, "a row"); !ok {
		return row{}, false
	}
	spec, ok := parseRowText(s.Document, at, text)
	if !ok {
		return row{}, false
	}
	r := row{Route: &routes.Route{
		Kind: s.kind, Method: spec.method, Path: spec.path, Source: s.Source(at), Category: s.category,
		Since: max(spec.since, 1), Public: spec.public, Spans: spec.spans, Effects: spec.effects, Credential: s.credential,
		Surface: s.surface, Named: s.table.named, Reads: spec.reads, Fresh: spec.fresh, Refs: spec.refs, Auth: spec.auth,
		Redirects: spec.redirects || s.redirects && spec.method == "GET",
	}}
	base := s.table.base
	if s.surface != "" {
		base = "" // paths of other surfaces are whole
	}
	p, err := routes.ParsePattern(spec.path, routes.PatternSpec{
		Base:    base,
		Classes: s.classes,
		Formats: spec.formats,
		Slash:   spec.slash,
		Named:   s.table.named,
		Inner:   s.surface != "",
	})
	if err != nil {
		s.Problem(at, "see the path notation in docs/routes.md", "%v", err)
		return row{}, false
	}
	r.Pattern = p
	for _, name := range p.Captures() {
		s.used[name] = true
	}
	if spec.since > s.table.version {
		s.Problem(at, "raise `version:` of the table, or lower since",
			"since=%d is newer than the table's version %d", spec.since, s.table.version)
	}
	if s.kind == routes.KindPermission {
		r.Resource, r.Action = s.resource, s.action
		r.Needs = slices.Clone(s.needs)
	} else if spec.public || spec.spans || spec.boundaries != nil || spec.effects != nil {
		s.Problem(at, "remove the flag", "flags public, spans, boundary and effects belong to rows that need a permission")
	}
	var places placement
	if n.Kind == yaml.MappingNode {
		places = s.rowFields(n, &r)
	}
	if r.Escapes != "" && r.Mints == "" {
		s.Problem(at, "say with `mints` which credential it is, or remove the key",
			"the row says what a credential escapes, but mints none")
	}
	r.Response.Links = spec.links
	s.inheritParams(r.Route)
	if s.kind == routes.KindPermission {
		s.place(at, r.Route, spec.boundaries, places)
		s.targets(r.Route, places)
	}
	for _, p := range r.Needs {
		r.NeedSet.Add(p)
	}
	return r, true
}

// placement is what a row's mapping says about its containers, as nodes: it is read when the needs are known.
type placement struct {
	find, lookup, targets *yaml.Node
}

// rowFields reads the keys of a row's mapping.
func (s *section) rowFields(n *yaml.Node, r *row) placement {
	var places placement
	reads := []document.Field{
		document.On("route", func(*yaml.Node) {}),
		document.On("unsafe", func(v *yaml.Node) { r.unsafe = s.unsafe(v) }),
		document.On("after", func(v *yaml.Node) { r.After = s.after(v) }),
		document.On("body", func(v *yaml.Node) { r.Body = s.body(v) }),
		document.On("refuse", func(v *yaml.Node) { r.Refused, _ = s.Line(v, "the reason") }),
		document.On("parameters", func(v *yaml.Node) { r.Params = s.paramRules(v, "parameters") }),
	}
	if s.kind == routes.KindPermission {
		reads = append(reads,
			document.On("also", func(v *yaml.Node) { r.Needs = append(r.Needs, s.permissions(v, "also", r.Needs)...) }),
			document.On("find", func(v *yaml.Node) { places.find = v }),
			document.On("lookup", func(v *yaml.Node) { places.lookup = v }),
			document.On("targets", func(v *yaml.Node) { places.targets = v }),
			document.On("force", func(v *yaml.Node) { r.Force = s.forced(v) }),
			document.On("response", func(v *yaml.Node) { r.Response = s.response(v) }),
			document.On("mints", func(v *yaml.Node) { r.Mints, _ = s.Line(v, "the minted credential") }),
			document.On("escapes", func(v *yaml.Node) { r.Escapes, _ = s.Line(v, "what the minted credential escapes") }),
			document.On("issues", func(v *yaml.Node) { r.Issues = s.issues(v) }),
			document.On("effects", func(v *yaml.Node) { r.Effects = append(r.Effects, s.effects(v)...) }),
		)
	}
	s.Fields(n, "the row", reads...)
	return places
}

// unsafe reads `unsafe: true`, which only has a meaning in an overlay.
func (s *section) unsafe(n *yaml.Node) bool {
	v := s.Flag(n, "unsafe")
	if !s.Overlay {
		s.Problem(n, "remove the key", "`unsafe` belongs to overlays: it lets a row drop what the row it replaces says")
	}
	return v
}
