package graphql

import (
	"slices"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"

	"patgate/routes"
)

// query reads a field of the root of queries.
func (d *reading) query(f *field, s *ast.Field, p place, depth int) error {
	root := d.rules.Roots[f.name]
	p.boundary = root.Boundary
	for _, a := range s.Arguments {
		kind, names := root.Arguments[a.Name]
		if !names && p.boundary != routes.BoundaryNone && d.namesContainer(f.args[a.Name]) {
			return d.refuse(p.frame, CodeIdentifier,
				"the argument "+a.Name+" of "+f.name+" names a project or group, which is not looked at")
		}
		if !names {
			continue
		}
		v, err := d.literal(a.Value)
		if err != nil {
			return err
		}
		for _, item := range v.each() {
			if err := d.reference(&p, f.args[a.Name], kind, item); err != nil {
				return err
			}
		}
	}
	if len(p.refs) == 0 && p.boundary == routes.BoundaryNone {
		switch f.leads {
		case toUser:
			p.boundary = routes.BoundaryUser
		case toInstance:
			p.boundary = routes.BoundaryInstance
		default:
			p.reach = ReachAnywhere
		}
	}
	switch further, err := d.leadsTo(f, s); {
	case err != nil:
		return err
	case further == toParent, further == toOther:
		p.where = p.move(further)
	}
	own := f.row
	if own != nil {
		p.nearest, p.at = own.alone, p.where
		if err := d.act(p, own, p.where); err != nil {
			return err
		}
	}
	if f.of.kind == scalarKind {
		if own == nil {
			return d.unlisted(p.frame, f.full)
		}
		return nil
	}
	if root.Profiles && !d.isShown(f.of, s.SelectionSet, 0) {
		return d.unlisted(p.frame, "what "+f.name+" gives beyond the profile of another user")
	}
	return d.descend(f, s, p, depth)
}

// namesContainer tells whether an argument may name a project or group.
func (d *reading) namesContainer(a *field) bool {
	switch a.of.model {
	case "":
		return a.of.kind == inputKind || d.rules.Arguments[a.name].IsContainer()
	case "User", "Organizations::Organization":
		return false
	}
	return true
}

// mutation reads a field of the root of mutations.
func (d *reading) mutation(f *field, s *ast.Field, p place, depth int) error {
	own := f.row
	if own == nil {
		return d.unlisted(p.frame, f.full)
	}
	in := input{reading: d, place: &p}
	for _, a := range s.Arguments {
		v, err := d.literal(a.Value)
		if err != nil {
			return err
		}
		if err := in.read(f.args[a.Name], v, a.Name); err != nil {
			return err
		}
	}
	if in.thread && !in.inMergeRequest() {
		in.unknown = true // GitLab finds a thread without a project wherever it is (19.3, app/services/notes/build_service.rb)
	}
	if len(p.refs) == 0 && in.unset != "" && own.inContainer() {
		p.refs = append(p.refs, Reference{Variable: in.unset})
	}
	if len(p.refs) == 0 {
		switch {
		case own.on(routes.BoundaryInstance) && !in.unknown && !in.inside:
			p.boundary = routes.BoundaryInstance
		case own.on(routes.BoundaryUser) && !in.unknown && !in.inside:
			p.boundary = routes.BoundaryUser
		default:
			p.reach = ReachAnywhere
		}
	}
	if err := d.act(p, own, p.where); err != nil {
		return err
	}
	if in.unknown && p.reach != ReachAnywhere {
		if err := d.act(p, own, where{reach: ReachAnywhere}); err != nil {
			return err
		}
	}
	if d.rules.Templates[f.name] && !in.describes() {
		in.texts = append(in.texts, Text{Name: "input.description", Template: true})
	}
	for _, text := range in.texts {
		text.Path, text.Field, text.About = p.frame.path(), f.name, in.about
		d.out.Texts = append(d.out.Texts, text)
	}
	p.nearest, p.at = own.alone, p.where
	return d.descend(f, s, p, depth)
}

func (d *reading) unlisted(p *frame, name string) error {
	return d.refuse(p, CodeUnlisted, name+" has no permission in the route table: it cannot be granted to a token")
}

