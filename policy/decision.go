package policy

import "patgate/routes"

// Verdict is the outcome of a decision. The zero value denies.
type Verdict uint8

const (
	Deny Verdict = iota
	Allow
	// WouldDeny is for records alone, never the verdict of a Decision: the grant denied, and the request passed because the token
	// is in report mode.
	WouldDeny
)

// String gives "deny", "allow" or "would_deny".
func (v Verdict) String() string {
	switch v {
	case Allow:
		return "allow"
	case WouldDeny:
		return "would_deny"
	}
	return "deny"
}

// Reason is why a request was decided as it was: a closed set, used in logs, metrics and answers.
type Reason uint8

const (
	// ReasonNone: nothing was decided. Plan gives it with Allow for "go on, and ask Decide"; Decide only with Deny, for an
	// incomplete question: without a route, without an own act, or with an incomplete act.
	ReasonNone Reason = iota
	// ReasonGranted: the grant's scopes hold every permission on every container that the request names.
	ReasonGranted
	// ReasonPublic: a read marked public of a public container; forwarded without a credential.
	ReasonPublic
	// ReasonOpen: the route answers any caller; forwarded without a credential.
	ReasonOpen
	// ReasonPermissionMissing: no scope holds the permission at all.
	ReasonPermissionMissing
	// ReasonOutOfBounds: scopes hold the permission, but none of them reaches the container.
	ReasonOutOfBounds
	// ReasonTargetDenied: the row's own container is allowed, a further one that a parameter names is not.
	ReasonTargetDenied
	// ReasonSpans: the answer reaches over all memberships, for which the permission is not granted, and its entries cannot be
	// judged one by one, or the grant could reach none.
	ReasonSpans
	// ReasonNotFindable: the request names an object by a global id whose container cannot be found, and the permission
	// is not granted under all_memberships.
	ReasonNotFindable
	// ReasonOtherCredential: the route takes another kind of credential.
	ReasonOtherCredential
	// ReasonMints: the route yields another credential, which patgate never hands out.
	ReasonMints
	// ReasonRefused: the row is refused by the table; Route.Refused says why.
	ReasonRefused
	// ReasonNewerThanToken: the row came under the permission after the token was made; it must be confirmed.
	ReasonNewerThanToken
	// ReasonConstrained: the only scopes that would allow it carry a constraint that this surface cannot enforce.
	ReasonConstrained
	// ReasonQuickAction: the request itself is allowed, a quick action in one of its texts is not.
	ReasonQuickAction
	// ReasonRef: the request is allowed, the change of one of the refs that it lists is not.
	ReasonRef
	// ReasonFiltered: the answer reaches over all memberships, and is passed on without the entries that the grant does not reach
	// with the row's permissions.
	ReasonFiltered
	// ReasonHidden: a scope covers the container, and the owner cannot see it: 404.
	ReasonHidden
	// ReasonCeiling: the grant allows it, and a ceiling of the operator's forbids it; Decision.Ceiling says which.
	ReasonCeiling
)

var reasonNames = [...]string{
	"none", "granted", "public", "open", "permission_missing", "out_of_bounds", "target_denied", "spans", "not_findable",
	"other_credential", "mints", "refused", "newer_than_token", "constrained", "quick_action", "ref", "filtered", "hidden",
	"limit",
}

// String gives the reason's constant name for logs and metrics.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "reason"
}

// Decision is what Plan and Decide return. The zero value denies without a reason.
type Decision struct {
	Verdict Verdict
	Reason  Reason
	// Scope is the index of the first scope that contributed to an allow; -1 when none did, and for every denial.
	Scope int
	// Act is the index in Question.Acts of the act that decided: for a denial the first one that failed, for an allow the
	// first own one. It is -1 when no act did: from Plan, and for what the row alone decides.
	Act int
	// Boundary is what that act needs the permissions on, fit to be shown: where naming the boundary would tell the
	// client what a reference or a global id is, although no scope reaches it, this is the row's first alternative.
	Boundary routes.Boundary
	// Container is the id of that act's container, for the log only: an answer must not show it, since the client may
	// have named the container by a path that it cannot read. 0 when there is none or none was found.
	Container int64
	// Missing holds the permissions that were needed on the Boundary and not granted there. For ReasonPermissionMissing they are
	// those that no scope holds anywhere, for ReasonNotFindable those not held under all_memberships, and for ReasonSpans those
	// not held under one of Under.
	Missing routes.PermissionSet
	// Under are the accesses that lack permissions which an answer over all memberships needs under each of them. It is
	// selected_memberships where the entries can be judged one by one.
	Under Accesses
	// Whole: for ReasonFiltered, the grant alone allows the whole answer, and only ceilings leave entries out of it: see
	// Grant.Clears.
	Whole bool
	// Anonymous: forward without any credential.
	Anonymous bool
	// Ceiling is what forbids it, for ReasonCeiling; Missing are then the permissions that it forbids. Else nil.
	Ceiling *Ceiling
}

// Path gives the full path of the container that the decision is about, for the log only; empty when none was found. It also
// gives the container of a row that may be public, which was found before the denial and is not in Container.
func (d *Decision) Path(acts []Act) string {
	for i := range acts {
		c := acts[i].Container
		if c != nil && c.Boundary == d.Boundary && (c.ID == d.Container || d.Container == 0 && acts[i].Kind == ActOwn) {
			return c.Path
		}
	}
	return ""
}
