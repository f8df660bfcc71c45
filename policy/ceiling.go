package policy

import (
	"net/netip"
	"slices"
	"strconv"

	"patgate/routes"
)

// Ceiling is an operator's upper bound: what no token may do somewhere, whatever its grant says. It is not changed once it
// is made.
type Ceiling struct {
	Name string
	// Groups and Projects are the ids of the places where it holds, a group with everything below it. Without any it holds
	// everywhere, on the owner's account and the instance too.
	Groups, Projects []int64
	// Above are the ids of the groups above those: an act on one of them as a group reaches what lies below it.
	Above []int64
	// Permissions are those that no token has there.
	Permissions routes.PermissionSet
	// MaxAge is how old a token may be, in seconds since it was made: an older one is refused there whatever it asks for. 0 is no
	// ceiling.
	MaxAge int64
	// Networks are the ranges within which the networks that a token is limited to must lie: one that has none, or others, is
	// refused there whatever it asks for. Nil asks for none.
	Networks []netip.Prefix
}

// Refusal says in words that the ceiling forbids something.
func (m *Ceiling) Refusal() string {
	return "the operator's limit " + strconv.Quote(m.Name) + " forbids it, whatever the token's scopes are"
}

// Everywhere tells whether a ceiling holds everywhere.
func (m *Ceiling) Everywhere() bool { return len(m.Groups) == 0 && len(m.Projects) == 0 }

// Holds tells whether a ceiling holds on a project or group. A container counts as below every group when the forge does not
// show all groups above it.
func (m *Ceiling) Holds(c *Container) bool {
	switch {
	case m.Everywhere():
		return true
	case c.Boundary == routes.BoundaryProject && slices.Contains(m.Projects, c.ID),
		c.Boundary == routes.BoundaryGroup && slices.Contains(m.Groups, c.ID):
		return true
	case len(m.Groups) == 0 || !c.Boundary.InContainer():
		return false
	case c.Partial:
		return true
	}
	for _, above := range c.Ancestors {
		if slices.Contains(m.Groups, above) {
			return true
		}
	}
	return false
}

// Bearer is what ceilings are held against besides the grant of a token.
type Bearer struct {
	Age      int64    // in seconds, since the token was made
	Networks []string // those from which alone the token may be used; none: from anywhere
}

// within tells whether a token may be used from nowhere but some ranges. What is no range lies in none.
func (b *Bearer) within(ranges []netip.Prefix) bool {
	for _, text := range b.Networks {
		own, err := netip.ParsePrefix(text)
		if err != nil || !slices.ContainsFunc(ranges, func(r netip.Prefix) bool {
			return r.Bits() <= own.Bits() && r.Contains(own.Addr())
		}) {
			return false
		}
	}
	return len(b.Networks) > 0
}

// Ceilings are all that an operator has set. Nil: there are none.
type Ceilings []Ceiling

// Turns gives the age, in seconds, at which the first of the ceilings begins to refuse a token that is younger now; ok is false
// when none will.
func (l Ceilings) Turns(b Bearer) (age int64, ok bool) {
	for i := range l {
		// A ceiling of n seconds is kept by a token that is n seconds old.
		if at := l[i].MaxAge + 1; l[i].MaxAge > 0 && b.Age < at && (!ok || at < age) {
			age, ok = at, true
		}
	}
	return age, ok
}

// bound is a ceiling that one grant is held to.
type bound struct {
	*Ceiling
	barred bool // from everything there: the token is too old, or may be used from other networks
}

// Under gives the grant held to ceilings, for a bearer. Ceilings that cannot forbid it anything are left out of decisions: when
// that leaves none, the grant decides as before. A nil grant stays nil.
func (g *Grant) Under(ceilings Ceilings, b Bearer) *Grant {
	if g == nil || len(ceilings) == 0 {
		return g
	}
	held := *g
	held.ceilings, held.bearer, held.bounds = ceilings, b, nil
	for i := range ceilings {
		m := &ceilings[i]
		barred := m.MaxAge > 0 && b.Age > m.MaxAge || m.Networks != nil && !b.within(m.Networks)
		if barred || shares(&m.Permissions, &g.any) {
			held.bounds = append(held.bounds, bound{m, barred})
		}
	}
	return &held
}

// Free gives the grant without the ceilings that it is held to.
func (g *Grant) Free() *Grant {
	if g == nil || g.bounds == nil {
		return g
	}
	free := *g
	free.ceilings, free.bounds = nil, nil
	return &free
}

// shares tells whether two sets have a permission in common.
func shares(a, b *routes.PermissionSet) bool {
	for i := range a {
		if a[i]&b[i] != 0 {
			return true
		}
	}
	return false
}

// forbids tells whether a ceiling forbids something that needs permissions, wherever the ceiling holds.
func (b *bound) forbids(needs *routes.PermissionSet) bool {
	return b.barred || needs != nil && shares(&b.Permissions, needs)
}

// Barred gives the ceiling that forbids a permission on the owner's account or on the instance; nil when none does. Only a
// ceiling that holds everywhere can.
func (g *Grant) Barred(b routes.Boundary, p routes.Permission) *Ceiling {
	if g == nil || b.InContainer() {
		return nil
	}
	for i := range g.bounds {
		if b := &g.bounds[i]; b.Everywhere() && (b.barred || b.Permissions.Has(p)) {
			return b.Ceiling
		}
	}
	return nil
}