// inner reads a field below the root.
func (d *reading) inner(f *field, s *ast.Field, p place, at *frame, depth int) error {
	next := place{where: p.where, frame: at, nearest: p.nearest, at: p.at, shown: p.shown}
	if own := p.static.fields[f.name]; p.static.kind == abstractKind && own != nil {
		next.via = own.of
	}
	if p.shown {
		return d.descend(f, s, next, depth)
	}
	leads, err := d.leadsTo(f, s)
	if err != nil {
		return err
	}
	if own := f.row; own != nil {
		if err := d.act(next, own, p.where); err != nil {
			return err
		}
		next.nearest, next.at = own.alone, p.where
	}
	next.where = p.move(leads)
	leaves := leads != stays && leads != toBelow
	switch {
	case f.of.kind != scalarKind && leaves && d.isShown(f.of, s.SelectionSet, 0):
		next.where, next.shown = p.where, true
		if own := node(f.of).row; own != nil && own.on(routes.BoundaryProject) {
			if err := d.act(next, own, p.where); err != nil {
				return err
			}
		}
	case f.of.kind == scalarKind && rendered(f):
		return d.acts(next, where{reach: ReachAnywhere}) // the forge renders what others wrote of other containers into it
	case f.of.kind == scalarKind && leaves:
		return d.acts(next, next.where)
	}
	return d.descend(f, s, next, depth)
}

// leadsTo says where a field leads, by its arguments.
func (d *reading) leadsTo(f *field, s *ast.Field) (leads, error) {
	to := f.leads
	if corrected, is := d.rules.Edges[f.full]; is {
		to, _ = parseLeads(corrected)
	}
	for _, a := range s.Arguments {
		further, widens := parseLeads(d.rules.Widens[a.Name])
		if !widens || further <= to {
			continue
		}
		given, err := d.asks(s, a.Name)
		if err != nil {
			return to, err
		}
		if given {
			to = further
		}
	}
	return to, nil
}

// asks tells whether an argument is given, and not false.
func (d *reading) asks(s *ast.Field, name string) (bool, error) {
	a := s.Arguments.ForName(name)
	if a == nil {
		return false, nil
	}
	v, err := d.literal(a.Value)
	return !v.absent() && (v.kind != otherValue || v.text != "false"), err
}

// move gives where a field leads.
func (w where) move(l leads) where {
	switch l {
	case toUser:
		return where{boundary: routes.BoundaryUser}
	case toInstance:
		return where{boundary: routes.BoundaryInstance}
	case toOther:
		return where{reach: ReachAnywhere}
	case toParent:
		if w.boundary != routes.BoundaryNone || w.reach == ReachAnywhere {
			return where{reach: ReachAnywhere}
		}
		return where{refs: w.refs, reach: ReachAbove}
	case toBelow:
		if w.boundary != routes.BoundaryNone {
			return where{reach: ReachAnywhere}
		}
	}
	return w
}

func (w where) same(o where) bool {
	return w.reach == o.reach && w.boundary == o.boundary && slices.Equal(w.refs, o.refs)
}

// node gives the type of the entries of a page; of anything else the type itself.
func node(t *typ) *typ {
	for t.page != nil {
		t = t.page
	}
	return t
}

// descend reads what is asked for of the objects that a field gives.
func (d *reading) descend(f *field, s *ast.Field, p place, depth int) error {
	t, via := f.of, p.via
	if t.kind == scalarKind {
		return nil
	}
	of := node(t)
	switch {
	case p.shown, of.kind == abstractKind && !counts(s.SelectionSet):
	case of.kind == abstractKind && t.page != nil:
		for _, c := range of.possible {
			if _, err := d.enter(c, p); err != nil {
				return err
			}
		}
	case of.kind == objectKind:
		var err error
		if p, err = d.enter(of, p); err != nil {
			return err
		}
	}
	p.declared, p.static, p.via = t, t, nil
	if via != nil {
		p.declared, p.static = via, via
	}
	return d.selections(t, s.SelectionSet, p, depth+1)
}

// counts tells whether a page is asked for more than its nodes: their number, or a cursor, which tells that there are some.
func counts(set ast.SelectionSet) bool {
	for _, s := range set {
		f, is := s.(*ast.Field)
		if !is || f.Name != "nodes" && f.Name != "edges" && f.Name != "node" && f.Name != "__typename" {
			return true
		}
	}
	return false
}

// enter adds what objects of a type need where they are.
func (d *reading) enter(t *typ, p place) (place, error) {
	if p.shown {
		return p, nil
	}
	if own := t.row; own != nil {
		if own.Refused != "" {
			return p, d.refuse(p.frame, CodeRefused, t.name+" is not given to fine-grained tokens: "+own.Refused)
		}
		p.nearest, p.at = own.alone, p.where
		return p, d.act(p, own, p.where)
	}
	switch {
	case t.kind == scalarKind:
		return p, nil
	case !t.payload && t.name != "PageInfo" && !d.rules.Inherits[t.name], len(p.nearest) == 0:
		return p, d.unlisted(p.frame, "the type "+t.name)
	case !p.where.same(p.at):
		p.at = p.where
		return p, d.acts(p, p.where)
	}
	return p, nil
}

