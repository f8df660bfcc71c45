package graphql

import (
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"patgate/routes"
)

// What a document has that clients usually send. There is room for it without asking for more.
const (
	usualActs   = 8
	usualFrames = 16
)

// reading is one document while it is read.
type reading struct {
	*Reader
	*Parsed
	given  []given
	open   []*ast.FragmentDefinition // that are being read
	used   []*ast.FragmentDefinition // that are needed
	frames []frame                   // room for the next ones

	out                    Document
	named                  []Reference
	visits, roots, aliases int
}

// Read reads a request. The error is a *Refusal.
func (r *Reader) Read(q *Request) (*Document, error) {
	p, err := parse(q)
	if err != nil {
		return nil, err
	}
	return r.ReadAgain(q, p)
}

// ReadAgain is Read for a request whose document and operation were read before, by this reader.
func (r *Reader) ReadAgain(q *Request, known *Parsed) (*Document, error) {
	n := len(known.fragments)
	room := make([]*ast.FragmentDefinition, 2*n)
	d := &reading{Reader: r, Parsed: known, open: room[:0:n], used: room[n:n]}
	d.out.Acts = make([]Act, 0, usualActs)
	if err := d.give(q); err != nil {
		return nil, err
	}
	root := r.schema.query
	if d.operation.Operation == ast.Mutation {
		d.out.Mutates = true
		root = r.schema.mutation
	}
	if err := d.selections(root, d.operation.SelectionSet, place{frame: &frame{}, declared: root, static: root}, 1); err != nil {
		return nil, err
	}
	var err error
	if known.printed == nil {
		known.fragments = d.used
		if known.printed, err = known.print(); err != nil {
			return nil, err
		}
	}
	if len(q.Query) <= keptQuery && d.visits <= keptVisits {
		d.out.parsed = known
	}
	d.out.operation, d.out.fragments = d.operation, d.used
	d.out.Body, err = d.body()
	return &d.out, err
}

// where says what the objects at some place of a document belong to.
type where struct {
	refs     []Reference
	reach    Reach           // of refs; ReachAnywhere has none
	boundary routes.Boundary // user or instance; none: refs
}

// place is a place in a document.
type place struct {
	where
	frame   *frame
	nearest []*row // rows that the nearest objects above needed
	at      where  // and where these were
	shown   bool   // only what is part of the object above is asked for
	// declared is the type that the schema gives the objects, and static that of the innermost fragment around.
	declared, static *typ
	// via is the type that an interface around gives the field which is read of one of its types; nil: none does.
	via *typ
}

func (d *reading) refuse(p *frame, code Code, message string) error {
	return &Refusal{Code: code, Message: message, Path: p.path()}
}

