package load

import (
	"slices"

	"gopkg.in/yaml.v3"

	"patgate/routes"
	"patgate/routes/load/document"
)

// targets reads `targets:` and then makes sure that every container of the path is either the row's own or a target.
func (s *section) targets(r *routes.Route, places placement) {
	if places.targets != nil {
		for _, item := range s.List(places.targets, "targets") {
			if t, ok := s.target(item, r); ok {
				r.Targets = append(r.Targets, t)
			}
		}
	}
	for _, name := range r.Pattern.Captures() {
		ref := r.Pattern.Reference(name)
		own := r.Find.From == routes.FindInPath && r.Find.Name == name
		listed := slices.ContainsFunc(r.Targets, func(t routes.Target) bool { return t.Capture == name })
		if ref.IsContainer() && !own && !listed {
			s.ProblemAt(r.Source.Line, "add `targets: [{capture: "+name+
				", needs: [...]}]`, or give the capture a class that is not a reference",
				"%s %s names a second %s in {%s} that nothing checks", r.Method, r.Path, ref, name)
		}
	}
}

// target reads one entry of `targets:`.
func (s *section) target(n *yaml.Node, r *routes.Route) (routes.Target, bool) {
	t := routes.Target{Needs: r.Needs, SendPath: s.table.named}
	name, capture, ref := s.reference(n, "a target", r,
		document.On("needs", func(v *yaml.Node) { t.Needs = s.permissions(v, "needs", nil) }),
		document.On("required", func(v *yaml.Node) { t.Required = s.Flag(v, "required") }),
		document.On("send", func(v *yaml.Node) { t.SendPath = s.sendsPath(v) }),
		document.On("before", func(v *yaml.Node) { t.Before, _ = s.Line(v, "before") }),
	)
	if ref == routes.RefNone {
		return t, false
	}
	t.Ref = ref
	if capture {
		t.Capture = name
		if r.Find.From == routes.FindInPath && r.Find.Name == name {
			s.Problem(n, "remove it, or name another container under `find:`",
				"capture %q is the row's own container, not a further one", name)
		}
		if t.Before != "" {
			s.Problem(n, "remove before", "capture %q is a reference as a whole", name)
		}
		if slices.ContainsFunc(r.Targets, func(o routes.Target) bool { return o.Capture == name }) {
			s.Problem(n, "merge the two", "capture %q is a target twice", name)
		}
	} else {
		t.Param = name
		s.targetParam(n, r, name)
	}
	for _, p := range t.Needs {
		t.NeedSet.Add(p)
	}
	return t, true
}

// sendsPath reads `send:`, the form in which the forge wants a reference: id or path.
func (s *section) sendsPath(n *yaml.Node) bool {
	form, _ := s.Text(n, "send")
	if form != "" && form != "id" && form != "path" {
		s.Problem(n, "write id or path", "unknown form %q to send", form)
	}
	return form == "path"
}
