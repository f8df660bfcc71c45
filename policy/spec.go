package policy

import (
	"fmt"
	"strings"

	"patgate/routes"
)

// ScopeSpec is one scope as people and clients write it, with the field names of GitLab's granular_scopes. Specs are what
// is stored of a token; a Grant is compiled from them for the catalogue of the day.
type ScopeSpec struct {
	// Access is personal_projects, all_memberships, selected_memberships, user or instance.
	Access string `json:"access"`
	// Permissions are names of the catalogue, such as read_job; at least one.
	Permissions []string `json:"permissions"`
	// ProjectIDs and GroupIDs are for selected_memberships only, which needs at least one of them.
	ProjectIDs []int64 `json:"project_ids,omitempty"`
	GroupIDs   []int64 `json:"group_ids,omitempty"`
	// Constraints narrow the scope further; they are for an access that reaches projects.
	Constraints ConstraintSpec `json:"constraints,omitzero"`
}

// ConstraintSpec is Constraints as people and clients write them. The zero value narrows nothing.
type ConstraintSpec struct {
	// RefPatterns are full ref names in which `*` stands for anything: refs/heads/bot/*.
	RefPatterns []string `json:"ref_patterns,omitempty"`
	// ForbidRefDeletes keeps pushes from deleting refs.
	ForbidRefDeletes bool `json:"forbid_ref_deletes,omitempty"`
	// ForbidTagChanges keeps pushes from moving and deleting tags; new ones can be made.
	ForbidTagChanges bool `json:"forbid_tag_changes,omitempty"`
}

// Empty tells whether nothing is narrowed.
func (c *ConstraintSpec) Empty() bool {
	return len(c.RefPatterns) == 0 && !c.ForbidRefDeletes && !c.ForbidTagChanges
}

// Words says each constraint, as something that pushes do.
func (c *ConstraintSpec) Words() (all []string) {
	if len(c.RefPatterns) > 0 {
		all = append(all, "pushes only to "+strings.Join(c.RefPatterns, ", "))
	}
	if c.ForbidRefDeletes {
		all = append(all, "pushes delete no refs")
	}
	if c.ForbidTagChanges {
		all = append(all, "pushes change no tags")
	}
	return all
}

// Permissions is what Compile asks of a catalogue; routes.Catalogue is one.
type Permissions interface {
	// Find gives the permission of a name.
	Find(name string) (routes.Permission, bool)
	// Info describes a permission that Find gave.
	Info(p routes.Permission) routes.PermissionInfo
	// Nearest gives at most n names that are spelled most like the name, the nearest first.
	Nearest(name string, n int) []string
}

// SpecProblem is one thing that is wrong with the scopes of a token.
type SpecProblem struct {
	Scope   int    // index of the scope, -1 for what no single scope is to blame for
	Field   string // as in the JSON form: permissions, project_ids, constraints.ref_patterns
	Message string
}

// String gives the problem with its place, such as `scopes[0].permissions: unknown permission "read_jop", nearest: read_job`.
func (p SpecProblem) String() string {
	switch {
	case p.Scope < 0:
		return p.Message
	case p.Field == "":
		return fmt.Sprintf("scopes[%d]: %s", p.Scope, p.Message)
	}
	return fmt.Sprintf("scopes[%d].%s: %s", p.Scope, p.Field, p.Message)
}

// SpecError holds everything that is wrong with the scopes of a token, in their order.
type SpecError struct {
	Problems []SpecProblem
}

// Error gives all problems in one line.
func (e *SpecError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "; ")
}
