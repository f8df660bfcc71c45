package routes

import "fmt"

// Boundary is what a permission is exercised on, in GitLab's words (config/authz, GitLab 19.3).
// The zero value is no boundary: no grant reaches it. Stores keep the numbers: new ones come last.
type Boundary uint8

// The boundaries, in the order in which GitLab names them in a denial.
const (
	BoundaryNone Boundary = iota
	BoundaryProject
	BoundaryGroup
	BoundaryUser
	BoundaryInstance
)

var boundaryNames = [...]string{"none", "project", "group", "user", "instance"}

// String gives the boundary's name as it stands in the route table.
func (b Boundary) String() string {
	if int(b) < len(boundaryNames) {
		return boundaryNames[b]
	}
	return fmt.Sprintf("boundary(%d)", uint8(b))
}

// ParseBoundary reads a boundary's name. Unknown text, "none" included, is an error.
func ParseBoundary(s string) (Boundary, error) {
	for i, name := range boundaryNames[1:] {
		if s == name {
			return Boundary(i + 1), nil
		}
	}
	return BoundaryNone, fmt.Errorf("unknown boundary %q: use project, group, user or instance", s)
}

// InContainer tells whether the boundary is a project or a group, which a request names and the forge resolves.
func (b Boundary) InContainer() bool { return b == BoundaryProject || b == BoundaryGroup }
