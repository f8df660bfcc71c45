package load

import (
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"patgate/routes"
	"patgate/routes/load/document"
	"patgate/routes/nearest"
)

// place finds where a row's container is named, and its boundaries: as declared, else the container's, else the resource's.
func (s *section) place(at *yaml.Node, r *routes.Route, declared []routes.Boundary, places placement) {
	for _, name := range r.Pattern.Captures() {
		if ref := r.Pattern.Reference(name); ref.IsContainer() {
			r.Find = routes.Find{From: routes.FindInPath, Name: name, Ref: ref}
			break
		}
	}
	if places.find != nil && places.lookup != nil {
		s.Problem(places.lookup, "keep one of them", "a row has both find and lookup")
	}
	if places.find != nil {
		s.find(places.find, r)
	} else if places.lookup != nil {
		s.lookup(places.lookup, r)
	}
	r.Boundaries = declared
	if r.Boundaries == nil {
		r.Boundaries = s.inherited(r.Find)
	}
	if r.Boundaries == nil {
		s.Problem(at, "add the flag boundary=user, boundary=instance or another, or give the resource a `boundary:`",
			"%s %s names no project or group and declares no boundary", r.Method, r.Path)
	}
	if r.Public && len(r.Boundaries) > 0 && !slices.ContainsFunc(r.Boundaries, routes.Boundary.InContainer) {
		s.Problem(at, "remove the flag public", "%s %s is public, but has no project or group that could be", r.Method, r.Path)
	}
}

// inherited gives the boundaries of a row that declares none.
func (s *section) inherited(find routes.Find) []routes.Boundary {
	own := find.Ref.Boundaries()
	if len(own) == 0 || slices.ContainsFunc(s.defaults, func(b routes.Boundary) bool { return slices.Contains(own, b) }) {
		return s.defaults
	}
	return own
}

// find reads `find:`, which says in which parameter or capture the row's container is named.
func (s *section) find(n *yaml.Node, r *routes.Route) {
	sendPath := s.table.named
	name, capture, ref := s.reference(n, "find", r, document.On("send", func(v *yaml.Node) { sendPath = s.sendsPath(v) }))
	switch {
	case ref == routes.RefNone:
	case capture:
		r.Find = routes.Find{From: routes.FindInPath, Name: name, Ref: ref}
	default:
		r.Find = routes.Find{From: routes.FindInParam, Name: name, Ref: ref, SendPath: sendPath}
		s.targetParam(n, r, name)
	}
}

// reference reads `{param: name, ref: project}` or `{capture: name}`, with further keys. ref is RefNone when it is wrong.
func (s *section) reference(n *yaml.Node, what string, r *routes.Route, more ...document.Field) (
	name string, capture bool, ref routes.RefKind,
) {
	var nameNode, refNode *yaml.Node
	named := 0
	reads := append([]document.Field{
		document.On("param", func(v *yaml.Node) { nameNode, named = v, named+1 }),
		document.On("capture", func(v *yaml.Node) { nameNode, capture, named = v, true, named+1 }),
		document.On("ref", func(v *yaml.Node) { refNode = v }),
	}, more...)
	if !s.Fields(n, what, reads...) {
		return "", false, routes.RefNone
	}
	if named != 1 {
		s.Problem(n, "write {param: name, ref: project} or {capture: name}", "%s must name one parameter or one capture", what)
		return "", false, routes.RefNone
	}
	name, ok := s.Line(nameNode, "the name")
	if !ok {
		return "", false, routes.RefNone
	}
	if refNode != nil {
		text, _ := s.Text(refNode, "ref")
		if ref = routes.ParseContainer(text); ref == routes.RefNone {
			s.Problem(refNode, "use project, group or namespace", "unknown ref %q", text)
			return name, capture, routes.RefNone
		}
	}
	if !capture {
		if refNode == nil {
			s.Problem(n, "add `ref: project`, group or namespace", "%s does not say what %q names", what, name)
		}
		return name, false, ref
	}
	own := r.Pattern.Reference(name)
	switch {
	case !slices.Contains(r.Pattern.Captures(), name):
		fix := nearest.DidYouMean(name, r.Pattern.Captures(), "name a capture of the path")
		s.Problem(nameNode, fix, "the path has no capture %q", name)
		return name, true, routes.RefNone
	case !own.IsContainer():
		s.Problem(nameNode, "give it the class project, group or namespace under `captures:`",
			"capture %q names no container", name)
		return name, true, routes.RefNone
	case refNode != nil && ref != own:
		s.Problem(refNode, "remove ref: the capture's class says it",
			"ref %s contradicts the class %s of capture %q", ref, own, name)
	}
	return name, true, own
}

// targetParam marks a parameter as one that names a container, whatever the file says about its name.
func (s *section) targetParam(n *yaml.Node, r *routes.Route, name string) {
	if own, set := r.Params[name]; set && own != s.parameters[name] || own == routes.ParamTarget {
		s.Problem(n, "remove one of them", "parameter %q is declared twice in one row", name)
		return
	}
	r.Params = maps.Clone(r.Params)
	if r.Params == nil {
		r.Params = map[string]routes.ParamRule{}
	}
	r.Params[name] = routes.ParamTarget
}

// lookup reads `lookup:`, an upstream read whose answer names the container.
func (s *section) lookup(n *yaml.Node, r *routes.Route) {
	l := &routes.Lookup{}
	set := func(to *string, what string) func(*yaml.Node) {
		return func(v *yaml.Node) { *to, _ = s.Line(v, what) }
	}
	ok := s.Fields(n, "lookup",
		document.On("get", set(&l.Get, "get")),
		document.On("project", set(&l.Project, "project")),
		document.On("group", set(&l.Group, "group")),
		document.On("instance", set(&l.Instance, "instance")),
		document.On("user", set(&l.User, "user")),
		document.On("send", set(&l.Send, "send")))
	if !ok {
		return
	}
	if l.Project == "" && l.Group == "" && l.Instance == "" && l.User == "" {
		s.Problem(n, "add `project: field`, or group, instance or user",
			"lookup does not say which field of the answer names the container")
	}
	for _, condition := range []string{l.Instance, l.User} {
		if name, value, found := strings.Cut(condition, "="); condition != "" && (!found || name == "" || value == "") {
			s.Problem(n, "write field=value, such as runner_type=instance_type", "condition %q of lookup has no value", condition)
		}
	}
	get, err := routes.ParsePattern(l.Get, routes.PatternSpec{Base: s.table.base, Named: s.table.named})
	if l.Get == "" || err != nil {
		s.Problem(n, "add `get: /path/{capture}` with captures of the row", "lookup has no path that can be read upstream")
		return
	}
	for _, name := range get.Captures() {
		if !slices.Contains(r.Pattern.Captures(), name) {
			s.Problem(n, nearest.DidYouMean(name, r.Pattern.Captures(), "use a capture of the row"),
				"lookup reads %s, but the row has no capture %q", l.Get, name)
		}
	}
	r.Find = routes.Find{From: routes.FindByLookup, Lookup: l}
}
