package reply

import (
	"net/url"
	"strings"

	"patgate/policy"
	"patgate/routes"
)

// grantURL gives the address of the form on which the owner makes a token that may do what was just denied; empty where
// there is no console, or where no token could. It is built from the configuration and from what the client itself sent:
// the names of permissions that the row needs, and the project or group as it stands in the request's target, never what
// the forge said of it.
func grantURL(base string, catalogue *routes.Catalogue, op *routes.Operation, d *policy.Decision) string {
	if base == "" || op.Route == nil {
		return ""
	}
	access := ""
	switch d.Reason {
	case policy.ReasonPermissionMissing, policy.ReasonSpans:
		if !d.Under.Has(policy.AccessSelectedMemberships) {
			access = accesses(d.Under)
		}
	case policy.ReasonOutOfBounds, policy.ReasonTargetDenied, policy.ReasonQuickAction:
	case policy.ReasonNotFindable:
		access = policy.AccessAllMemberships.String()
	default:
		return ""
	}
	needs := op.Route.NeedSet
	needs.Union(&d.Missing)
	names := PermissionNames(catalogue, &needs)
	if len(names) == 0 {
		return ""
	}
	v := url.Values{"permissions": {strings.Join(names, ",")}}
	switch {
	case access != "":
	case d.Boundary == routes.BoundaryUser:
		access = policy.AccessUser.String()
	case d.Boundary == routes.BoundaryInstance:
		access = policy.AccessInstance.String()
	default:
		access = policy.AccessSelectedMemberships.String()
		nameContainer(v, op)
	}
	v.Set("access", access)
	return base + "?" + v.Encode()
}

// accesses names a set of accesses, for each of which the form has a scope.
func accesses(set policy.Accesses) string {
	var names []string
	for _, a := range set.Each() {
		names = append(names, a.String())
	}
	return strings.Join(names, ",")
}

// nameContainer puts in the project or group that the target names, as the client wrote it.
func nameContainer(v url.Values, op *routes.Operation) {
	for i := range op.Captures() {
		c := &op.Captures()[i]
		name := map[routes.RefKind]string{routes.RefProject: "project", routes.RefGroup: "group"}[c.Ref]
		if name == "" {
			continue
		}
		if _, ok := routes.ParseReference(c.Ref, c.Value); ok {
			v.Set(name, string(c.Value))
		}
		return
	}
}
