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

// wantedBy gives what a denied request wanted; nil where no token could do it. It holds the names of permissions that the row
// needs and what the client itself sent, and nothing that the forge said.
func wantedBy(catalogue *routes.Catalogue, op *routes.Operation, d *policy.Decision) *Wanted {
	wanted, ok := d.Wanted(op.Route)
	if !ok {
		return nil
	}
	w := &Wanted{Access: wanted.Accesses.String(), Permissions: PermissionNames(catalogue, &wanted.Permissions)}
	if wanted.Accesses.Has(policy.AccessSelectedMemberships) {
		w.nameContainer(op)
	}
	return w
}

// url gives the address where the owner widens the token that was denied. pages is the address of all tokens in the console;
// without it the result is empty.
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
