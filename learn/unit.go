package learn

import (
	"slices"

	"patgate/policy"
	"patgate/routes"
)

// Unit is one kind of request, as a grant sees it: a row of the route table, and what was asked on which containers. It holds
// what policy.Decide needs to be asked again.
type Unit struct {
	Method string `json:"method"`
	Route  string `json:"route"` // the row's pattern, without anything that a client wrote
	// Needs are the names of all permissions that the request needed, on whatever container.
	Needs []string `json:"needs,omitempty"`
	Acts  []Act    `json:"acts,omitempty"`
	// Filtered: the answer reaches over all memberships, and was passed on without the entries that the grant does not reach.
	Filtered bool `json:"filtered,omitempty"`
	// Collapsed: the subject had too many units, so that containers and refs are not told, but for the groups that all of them
	// lie in: the Ancestors of each act, as far as they are known.
	Collapsed bool `json:"collapsed,omitempty"`
	// Denied is why it was denied; empty for what was allowed.
	Denied string `json:"denied,omitempty"`
	// WouldDeny is why the grant denied what passed because the token was in report mode; empty for everything else.
	WouldDeny string `json:"would_deny,omitempty"`
	// Missing are the names of the permissions that a denial lacked.
	Missing []string `json:"missing,omitempty"`
}

// Act is one of the things that a unit does: a policy.Act with names and numbers.
type Act struct {
	Kind      policy.ActKind  `json:"kind"`
	Boundary  routes.Boundary `json:"boundary,omitempty"`
	Elsewhere bool            `json:"elsewhere,omitempty"`
	Self      bool            `json:"self,omitempty"`
	// Needs are the names of permissions that the act needs by itself; see policy.Act.
	Needs []string `json:"needs,omitempty"`
	// Found is the boundary of the container that was found; none when there is none.
	Found  routes.Boundary    `json:"found,omitempty"`
	Access policy.OwnerAccess `json:"access,omitempty"` // what the owner has on it
	// Visibility is that of the container.
	Visibility policy.Visibility `json:"visibility,omitempty"`
	PersonalOf int64             `json:"personal_of,omitempty"` // the user whose namespace holds the container
	// Partial: more groups may stand above the container than Ancestors says.
	Partial bool `json:"partial,omitempty"`
	Create  bool `json:"create,omitempty"` // of a ref
	Delete  bool `json:"delete,omitempty"` // of a ref

	// What follows is kept apart, because it differs most.

	Container int64   `json:"-"` // id
	Ref       string  `json:"-"` // full name of the git ref that is changed
	Ancestors []int64 `json:"-"` // groups above the container, nearest first, as they were seen last
}

// Tag tells whether the act changes a tag.
func (a *Act) Tag() bool {
	const tags = "refs/tags/"
	return len(a.Ref) > len(tags) && a.Ref[:len(tags)] == tags
}

// Collapse gives the unit without what differs most: its containers and refs. Of the containers it keeps the groups that they
// lie in; a group lies in itself. Changes of refs that are the same without their names become one.
func (u Unit) Collapse() Unit {
	acts := make([]Act, 0, len(u.Acts))
	for _, a := range u.Acts {
		if a.Found == routes.BoundaryGroup && a.Container != 0 {
			a.Ancestors = append([]int64{a.Container}, a.Ancestors...)
		}
		a.Container, a.Ref, a.PersonalOf = 0, "", 0
		same := func(other Act) bool { // a ref has nothing else
			return other.Kind == policy.ActRef && other.Create == a.Create && other.Delete == a.Delete
		}
		if a.Kind != policy.ActRef || !slices.ContainsFunc(acts, same) {
			acts = append(acts, a)
		}
	}
	u.Acts, u.Collapsed = acts, true
	return u
}

// Within leaves of the groups of a collapsed unit those that are groups of another one of its kind too: the nearest that they
// have in common comes first.
func (u *Unit) Within(other *Unit) {
	for i := range u.Acts {
		var more []int64
		if i < len(other.Acts) {
			more = other.Acts[i].Ancestors
		}
		u.Acts[i].Ancestors = commonGroups(u.Acts[i].Ancestors, more)
	}
}

// commonGroups gives the end that two chains of groups have in common.
func commonGroups(a, b []int64) []int64 {
	n := 0
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return a[len(a)-n:]
}
