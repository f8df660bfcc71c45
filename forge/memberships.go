package forge

import "fmt"

// Memberships are groups and projects that a user has access to, as GitLab names them (PersonalAccessTokenAssociations,
// lib/api/entities, 19.3). Every token that reaches them is shown which they are and how far the access goes, and nothing that
// takes a permission to read. All else that a forge says about them is left out.
type Memberships struct {
	Groups   []MemberGroup   `json:"groups"`
	Projects []MemberProject `json:"projects"`
}

// MemberGroup is one of the groups.
type MemberGroup struct {
	ID         int64  `json:"id"`
	Name       string `json:"name"`
	FullPath   string `json:"full_path,omitempty"`
	ParentID   *int64 `json:"parent_id"`
	Visibility string `json:"visibility"`
	// AccessLevel is the user's own there; nil when it comes from elsewhere, or the forge knows no levels.
	AccessLevel *int64 `json:"access_levels"`
}

// MemberProject is one of the projects.
type MemberProject struct {
	ID                int64            `json:"id"`
	Name              string           `json:"name"`
	NameWithNamespace string           `json:"name_with_namespace"`
	Path              string           `json:"path"`
	PathWithNamespace string           `json:"path_with_namespace"`
	Visibility        string           `json:"visibility"`
	Namespace         *MemberNamespace `json:"namespace"`
	AccessLevels      AccessLevels     `json:"access_levels"`
}

// MemberNamespace is the group or user that a project belongs to.
type MemberNamespace struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	Path     string `json:"path"`
	Kind     string `json:"kind"`
	FullPath string `json:"full_path"`
	ParentID *int64 `json:"parent_id"`
}

// AccessLevels are a user's levels of access to a project, where they come from.
type AccessLevels struct {
	Project *int64 `json:"project_access_level"`
	Group   *int64 `json:"group_access_level"`
}

// Check gives an error for an entry without an id.
func (m *Memberships) Check() error {
	for i := range m.Groups {
		if m.Groups[i].ID <= 0 {
			return fmt.Errorf("reading the forge's answer: a group without an id: %w", ErrUnavailable)
		}
	}
	for i := range m.Projects {
		if m.Projects[i].ID <= 0 {
			return fmt.Errorf("reading the forge's answer: a project without an id: %w", ErrUnavailable)
		}
	}
	return nil
}
