package policy

import "patgate/routes"

// Command is what a text of the request would have the forge do with the owner's rights.
type Command struct {
	// Needs are the permissions, on every container that the request names: a merge request that is made from one project
	// in another is acted on there. Nil and nothing are not enough.
	Needs *routes.PermissionSet
	// Elsewhere: it may act on another container, which nobody can tell. The permissions are needed under
	// all_memberships too.
	Elsewhere bool
}

// commands denies unless the grant holds what every command in the request's texts needs.
func (g *Grant) commands(q *Question, l look, d *Decision) {
	for i := range q.Commands {
		if c := &q.Commands[i]; !g.command(q, i, c, l, d) {
			return
		}
	}
}

func (g *Grant) command(q *Question, i int, c *Command, l look, d *Decision) (ok bool) {
	if c.Needs == nil || c.Needs.Empty() {
		d.deny(ReasonQuickAction, i, routes.BoundaryNone)
		return false
	}
	for j := range q.Checks {
		check := &q.Checks[j]
		o := reach{first: -1}
		if g.reach(&o, check.Boundary, check.Container, c.Needs, l); !o.touched || !o.held.Contains(c.Needs) {
			d.deny(ReasonQuickAction, i, q.shown(check, o.touched))
			d.missing(c.Needs, &o.held)
			if check.Container != nil {
				d.Container = check.Container.ID
			}
			return false
		}
	}
	if all := g.underAll(l); c.Elsewhere && !all.Contains(c.Needs) {
		d.deny(ReasonQuickAction, i, routes.BoundaryNone)
		d.missing(c.Needs, all)
		return false
	}
	return true
}
