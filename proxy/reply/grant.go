package reply

import (
	"net/url"
	"strconv"
	"strings"

	"patgate/policy"
	"patgate/routes"
)

// Wanted is what a token would need to hold so that what was denied is allowed.
type Wanted struct {
	Access      string // several by commas: a scope for each
	Permissions []string
	// Kind and Name are the project or group of a selected_memberships scope, as the client wrote it; empty
	// when the target names none.
	Kind, Name string
}

// wantedBy gives what a denied request wanted; nil where no token could do it. It is made of the names of permissions
// that the row needs, and of what the client itself sent, never of what the forge said.
func wantedBy(catalogue *routes.Catalogue, op *routes.Operation, d *policy.Decision) *Wanted {
	if op.Route == nil {
		return nil
	}
	w := &Wanted{}
	switch d.Reason {
	case policy.ReasonPermissionMissing, policy.ReasonSpans:
		if !d.Under.Has(policy.AccessSelectedMemberships) {
			w.Access = accesses(d.Under)
		}
	case policy.ReasonOutOfBounds, policy.ReasonTargetDenied, policy.ReasonQuickAction:
	case policy.ReasonNotFindable:
		w.Access = policy.AccessAllMemberships.String()
	default:
		return nil
	}
	needs := op.Route.NeedSet
	needs.Union(&d.Missing)
	w.Permissions = PermissionNames(catalogue, &needs)
	if len(w.Permissions) == 0 {
		return nil
	}
	switch {
	case w.Access != "":
	case d.Boundary == routes.BoundaryUser:
		w.Access = policy.AccessUser.String()
	case d.Boundary == routes.BoundaryInstance:
		w.Access = policy.AccessInstance.String()
	default:
		w.Access = policy.AccessSelectedMemberships.String()
		w.nameContainer(op)
	}
	return w
}

// accesses names a set of accesses, for each of which the form has a scope.
func accesses(set policy.Accesses) string {
	var names []string
	for _, a := range set.Each() {
		names = append(names, a.String())
	}
	return strings.Join(names, ",")
}

// url gives the address on which the owner widens the token that was denied, below pages, which is that of all tokens in
// the console.
// Without pages there is none.
func (w *Wanted) url(pages string, tokenID int64) string {
	if w == nil || pages == "" {
		return ""
	}
	v := url.Values{"permissions": {strings.Join(w.Permissions, ",")}, "access": {w.Access}}
	if w.Name != "" {
		v.Set(w.Kind, w.Name)
	}
	return pages + "/" + strconv.FormatInt(tokenID, 10) + "/grant?" + v.Encode()
}

// nameContainer puts in the project or group that the target names, as the client wrote it. On a forge whose packages lie
// at a name, that is the organization or user.
func (w *Wanted) nameContainer(op *routes.Operation) {
	for i := range op.Captures() {
		c := &op.Captures()[i]
		switch c.Ref {
		case routes.RefProject:
			w.Kind = "project"
		case routes.RefGroup, routes.RefNamespace:
			w.Kind = "group"
		default:
			continue
		}
		if _, ok := routes.ParseReference(c.Ref, c.Value); ok {
			w.Name = string(c.Value)
		}
		return
	}
}