// isShown tells whether nothing is asked for but what is part of the object which shows it.
func (d *reading) isShown(t *typ, set ast.SelectionSet, depth int) bool {
	if depth > MaxDepth {
		return false
	}
	if d.visits += 1 + len(set); d.visits > MaxVisits {
		return false // what is read next is refused
	}
	of := node(t)
	for _, c := range of.possible {
		if d.shown[c.name] == nil {
			return false
		}
	}
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			switch {
			case s.Name == "__typename", t.page != nil && (s.Name == "pageInfo" || s.Name == "cursor"):
			case t.page != nil && t.fields[s.Name] != nil && t.fields[s.Name].of.kind != scalarKind:
				if !d.isShown(t.fields[s.Name].of, s.SelectionSet, depth+1) {
					return false
				}
			case t.page != nil:
				return false
			default:
				for _, c := range of.possible {
					if !d.shown[c.name][s.Name] || c.fields[s.Name] == nil || c.fields[s.Name].of.kind != scalarKind {
						return false
					}
				}
			}
		case *ast.InlineFragment:
			if !d.fragmentShown(t, s.TypeCondition, s.SelectionSet, depth) {
				return false
			}
		case *ast.FragmentSpread:
			f := d.fragments.ForName(s.Name)
			if f == nil || !d.fragmentShown(t, f.TypeCondition, f.SelectionSet, depth) {
				return false
			}
		}
	}
	return len(of.possible) > 0
}

// fragmentShown is isShown for a fragment. Its type is that of the objects or one that they have part in.
func (d *reading) fragmentShown(t *typ, condition string, set ast.SelectionSet, depth int) bool {
	of := d.schema.types[condition]
	partOf := of != nil && of.kind == abstractKind && t.kind == objectKind && slices.Contains(of.possible, t)
	if condition == "" || of == t || partOf {
		return d.isShown(t, set, depth+1)
	}
	return of != nil && of.kind == objectKind && t.page == nil && slices.Contains(t.possible, of) && d.isShown(of, set, depth+1)
}

// acts adds what the nearest objects above needed, somewhere else.
func (d *reading) acts(p place, w where) error {
	if len(p.nearest) == 0 {
		return d.unlisted(p.frame, "what "+p.frame.name+" leads to")
	}
	for _, r := range p.nearest {
		if err := d.act(p, r, w); err != nil {
			return err
		}
	}
	return nil
}

// act adds what a row needs.
func (d *reading) act(p place, r *row, w where) error {
	if r.Refused != "" {
		return d.refuse(p.frame, CodeRefused, p.frame.name+" is not given to fine-grained tokens: "+r.Refused)
	}
	a := Act{Row: r.Route, Boundary: w.boundary, Reach: w.reach, at: *p.frame}
	switch {
	case w.boundary != routes.BoundaryNone && r.on(w.boundary):
		a.Reach = ReachContainer
	case !r.inContainer():
		a.Reach, a.Boundary = ReachContainer, r.Boundaries[0]
	case w.boundary != routes.BoundaryNone, w.reach == ReachAnywhere:
		a.Row, a.Reach, a.Boundary = r.nowhere, ReachAnywhere, r.nowhere.Boundaries[0]
	default:
		for _, ref := range w.refs {
			a.Reference = ref
			if err := d.add(p, a); err != nil {
				return err
			}
		}
		return nil
	}
	return d.add(p, a)
}

// add adds an act that is not there yet.
func (d *reading) add(p place, a Act) error {
	for i := range d.out.Acts {
		o := &d.out.Acts[i]
		if o.Row == a.Row && o.Reach == a.Reach && o.Boundary == a.Boundary && o.Reference == a.Reference {
			return nil
		}
	}
	if len(d.out.Acts) >= MaxActs {
		return d.refuse(p.frame, CodeLimit, "the document does more than "+strconv.Itoa(MaxActs)+" things")
	}
	if a.Reference != (Reference{}) {
		if !slices.Contains(d.named, a.Reference) {
			d.named = append(d.named, a.Reference)
		}
		if len(d.named) > MaxContainers {
			return d.refuse(p.frame, CodeLimit,
				"the document names more than "+strconv.Itoa(MaxContainers)+" projects, groups and objects")
		}
	}
	d.out.Acts = append(d.out.Acts, a)
	return nil
}
