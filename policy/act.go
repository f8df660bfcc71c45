package policy

import "patgate/routes"

// ActKind says what an act is to its request. The zero value is no kind, and denies. Stores keep the numbers: new ones come last.
type ActKind uint8

const (
	ActNone ActKind = iota
	// ActOwn is what the row itself does, on its own boundary: one act, or one for each container that a lookup found.
	ActOwn
	// ActTarget is what the request does on a further container, which a parameter, a later capture or an option names.
	ActTarget
	// ActQuickAction is what a text of the request would have the forge do with the owner's rights.
	ActQuickAction
	// ActRef is the change of one git ref, of those that the body of a row with RefsListed asks for.
	ActRef
)

var actNames = [...]string{"none", "own", "target", "quick_action", "ref"}

// String gives the kind's name for logs.
func (k ActKind) String() string {
	if int(k) < len(actNames) {
		return actNames[k]
	}
	return "act"
}

// Act is one of the things that a request does: permissions, and what they are needed on.
type Act struct {
	Kind ActKind
	// Boundary is the effective one of an own act or a target. Where a row has alternatives, the request has chosen: a reference
	// that is present decides, never what the grant happens to hold. None is for a namespace or an object that was not found:
	// it may be on several boundaries, and no scope reaches it.
	Boundary routes.Boundary
	// Elsewhere: a quick action may act on another container, and it cannot be known which. Its permissions are needed under
	// all_memberships too. An own act may be on any container: its permissions are needed under all_memberships.
	Elsewhere bool
	// Needs are the permissions. An own act needs Route.NeedSet in any case, and Needs besides; nil adds nothing. A target and
	// a quick action need exactly Needs, which must not be empty: a target on its container, a quick action on every container
	// that the request names, because a merge request from one project into another is acted on in both. A change of a ref
	// needs what the other acts do.
	Needs *routes.PermissionSet
	// Self: the user that the request names is the token's owner.
	Self bool
	// Container is what the forge says about the project or group of an own act or a target; its zero value, and nil, mean
	// "not found or not visible". It is nil for the boundaries user and instance, except where the request named the
	// owner's own user namespace.
	Container *Container
	// Named is a container that the request names although the act is on the account or the instance: no scope is asked about it,
	// and ceilings hold on it.
	Named *Container
	// Reference is how the client named the container. It is zero for a container that no reference names, such as one that a
	// lookup found.
	Reference routes.Reference
	// Update is the change of an ActRef.
	Update *RefUpdate
}
