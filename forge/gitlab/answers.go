package gitlab

import (
	"strings"

	"github.com/go-json-experiment/json"

	"patgate/forge/rest"
	"patgate/policy"
)

// The parts of GitLab's answers that are read, as of 19.3. Names and case must match exactly, and no name may stand twice: an
// answer that could be read in two ways is refused.

// projectAnswer is API::Entities::ProjectWithAccess (lib/api/entities/project_with_access.rb).
type projectAnswer struct {
	ID                int64            `json:"id"`
	PathWithNamespace string           `json:"path_with_namespace"`
	Visibility        string           `json:"visibility"`
	Namespace         *namespaceAnswer `json:"namespace"`
	// ForkedFrom is shown when the owner of the credential sees it.
	ForkedFrom *struct{} `json:"forked_from_project"`
	// Owner is shown for projects outside groups only (lib/api/entities/project.rb).
	Owner       *userAnswer `json:"owner"`
	Permissions struct {
		// ProjectAccess is a direct membership, GroupAccess the highest one in the groups above. Memberships through
		// invited groups are in neither.
		ProjectAccess *accessAnswer `json:"project_access"`
		GroupAccess   *accessAnswer `json:"group_access"`
	} `json:"permissions"`
}

// accessAnswer is API::Entities::MemberAccess.
type accessAnswer struct {
	AccessLevel int `json:"access_level"`
}

// guest is the lowest level that makes a member; below it is Minimal Access (5), which GitLab's member? leaves out.
const guest = 10

// member tells whether the access makes a member.
func (a *accessAnswer) member() bool { return a != nil && a.AccessLevel >= guest }

// namespaceAnswer is API::Entities::NamespaceBasic.
type namespaceAnswer struct {
	ID       int64  `json:"id"`
	Kind     string `json:"kind"` // "group" or "user"
	FullPath string `json:"full_path"`
	ParentID int64  `json:"parent_id"` // null, read as 0, at the top
}

// groupAnswer is API::Entities::GroupDetail.
type groupAnswer struct {
	ID         int64  `json:"id"`
	FullPath   string `json:"full_path"`
	ParentID   int64  `json:"parent_id"`
	Visibility string `json:"visibility"`
}

// userAnswer is API::Entities::UserBasic; for /user UserPublic, with IsAdmin for an administrator (UserWithAdmin).
type userAnswer struct {
	ID        int64  `json:"id"`
	Username  string `json:"username"`
	Bot       bool   `json:"bot"`
	IsAdmin   bool   `json:"is_admin"`
	IsAuditor bool   `json:"is_auditor"`
}

// tokenAnswer is API::Entities::PersonalAccessToken.
type tokenAnswer struct {
	ID        int64    `json:"id"`
	Name      string   `json:"name"`
	UserID    int64    `json:"user_id"`
	Scopes    []string `json:"scopes"`
	Active    bool     `json:"active"`
	Revoked   bool     `json:"revoked"`
	Granular  bool     `json:"granular"`
	ExpiresAt *string  `json:"expires_at"` // a date, or a time
}

// applicationAnswer is what GitLab says about an OAuth access token (app/controllers/oauth/token_info_controller.rb).
type applicationAnswer struct {
	UserID      int64    `json:"resource_owner_id"` // null, read as 0, for one that an application has for itself
	Scopes      []string `json:"scope"`
	Application struct {
		ID string `json:"uid"`
	} `json:"application"`
}

// errorAnswer holds the keys of both of GitLab's error shapes.
type errorAnswer struct {
	Error string `json:"error"`
}

// visibility reads a visibility; anything unknown is treated as private by policy.
func visibility(s string) policy.Visibility {
	switch s {
	case "public":
		return policy.VisibilityPublic
	case "internal":
		return policy.VisibilityInternal
	case "private":
		return policy.VisibilityPrivate
	}
	return policy.VisibilityUnknown
}

// saysBlocked tells whether a 403 is because the user is blocked (lib/gitlab/auth/user_access_denied_reason.rb, 19.3). A 403
// from something in front of GitLab does not say so.
func saysBlocked(r rest.Reply) bool {
	var m struct {
		Message string `json:"message"`
	}
	_ = json.Unmarshal(r.Body, &m)
	return strings.HasSuffix(m.Message, "Your account has been blocked.")
}

// refusesCredential tells whether a 403 is about the credential (lib/api/api_guard.rb), not about what was asked for.
func refusesCredential(r rest.Reply) bool {
	var e errorAnswer
	_ = json.Unmarshal(r.Body, &e)
	return strings.HasPrefix(e.Error, "insufficient_")
}
