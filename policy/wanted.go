package policy

import "patgate/routes"

// Wanted is what a token would have to hold to be allowed a denied request.
type Wanted struct {
	Accesses    Accesses // a scope for each
	Permissions routes.PermissionSet
}

// Wanted tells what would allow the denied request on a row; ok is false when no scope could.
func (d *Decision) Wanted(r *routes.Route) (w Wanted, ok bool) {
	if r == nil {
		return w, false
	}
	switch d.Reason {
	case ReasonPermissionMissing, ReasonSpans:
		if !d.Under.Has(AccessSelectedMemberships) {
			w.Accesses = d.Under
		}
	case ReasonOutOfBounds, ReasonTargetDenied, ReasonQuickAction:
	case ReasonNotFindable:
		w.Accesses = Accesses(0).with(AccessAllMemberships)
	default:
		return w, false
	}
	w.Permissions = r.NeedSet
	w.Permissions.Union(&d.Missing)
	switch {
	case w.Accesses != 0:
	case d.Boundary == routes.BoundaryUser:
		w.Accesses = w.Accesses.with(AccessUser)
	case d.Boundary == routes.BoundaryInstance:
		w.Accesses = w.Accesses.with(AccessInstance)
	default:
		w.Accesses = w.Accesses.with(AccessSelectedMemberships)
	}
	return w, !w.Permissions.Empty()
}

// String names the accesses, with commas between.
func (s Accesses) String() string {
	text := ""
	for _, a := range s.Each() {
		if text != "" {
			text += ","
		}
		text += a.String()
	}
	return text
}