// reaches tells whether an act on a container reaches down to where the ceiling holds: a search in a group, say, or its list of
// issues.
func (m *Ceiling) reaches(c *Container) bool {
	return c != nil && c.Boundary == routes.BoundaryGroup && slices.Contains(m.Above, c.ID)
}

// holdsOn tells whether a ceiling holds on what an act is about, or on something below it. A container that is not known may lie
// anywhere.
func (b *bound) holdsOn(on routes.Boundary, c *Container) bool {
	switch {
	case b.Everywhere():
		return true
	case c != nil && c.Boundary.InContainer():
		return b.Holds(c) || b.reaches(c)
	}
	return on.InContainer()
}

// capped holds what the grant allows to the ceilings, and writes the denial. Public answers are passed on without a credential
// instead: no ceiling holds on them.
//
// An answer that reaches over all memberships is passed on without what lies where a ceiling holds, if its entries can be judged
// one by one. That comes before what everybody sees, and neither answer holds all of the other: what everybody sees may lie where
// the ceiling holds. When the grant alone allows the answer whole, Clears is asked about each entry; else each entry is a
// Question of its own.
func (g *Grant) capped(q *Question, d *Decision) {
	if d.Verdict != Allow || d.Reason == ReasonOpen {
		return
	}
	for i := range g.bounds {
		b := &g.bounds[i]
		act, partly, breached := b.breach(q, d.Anonymous)
		if !breached && partly && d.Reason != ReasonFiltered {
			whole := *d
			if breached = !g.filtered(q, look{}, d); breached {
				*d = whole
			}
			d.Whole = !breached
		}
		if breached && !d.Anonymous && q.public() {
			*d = Decision{Verdict: Allow, Reason: ReasonPublic, Scope: -1, Act: -1, Anonymous: true}
			act, _, breached = b.breach(q, true)
		}
		if breached {
			g.breached(q, b, act, d)
			return
		}
	}
}

// breached writes the denial.
func (g *Grant) breached(q *Question, b *bound, act int, d *Decision) {
	on, container, needs := firstBoundary(q.Route), int64(0), &q.Route.NeedSet
	if act >= 0 {
		a := &q.Acts[act]
		on = a.Boundary
		if a.Needs != nil {
			needs = a.Needs
		}
		if a.Container != nil {
			container = a.Container.ID
		}
	}
	d.deny(ReasonCeiling, act, on)
	d.Container, d.Ceiling = container, b.Ceiling
	for i := range d.Missing {
		d.Missing[i] = b.Permissions[i] & (needs[i] | q.Route.NeedSet[i])
	}
}

// breach gives the first act that a ceiling forbids, -1 for the row as a whole. partly tells instead that the ceiling forbids
// some entries of the answer, and that each can be judged. For an anonymous request the row's own acts are left out.
func (b *bound) breach(q *Question, anonymous bool) (act int, partly, breached bool) {
	r := q.Route
	ofRow := b.forbids(&r.NeedSet)
	if q.spans() && ofRow && !anonymous {
		if q.Entries == nil || b.Everywhere() {
			return -1, false, true
		}
		partly = true
	}
	for i := range q.Acts {
		a := &q.Acts[i]
		switch a.Kind {
		case ActOwn:
			if anonymous {
				continue
			}
			unknown := a.Container == nil || !a.Container.Boundary.InContainer()
			if partly && unknown && a.Named == nil && !b.Everywhere() {
				continue // it is about the entries
			}
			if partly && !b.needs(a) && b.reaches(a.Container) && !b.Holds(a.Container) {
				continue // what lies below it are the entries
			}
			named := a.Named != nil && b.holdsOn(a.Named.Boundary, a.Named)
			if (ofRow || b.forbids(a.Needs)) && (a.Elsewhere || named || b.holdsOn(a.Boundary, a.Container)) {
				return i, false, true
			}
		case ActTarget:
			if b.forbids(a.Needs) && b.holdsOn(a.Boundary, a.Container) {
				return i, false, true
			}
		case ActQuickAction:
			if b.forbids(a.Needs) && (a.Elsewhere || b.holdsOnAny(q)) {
				return i, false, true
			}
		}
	}
	return -1, partly, false
}

// needs tells whether an act needs, besides what the row does, what a ceiling forbids.
func (b *bound) needs(a *Act) bool { return a.Needs != nil && shares(&b.Permissions, a.Needs) }

// holdsOnAny tells whether a ceiling holds on what a text of the request may act on.
func (b *bound) holdsOnAny(q *Question) bool {
	for i := range q.Acts {
		if a := &q.Acts[i]; (a.Kind == ActOwn || a.Kind == ActTarget) && b.holdsOn(a.Boundary, a.Container) {
			return true
		}
	}
	return false
}

// Clears tells whether no ceiling forbids what a row needs on a container, whatever the grant's scopes are.
func (g *Grant) Clears(r *routes.Route, c *Container) bool {
	for i := range g.bounds {
		if b := &g.bounds[i]; b.forbids(&r.NeedSet) && b.holdsOn(c.Boundary, c) {
			return false
		}
	}
	return true
}

// planned denies what a ceiling that holds everywhere forbids, whatever the containers turn out to be.
func (g *Grant) planned(r *routes.Route) (d Decision, denied bool) {
	for i := range g.bounds {
		b := &g.bounds[i]
		if b.Everywhere() && b.forbids(&r.NeedSet) && !readableByAll(r) {
			g.breached(&Question{Route: r}, b, -1, &d)
			return d, true
		}
	}
	return d, false
}
