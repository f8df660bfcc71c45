package policy

import "patgate/routes"

// further denies unless the quick actions pass, and for an incomplete act.
func (g *Grant) further(q *Question, l look, d *Decision) {
	for i := range q.Acts {
		switch a := &q.Acts[i]; {
		case a.Kind == ActOwn, a.Kind == ActTarget, a.Kind == ActRef && a.Update != nil:
		case a.Kind == ActQuickAction:
			if !g.quickAction(q, i, l, d) {
				return
			}
		default:
			d.deny(ReasonNone, i, routes.BoundaryNone)
			return
		}
	}
}

// quickAction decides one quick action, or writes the denial.
func (g *Grant) quickAction(q *Question, i int, l look, d *Decision) (ok bool) {
	a := &q.Acts[i]
	if a.Needs == nil || a.Needs.Empty() {
		d.deny(ReasonQuickAction, i, routes.BoundaryNone)
		return false
	}
	for j := range q.Acts {
		on := &q.Acts[j]
		if on.Kind != ActOwn && on.Kind != ActTarget {
			continue
		}
		o := reach{first: -1}
		if g.reach(&o, on.Boundary, on.Container, a.Needs, l); !o.touched || !o.held.Contains(a.Needs) {
			d.deny(ReasonQuickAction, i, q.shown(on, o.touched))
			d.missing(a.Needs, &o.held)
			if on.Container != nil {
				d.Container = on.Container.ID
			}
			return false
		}
	}
	if all := g.underAll(l); a.Elsewhere && !all.Contains(a.Needs) {
		d.deny(ReasonQuickAction, i, routes.BoundaryNone)
		d.missing(a.Needs, all)
		return false
	}
	return true
}
