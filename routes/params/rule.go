package params

import (
	"patgate/routes"
	"patgate/routes/params/names"
	"patgate/routes/params/refusal"
)

// coverage says how the rules of a row cover a name. A longer rule wins over a shorter one.
type coverage uint8

const (
	notCovered coverage = iota
	// coveredBelow: a container above the name is declared; the elements of a list pass with it, identifiers inside an object
	// do not.
	coveredBelow
	// coveredOpen: a container above the name is declared as "x.*", or everything as "*"; reserved names inside objects
	// and names outside the grammar pass too.
	coveredOpen
	// coveredExactly: the name itself is declared.
	coveredExactly
)

// rule is what a row says about one canonical name.
type rule struct {
	how    coverage
	what   routes.ParamRule
	target *routes.Target
	find   bool
	within int // coveredBelow: the length of the container's name
}

// ruleFor looks a canonical name up in the row.
func (s *Set) ruleFor(name []byte) (rule, error) {
	var found rule
	for i := range s.route.Targets {
		t := &s.route.Targets[i]
		switch {
		case t.Param == "":
		case string(name) == t.Param:
			if found.target != nil {
				return rule{}, refusal.Named(refusal.CodeTable, name, "is listed twice under targets of "+s.row()+": merge "+
					"the two")
			}
			found.target, found.how, found.what = t, coveredExactly, routes.ParamTarget
		case names.Below(name, t.Param):
			return rule{}, refusal.Named(refusal.CodeShape, name, "must be one id or full path, not a list or an object")
		}
	}
	if find := &s.route.Find; find.From == routes.FindInParam {
		switch {
		case string(name) == find.Name:
			found.find, found.how, found.what = true, coveredExactly, routes.ParamTarget
		case names.Below(name, find.Name):
			return rule{}, refusal.Named(refusal.CodeShape, name, "must be one id or full path, not a list or an object")
		}
	}
	if found.how != notCovered || len(s.route.Params) == 0 {
		return found, nil
	}
	if what, ok := s.route.Params[string(name)]; ok && what != routes.ParamUndeclared {
		if what == routes.ParamTarget {
			return rule{}, refusal.Named(refusal.CodeTable, name, "is a target of "+s.row()+" that the row does not describe")
		}
		return rule{how: coveredExactly, what: what}, nil
	}
	for prefix := names.CutLast(name); ; prefix = names.CutLast(prefix) {
		s.key = append(s.key[:0], prefix...)
		if len(prefix) > 0 {
			s.key = append(s.key, '.')
		}
		s.key = append(s.key, '*')
		if what, ok := s.route.Params[string(s.key)]; ok && what != routes.ParamUndeclared {
			return rule{how: coveredOpen, what: what}, nil
		}
		if len(prefix) == 0 {
			return rule{}, nil
		}
		if what, ok := s.route.Params[string(prefix)]; ok && what != routes.ParamUndeclared {
			return rule{how: coveredBelow, what: what, within: len(prefix)}, nil
		}
	}
}

// declaredInside tells whether the row declares something inside the container called name, which makes the container's
// own name harmless: only its content is judged.
func (s *Set) declaredInside(name []byte) bool {
	for declared := range s.route.Params {
		if len(declared) > len(name) && names.Below([]byte(declared), string(name)) {
			return true
		}
	}
	for i := range s.route.Targets {
		if names.Below([]byte(s.route.Targets[i].Param), string(name)) {
			return true
		}
	}
	return s.route.Find.From == routes.FindInParam && names.Below([]byte(s.route.Find.Name), string(name))
}

// misshapen tells whether an undeclared name is a target in another shape: a list where the row names a value.
func (s *Set) misshapen(name []byte) bool {
	for i := range s.route.Targets {
		if p := s.route.Targets[i].Param; p != "" && names.SameButShape(name, p) {
			return true
		}
	}
	return s.route.Find.From == routes.FindInParam && names.SameButShape(name, s.route.Find.Name)
}

// refusedInAnotherShape tells whether a name that passes only because of a container above it is, without list marks, a parameter
// that the row refuses: a forge might take the list for its content.
func (s *Set) refusedInAnotherShape(name []byte) bool {
	if !s.nestedRead {
		s.nestedRead = true
		for declared, what := range s.route.Params {
			if what == routes.ParamRefuse && string(names.RootOf([]byte(declared))) != declared {
				s.nested = append(s.nested, declared)
			}
		}
	}
	for _, refused := range s.nested {
		if names.SameButShape(name, refused) {
			return true
		}
	}
	return false
}

// row names the row in messages.
func (s *Set) row() string { return s.route.Method + " " + s.route.Path }