// selections reads what is asked for of an object of type t.
func (d *reading) selections(t *typ, set ast.SelectionSet, p place, depth int) error {
	if depth > MaxDepth {
		return d.refuse(p.frame, CodeLimit, "fields are nested deeper than "+strconv.Itoa(MaxDepth))
	}
	for _, s := range set {
		var err error
		switch s := s.(type) {
		case *ast.Field:
			if err = d.directives(p.frame, s.Directives); err == nil {
				err = d.field(t, s, p, depth)
			}
		case *ast.InlineFragment:
			if err = d.directives(p.frame, s.Directives); err == nil {
				err = d.fragment(t, s.TypeCondition, s.SelectionSet, p, depth)
			}
		case *ast.FragmentSpread:
			if err = d.directives(p.frame, s.Directives); err == nil {
				err = d.spread(t, s, p, depth)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// directives lets those pass that can only leave something out. What they leave out is read all the same.
func (d *reading) directives(p *frame, list ast.DirectiveList) error {
	for _, dir := range list {
		if dir.Name != "include" && dir.Name != "skip" && dir.Name != "gl_introduced" {
			return d.refuse(p, CodeDirective, "the directive @"+dir.Name+" is not supported: @include and @skip are")
		}
		for _, a := range dir.Arguments {
			if err := d.declared(p, a.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

// declared makes sure that the variables in a value are declared.
func (d *reading) declared(p *frame, v *ast.Value) error {
	if v.Kind == ast.Variable && d.operation.VariableDefinitions.ForName(v.Raw) == nil {
		return d.refuse(p, CodeDocument, "the variable $"+v.Raw+" is not declared")
	}
	for _, child := range v.Children {
		if err := d.visit(p); err != nil {
			return err
		}
		if err := d.declared(p, child.Value); err != nil {
			return err
		}
	}
	return nil
}

func (d *reading) spread(t *typ, s *ast.FragmentSpread, p place, depth int) error {
	f := d.fragments.ForName(s.Name)
	switch {
	case f == nil:
		return d.refuse(p.frame, CodeDocument, "there is no fragment "+s.Name)
	case len(f.Directives) > 0 || len(f.VariableDefinition) > 0:
		return d.refuse(p.frame, CodeDirective, "a fragment may carry no directive and no variables of its own")
	}
	for _, open := range d.open {
		if open == f {
			return d.refuse(p.frame, CodeDocument, "the fragment "+s.Name+" contains itself")
		}
	}
	d.use(f)
	d.open = append(d.open, f)
	err := d.fragment(t, f.TypeCondition, f.SelectionSet, p, depth)
	d.open = d.open[:len(d.open)-1]
	return err
}

// fragment reads selections for the objects of t that are of the type of a condition.
func (d *reading) fragment(t *typ, condition string, set ast.SelectionSet, p place, depth int) error {
	if err := d.visit(p.frame); err != nil {
		return err
	}
	if condition == "" {
		return d.selections(t, set, p, depth+1)
	}
	of := d.schema.types[condition]
	if of == nil || of.kind != objectKind && of.kind != abstractKind {
		return d.refuse(p.frame, CodeField, "the schema of GitLab 19.3 has no type "+condition+" with fields")
	}
	if !overlap(p.static, of) || !overlap(p.declared, of) && p.declared.kind == abstractKind {
		// Of another version of the schema they might overlap, and nobody would have read what is asked for.
		return d.refuse(p.frame, CodeDocument, "a fragment on "+condition+" stands where no object can be one")
	}
	inner := p
	inner.static = of
	matched := false
	for _, c := range of.possible {
		if !slices.Contains(t.possible, c) {
			continue
		}
		matched = true
		entered := inner
		if t.kind == abstractKind {
			var err error
			if entered, err = d.enter(c, inner); err != nil {
				return err
			}
		}
		if err := d.visit(p.frame); err != nil {
			return err
		}
		if err := d.selections(c, set, entered, depth+1); err != nil {
			return err
		}
	}
	if !matched {
		return d.leave(p.frame, set)
	}
	return nil
}

// overlap tells whether an object can be of both types.
func overlap(a, b *typ) bool {
	return slices.ContainsFunc(a.possible, func(c *typ) bool { return slices.Contains(b.possible, c) })
}

// leave goes over selections for a type that no object at a place has. They are sent all the same, with their fragments.
func (d *reading) leave(p *frame, set ast.SelectionSet) error {
	for _, s := range set {
		if err := d.visit(p); err != nil {
			return err
		}
		var err error
		switch s := s.(type) {
		case *ast.Field:
			if err = d.directives(p, s.Directives); err == nil {
				err = d.leave(p, s.SelectionSet)
			}
		case *ast.InlineFragment:
			if err = d.directives(p, s.Directives); err == nil {
				err = d.leave(p, s.SelectionSet)
			}
		case *ast.FragmentSpread:
			f := d.fragments.ForName(s.Name)
			if f == nil || len(f.Directives) > 0 || len(f.VariableDefinition) > 0 {
				return d.refuse(p, CodeDocument, "the fragment "+s.Name+" is not there, or carries directives or variables")
			}
			if err = d.directives(p, s.Directives); err == nil && d.use(f) {
				err = d.leave(p, f.SelectionSet)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// use notes that a fragment is needed, and tells whether that is new.
func (d *reading) use(f *ast.FragmentDefinition) bool {
	if slices.Contains(d.used, f) {
		return false
	}
	d.used = append(d.used, f)
	return true
}

// below makes the frame of a field. A few are made at once.
func (d *reading) below(p *frame, s *ast.Field) *frame {
	if len(d.frames) == 0 {
		d.frames = make([]frame, usualFrames)
	}
	f := &d.frames[0]
	d.frames = d.frames[1:]
	*f = frame{name: s.Name, key: s.Alias, above: p}
	return f
}

// visit counts a step.
func (d *reading) visit(p *frame) error {
	if d.visits++; d.visits > MaxVisits {
		return d.refuse(p, CodeLimit, "the document asks for more than "+strconv.Itoa(MaxVisits)+" fields")
	}
	return nil
}

// field reads a field of an object of type t.
func (d *reading) field(t *typ, s *ast.Field, p place, depth int) error {
	if err := d.visit(p.frame); err != nil {
		return err
	}
	if s.Alias != s.Name {
		if d.aliases++; d.aliases > MaxAliases {
			return d.refuse(p.frame, CodeLimit, "more than "+strconv.Itoa(MaxAliases)+" fields are renamed")
		}
	}
	root := p.frame.name == ""
	if root {
		if d.roots++; d.roots > MaxRoots {
			return d.refuse(p.frame, CodeLimit, "the document asks for more than "+strconv.Itoa(MaxRoots)+" fields of the root")
		}
	}
	if t.kind == abstractKind && s.Name != "__typename" {
		if len(t.possible) == 0 {
			return d.refuse(p.frame, CodeUnlisted, "it is not known which types "+t.name+" can be")
		}
		for _, c := range t.possible { // what is asked of an interface is asked of each type that has it
			inner, err := d.enter(c, p)
			if err != nil {
				return err
			}
			if err := d.field(c, s, inner, depth); err != nil {
				return err
			}
		}
		return nil
	}
	f := t.fields[s.Name]
	if f != nil && f.plain && len(s.Arguments) == 0 && len(s.SelectionSet) == 0 {
		return nil
	}
	at := d.below(p.frame, s)
	switch s.Name {
	case "__typename":
		if len(s.Arguments) > 0 || len(s.SelectionSet) > 0 {
			return d.refuse(at, CodeField, "__typename is a name: it takes no arguments, and has no fields")
		}
		if t.kind == abstractKind {
			for _, c := range t.possible {
				if _, err := d.enter(c, p); err != nil {
					return err
				}
			}
		}
		return nil
	case "__schema", "__type":
		if t != d.schema.query {
			return d.refuse(at, CodeField, s.Name+" stands at the root of queries alone")
		}
		d.out.Introspects = true
		return d.introspection(s.SelectionSet, at, depth+1)
	}
	if f == nil {
		return d.refuse(at, CodeField, "the schema of GitLab 19.3 has no field "+t.name+"."+s.Name)
	}
	name := f.full
	if why := d.rules.Refused[name]; why != "" {
		return d.refuse(at, CodeRefused, name+" is not given to fine-grained tokens: "+why)
	}
	if own := f.row; own != nil && own.Refused != "" {
		return d.refuse(at, CodeRefused, name+" is not given to fine-grained tokens: "+own.Refused)
	}
	if leaf := f.of.kind == scalarKind; leaf != (len(s.SelectionSet) == 0) {
		return d.refuse(at, CodeDocument, name+" must be asked for with fields if it is an object, and without if it is not")
	}
	for _, a := range s.Arguments {
		if f.args[a.Name] == nil {
			return d.refuse(at, CodeArgument, "the schema of GitLab 19.3 has no argument "+a.Name+" of "+name)
		}
		for _, other := range s.Arguments {
			if other != a && other.Name == a.Name {
				return d.refuse(at, CodeDocument, "the argument "+a.Name+" appears twice")
			}
		}
		if err := d.declared(at, a.Value); err != nil {
			return err
		}
	}
	switch {
	case t == d.schema.mutation:
		return d.mutation(f, s, place{frame: at}, depth)
	case root:
		return d.query(f, s, place{frame: at}, depth)
	}
	return d.inner(f, s, p, at, depth)
}

// introspection lets everything pass that is not a fragment on a type of the schema's own: types that describe a schema lead to
// nothing else (October 2021, 4.2).
func (d *reading) introspection(set ast.SelectionSet, p *frame, depth int) error {
	if depth > MaxDepth {
		return d.refuse(p, CodeLimit, "fields are nested deeper than "+strconv.Itoa(MaxDepth))
	}
	for _, s := range set {
		if err := d.visit(p); err != nil {
			return err
		}
		var err error
		switch s := s.(type) {
		case *ast.Field:
			if err = d.directives(p, s.Directives); err == nil {
				err = d.introspection(s.SelectionSet, d.below(p, s), depth+1)
			}
		case *ast.InlineFragment:
			if s.TypeCondition != "" && !strings.HasPrefix(s.TypeCondition, "__") {
				return d.refuse(p, CodeDocument, "a fragment on "+s.TypeCondition+" stands in a question for the schema")
			}
			if err = d.directives(p, s.Directives); err == nil {
				err = d.introspection(s.SelectionSet, p, depth+1)
			}
		case *ast.FragmentSpread:
			if err = d.directives(p, s.Directives); err == nil {
				err = d.spreadIn(s, p, depth)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// spreadIn is spread within introspection.
func (d *reading) spreadIn(s *ast.FragmentSpread, p *frame, depth int) error {
	f := d.fragments.ForName(s.Name)
	if f == nil || !strings.HasPrefix(f.TypeCondition, "__") {
		return d.refuse(p, CodeDocument, "the fragment "+s.Name+" is not on a type of introspection")
	}
	for _, open := range d.open {
		if open == f {
			return d.refuse(p, CodeDocument, "the fragment "+s.Name+" contains itself")
		}
	}
	d.use(f)
	d.open = append(d.open, f)
	err := d.introspection(f.SelectionSet, p, depth+1)
	d.open = d.open[:len(d.open)-1]
	return err
}
