package routes

import (
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// captures gives the names of the captures of a pattern's longest spelling.
func (p *pattern) captures() []string {
	if len(p.variants) == 0 {
		return nil
	}
	return p.variants[0].names
}

// refOf gives what a capture names; RefNone when it names nothing or does not exist.
func (p *pattern) refOf(name string) RefKind {
	for _, v := range p.variants {
		if i := slices.Index(v.names, name); i >= 0 {
			return v.classes[i].ref
		}
	}
	return RefNone
}

// isContainer tells whether a reference names something that has a boundary of its own. A user has none.
func isContainer(k RefKind) bool { return k == RefProject || k == RefGroup || k == RefNamespace }

// boundariesOf gives the boundaries that a container of that kind can be.
func boundariesOf(k RefKind) []Boundary {
	switch k {
	case RefProject:
		return []Boundary{BoundaryProject}
	case RefGroup:
		return []Boundary{BoundaryGroup}
	case RefNamespace:
		return []Boundary{BoundaryProject, BoundaryGroup}
	}
	return nil
}

// place finds out where a row's container is named and what its boundaries are: those that the row declares, else those
// that follow from the container, else the resource's.
func (s *section) place(at *yaml.Node, r *Route, declared []Boundary, places placement) {
	for _, name := range r.pattern.captures() {
		if ref := r.pattern.refOf(name); isContainer(ref) {
			r.Find = Find{From: FindInPath, Name: name, Ref: ref}
			break
		}
	}
	if places.find != nil && places.lookup != nil {
		s.problem(places.lookup, "keep one of them", "a row has both find and lookup")
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
		s.problem(at, "add the flag boundary=user, boundary=instance or another, or give the resource a `boundary:`",
			"%s %s names no project or group and declares no boundary", r.Method, r.Path)
	}
	if r.Public && len(r.Boundaries) > 0 && !slices.ContainsFunc(r.Boundaries, Boundary.InContainer) {
		s.problem(at, "remove the flag public", "%s %s is public, but has no project or group that could be", r.Method, r.Path)
	}
}

// inherited gives the boundaries of a row that declares none.
func (s *section) inherited(find Find) []Boundary {
	own := boundariesOf(find.Ref)
	if len(own) == 0 || slices.ContainsFunc(s.defaults, func(b Boundary) bool { return slices.Contains(own, b) }) {
		return s.defaults
	}
	return own
}

// find reads `find:`, which says in which parameter or capture the row's container is named.
func (s *section) find(n *yaml.Node, r *Route) {
	sendPath := s.table.named
	name, capture, ref := s.reference(n, "find", r, field{"send", func(v *yaml.Node) { sendPath = s.sendsPath(v) }})
	switch {
	case ref == RefNone:
	case capture:
		r.Find = Find{From: FindInPath, Name: name, Ref: ref}
	default:
		r.Find = Find{From: FindInParam, Name: name, Ref: ref, SendPath: sendPath}
		s.targetParam(n, r, name)
	}
}

// reference reads `{param: name, ref: project}` or `{capture: name}`, with further keys. ref is RefNone when it is wrong.
func (s *section) reference(n *yaml.Node, what string, r *Route, more ...field) (name string, capture bool, ref RefKind) {
	var nameNode, refNode *yaml.Node
	named := 0
	reads := append([]field{
		{"param", func(v *yaml.Node) { nameNode, named = v, named+1 }},
		{"capture", func(v *yaml.Node) { nameNode, capture, named = v, true, named+1 }},
		{"ref", func(v *yaml.Node) { refNode = v }},
	}, more...)
	if !s.fields(n, what, reads...) {
		return "", false, RefNone
	}
	if named != 1 {
		s.problem(n, "write {param: name, ref: project} or {capture: name}", "%s must name one parameter or one capture", what)
		return "", false, RefNone
	}
	name, ok := s.line(nameNode, "the name")
	if !ok {
		return "", false, RefNone
	}
	if refNode != nil {
		text, _ := s.text(refNode, "ref")
		if ref = parseRef(text); ref == RefNone {
			s.problem(refNode, "use project, group or namespace", "unknown ref %q", text)
			return name, capture, RefNone
		}
	}
	if !capture {
		if refNode == nil {
			s.problem(n, "add `ref: project`, group or namespace", "%s does not say what %q names", what, name)
		}
		return name, false, ref
	}
	own := r.pattern.refOf(name)
	switch {
	case !slices.Contains(r.pattern.captures(), name):
		s.problem(nameNode, DidYouMean(name, r.pattern.captures(), "name a capture of the path"), "the path has no capture %q", name)
		return name, true, RefNone
	case !isContainer(own):
		s.problem(nameNode, "give it the class project, group or namespace under `captures:`", "capture %q names no container", name)
		return name, true, RefNone
	case refNode != nil && ref != own:
		s.problem(refNode, "remove ref: the capture's class says it", "ref %s contradicts the class %s of capture %q", ref, own, name)
	}
	return name, true, own
}

// parseRef reads the kind of a container; RefNone for anything else.
func parseRef(text string) RefKind {
	for _, k := range []RefKind{RefProject, RefGroup, RefNamespace} {
		if text == k.String() {
			return k
		}
	}
	return RefNone
}

// targetParam marks a parameter as one that names a container, whatever the file says of its name.
func (s *section) targetParam(n *yaml.Node, r *Route, name string) {
	if own, set := r.Params[name]; set && own != s.parameters[name] || own == ParamTarget {
		s.problem(n, "remove one of them", "parameter %q is declared twice in one row", name)
		return
	}
	r.Params = maps.Clone(r.Params)
	if r.Params == nil {
		r.Params = map[string]ParamRule{}
	}
	r.Params[name] = ParamTarget
}

// lookup reads `lookup:`, an upstream read whose answer names the container.
func (s *section) lookup(n *yaml.Node, r *Route) {
	l := &Lookup{}
	set := func(to *string, what string) func(*yaml.Node) {
		return func(v *yaml.Node) { *to, _ = s.line(v, what) }
	}
	ok := s.fields(n, "lookup",
		field{"get", set(&l.Get, "get")}, field{"project", set(&l.Project, "project")}, field{"group", set(&l.Group, "group")},
		field{"instance", set(&l.Instance, "instance")}, field{"user", set(&l.User, "user")}, field{"send", set(&l.Send, "send")})
	if !ok {
		return
	}
	if l.Project == "" && l.Group == "" && l.Instance == "" && l.User == "" {
		s.problem(n, "add `project: field`, or group, instance or user",
			"lookup does not say which field of the answer names the container")
	}
	for _, condition := range []string{l.Instance, l.User} {
		if name, value, found := strings.Cut(condition, "="); condition != "" && (!found || name == "" || value == "") {
			s.problem(n, "write field=value, such as runner_type=instance_type", "condition %q of lookup has no value", condition)
		}
	}
	get, err := parsePattern(l.Get, patternSpec{base: s.table.base, named: s.table.named})
	if l.Get == "" || err != nil {
		s.problem(n, "add `get: /path/{capture}` with captures of the row", "lookup has no path that can be read upstream")
		return
	}
	for _, name := range get.captures() {
		if !slices.Contains(r.pattern.captures(), name) {
			s.problem(n, DidYouMean(name, r.pattern.captures(), "use a capture of the row"),
				"lookup reads %s, but the row has no capture %q", l.Get, name)
		}
	}
	r.Find = Find{From: FindByLookup, Lookup: l}
}
