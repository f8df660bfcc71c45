package params

import (
	"bytes"
	"strconv"

	"patgate/routes"
	"patgate/routes/params/names"
	"patgate/routes/params/refusal"
)

// decision is what happens to one leaf: a value that is no container of other values.
type decision struct {
	kind       entryKind
	rule       rule
	undeclared bool
}

// repeats tells whether the row lets the name stand more than once.
func (d *decision) repeats() bool {
	return d.rule.what == routes.ParamRepeat && d.rule.how == coveredExactly
}

// leaf is one value's name and where it stands.
type leaf struct {
	name  []byte // canonical
	value []byte // decoded text
	place place
	odd   bool // the name is outside the grammar: only a declaration lets it pass
	json  bool // a member of a JSON body, whose name is not parsed any further by the forge: "*" covers odd ones too
	empty bool // an object or a list with nothing in it
}

// decide applies, in this order: what the row forces, reserved names, the row's declarations, repetitions of the path,
// and the rule on identifiers.
func (s *Set) decide(l leaf) (decision, error) {
	if err := s.checkForced(l); err != nil {
		return decision{}, err
	}
	r, err := s.ruleFor(l.name)
	if err != nil {
		return decision{}, err
	}
	if err := s.checkReserved(l, r); err != nil {
		return decision{}, err
	}
	if l.odd && r.how != coveredExactly && !(l.json && r.how == coveredOpen) {
		return decision{}, s.refuseOdd(l.name)
	}
	switch {
	case r.how == notCovered:
		return s.decideUndeclared(l)
	case r.what == routes.ParamDrop && r.how == coveredExactly && l.place == inQuery:
		return decision{kind: entryDropped, rule: r}, nil
	case r.what == routes.ParamRefuse, r.what == routes.ParamDrop:
		return decision{}, refusal.Named(refusal.CodeDeclaredRefused, l.name, "is not allowed on "+s.row()+
			": the route table refuses it, since it would change what the request reaches or shows")
	case r.what == routes.ParamTarget && r.how == coveredExactly && r.target != nil && s.ownPart(r.target, l.value):
		return decision{rule: r}, nil
	case r.what == routes.ParamTarget && r.how == coveredExactly:
		return decision{kind: entryTarget, rule: r}, nil
	case r.what == routes.ParamPass, r.what == routes.ParamRepeat:
		if r.how != coveredExactly && s.refusedInAnotherShape(l.name) {
			return decision{}, refusal.Named(refusal.CodeShape, l.name, "is not allowed on "+s.row()+
				", in whatever shape it is sent: the route table refuses it")
		}
		if r.how == coveredBelow {
			if err := s.checkIdentifiers(l.name, r.within); err != nil {
				return decision{}, err
			}
		}
		return decision{rule: r}, nil
	case r.what == routes.ParamClosed && r.how == coveredExactly && l.empty:
		return decision{rule: r}, nil
	case r.what == routes.ParamClosed && r.how == coveredExactly:
		return decision{}, refusal.Named(refusal.CodeShape, l.name, "must be an object on "+s.row())
	case r.what == routes.ParamClosed:
		return decision{}, refusal.Named(refusal.CodeDeclaredRefused, l.name,
			"is not among what "+s.row()+" takes inside "+string(l.name[:r.within])+
				": leave it out, or declare it in the route table: parameters: {"+declaration(l.name)+": pass}")
	}
	return decision{}, refusal.Named(refusal.CodeTable, l.name, "has a rule on "+s.row()+" that patgate does not know")
}

// ownPart is for a value that may begin with a reference: it tells whether it has none, or names the owner of the path's
// project.
func (s *Set) ownPart(t *routes.Target, value []byte) bool {
	if t.Before == "" {
		return false
	}
	front, _, found := bytes.Cut(value, []byte(t.Before))
	if !found {
		return true
	}
	c := s.firstReference()
	if c == nil || !c.Named {
		return false
	}
	owner, _, _ := bytes.Cut(c.Value, []byte{'/'})
	own := bytes.EqualFold(front, owner)
	s.NamesOwner = s.NamesOwner || own
	return own
}

func (s *Set) refuseOdd(name []byte) error {
	return refusal.Named(refusal.CodeName, name,
		"is not a name that every forge reads in the same way: use small letters, digits, '_' and "+
			"[brackets], or declare the name for "+s.row())
}

// checkReserved refuses credentials, impersonation and methods, at the top and inside objects.
func (s *Set) checkReserved(l leaf, r rule) error {
	passes := r.what == routes.ParamPass || r.what == routes.ParamRepeat || r.what == routes.ParamTarget
	exact := r.how == coveredExactly && passes
	word, rest := names.NextWord(l.name)
	switch names.Reserve(word) {
	case names.ReservedAtTop:
		return refusal.Named(refusal.CodeReserved, l.name,
			"is reserved: patgate alone says who the request acts for and how. Send the token "+
				"in a header")
	case names.ReservedUnlessDeclared:
		if !exact && !s.forces(l.name) {
			return refusal.Named(refusal.CodeReserved, l.name, "is reserved and not declared for "+s.row()+
				": leave it out, or declare it there under parameters")
		}
	}
	declared := exact || r.how == coveredOpen && passes
	for len(rest) > 0 {
		if word, rest = names.NextWord(rest); names.Reserve(word) != names.NotReserved && !declared {
			return refusal.Named(refusal.CodeReserved, l.name, "is reserved and not declared for "+s.row()+
				": leave it out, or declare it there under parameters")
		}
	}
	return nil
}

