package policy

import "patgate/routes"

// Visibility of a container. The zero value is unknown and is treated as private. Stores keep the numbers: new ones come last.
type Visibility uint8

const (
	VisibilityUnknown Visibility = iota
	VisibilityPrivate
	VisibilityInternal
	VisibilityPublic
)

// OwnerAccess is what the token's owner has on a container. The zero value is nothing. Stores keep the numbers: new
// ones come last.
type OwnerAccess uint8

const (
	// OwnerNone: the owner cannot see the container, or it does not exist.
	OwnerNone OwnerAccess = iota
	// OwnerPublicRead: the owner sees it because it is public or internal, without being a member.
	OwnerPublicRead
	// OwnerMember: direct, inherited or through an invited group.
	OwnerMember
)

// Container is what the forge says about a project or group. The zero value is "not found or not visible to the owner".
type Container struct {
	Boundary   routes.Boundary // BoundaryProject or BoundaryGroup; BoundaryUser for a user namespace; BoundaryNone when not found
	ID         int64           // project id or group id; for a user namespace the user's id
	Path       string          // full path as the forge writes it now
	Ancestors  []int64         // ids of the groups above it, nearest first; truncated where the owner cannot see further
	PersonalOf int64           // user id, for a project in a user's own namespace; else 0
	Visibility Visibility
	Access     OwnerAccess
	Partial    bool // a group above could not be seen: more may stand above it than Ancestors says
	Fork       bool // the project comes from another one that the owner sees: the forge makes its merge requests there
}