// checkForced refuses another value than the one that the row forces.
func (s *Set) checkForced(l leaf) error {
	for i := range s.route.Force {
		f := &s.route.Force[i]
		same := string(l.name) == f.Name
		switch {
		case !same && string(names.RootOf(l.name)) != f.Name:
		case l.place == inBody:
			return refusal.Named(refusal.CodeForced, l.name, "is set by patgate in the query: leave it out of the body")
		case same && s.route.Chooses(l.name, l.value): // what it reaches besides is judged entry by entry
		case !same || string(l.value) != f.Value:
			return refusal.Named(refusal.CodeForced, l.name, "must be "+strconv.Quote(f.Value)+" on "+s.row()+
				": anything else reaches beyond what was granted")
		}
	}
	return nil
}

func (s *Set) forces(name []byte) bool {
	for i := range s.route.Force {
		if string(name) == s.route.Force[i].Name {
			return true
		}
	}
	return false
}

// decideUndeclared lets a name pass that the row does not declare: one that repeats the path with the same value, or one
// that does not look like an identifier.
func (s *Set) decideUndeclared(l leaf) (decision, error) {
	if s.forces(l.name) {
		return decision{}, nil
	}
	for i := range s.captures {
		c := &s.captures[i]
		if string(l.name) != c.Name || c.Value == nil {
			continue
		}
		if c.Ref != routes.RefNone && c == s.firstReference() {
			return s.decideRepeat(l)
		}
		if string(l.value) != string(c.Value) {
			return decision{}, refusal.Named(refusal.CodePathDiffers, l.name, "repeats the path with another value: leave it out")
		}
		return decision{}, nil
	}
	if s.namesFirstReference(l.name) {
		return s.decideRepeat(l)
	}
	if s.misshapen(l.name) {
		return decision{}, refusal.Named(refusal.CodeShape, l.name,
			"names a container in another shape than "+s.row()+" declares: send it as the row declares it")
	}
	if err := s.checkIdentifiers(l.name, 0); err != nil {
		return decision{}, err
	}
	return decision{undeclared: true}, nil
}

// checkIdentifiers refuses a name with a component behind the first from bytes that looks like an identifier. What is
// declared inside an object makes the object's own name harmless.
func (s *Set) checkIdentifiers(name []byte, from int) error {
	for rest := name[from:]; len(rest) > 0; {
		word, next := names.NextWord(rest)
		end := len(name) - len(rest) + len(word)
		if names.IdentifierWord(word) && (len(next) == 0 || !s.declaredInside(name[:end])) {
			return refusal.Named(refusal.CodeIdentifier, name, "looks like an identifier and is not declared for "+s.row()+
				": leave it out, or, when it cannot reach beyond the container that was checked, declare it in the route table: "+
				"parameters: {"+
				declaration(name)+": pass}; when it names a further container: targets: [{param: "+declaration(name)+", ...}]")
		}
		rest = next
	}
	return nil
}

func declaration(name []byte) string {
	if shown := refusal.ShowName(name); shown[0] == '"' {
		return shown
	}
	return "<name>"
}

// decideRepeat checks a parameter that repeats the path's first reference, as GitLab's own Link headers do (id=1). The
// forge lets the path win; the value must still be the same container. A number beside a path is compared in Resolve.
func (s *Set) decideRepeat(l leaf) (decision, error) {
	if !s.repeatsPath(l.value) {
		c := s.firstReference()
		if c.Named {
			return decision{}, refusal.Named(refusal.CodePathDiffers, l.name, "repeats the path with another value: leave it out")
		}
		given, ok := routes.ParseReference(c.Ref, l.value)
		path, pathOK := routes.ParseReference(c.Ref, c.Value)
		if !ok || !pathOK || given.ID == 0 || path.ID != 0 {
			return decision{}, refusal.Named(refusal.CodePathDiffers, l.name, "repeats the path with another value: leave it out")
		}
	}
	return decision{kind: entryRepeat}, nil
}

func (s *Set) repeatsPath(value []byte) bool {
	c := s.firstReference()
	return c != nil && string(c.Value) == string(value)
}

// firstReference gives the path's first container or user.
func (s *Set) firstReference() *routes.Capture {
	for i := range s.captures {
		if s.captures[i].Ref != routes.RefNone {
			return &s.captures[i]
		}
	}
	return nil
}

// namesFirstReference tells whether name is what the forge itself calls the path's first reference: id, or project_id of
// a project.
func (s *Set) namesFirstReference(name []byte) bool {
	c := s.firstReference()
	if c == nil || c.Named {
		return false
	}
	if string(name) == "id" {
		return true
	}
	switch c.Ref {
	case routes.RefProject:
		return string(name) == "project_id"
	case routes.RefGroup:
		return string(name) == "group_id"
	case routes.RefUser:
		return string(name) == "user_id"
	}
	return false
}
