package gitea

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"

	"patgate/forge"
	"patgate/forge/rest"
	"patgate/policy"
)

// The parts that are read of Gitea's answers (modules/structs, 1.26).

// repositoryAnswer is structs.Repository. Internal is for what is not private in a private organization.
type repositoryAnswer struct {
	ID          int64       `json:"id"`
	FullName    string      `json:"full_name"`
	Owner       *userAnswer `json:"owner"`
	Private     bool        `json:"private"`
	Internal    bool        `json:"internal"`
	Permissions *struct {
		Admin bool `json:"admin"`
		Push  bool `json:"push"`
	} `json:"permissions"`
}

// userAnswer is structs.User, of users and of organizations. IsAdmin is shown to the user itself and to administrators.
type userAnswer struct {
	ID         int64  `json:"id"`
	Login      string `json:"login"`
	Visibility string `json:"visibility"` // "public", "limited", "private"
	IsAdmin    bool   `json:"is_admin"`
}

// organizationAnswer is structs.Organization.
type organizationAnswer struct {
	ID         int64  `json:"id"`
	Name       string `json:"name"`
	Visibility string `json:"visibility"`
}

// teamAnswer is structs.Team.
type teamAnswer struct {
	ID int64 `json:"id"`
}

// visible tells whether the forge showed what was asked for. 404 is its answer when it does not exist, or the owner may not see
// it, and 403 when the credential is for public things alone.
func visible(r rest.Reply) (bool, error) {
	switch r.Status {
	case 200, 204:
		return true, nil
	case 404:
		return false, nil
	case 403:
		if refusesCredential(r) {
			return false, fmt.Errorf("reading a container: %w", forge.ErrCredential)
		}
		return false, nil
	}
	return false, fmt.Errorf("reading a container: status %d: %w", r.Status, forge.ErrUnavailable)
}

// message is the text of an error.
func message(r rest.Reply) string {
	var m struct {
		Message string `json:"message"`
	}
	_ = json.Unmarshal(r.Body, &m)
	return m.Message
}

// lacksScope tells whether a 403 is because the credential's scopes do not suffice (tokenRequiresScopes, routers/api/v1/api.go).
func lacksScope(r rest.Reply) bool {
	return strings.HasPrefix(message(r), "token does not have at least one of required scope(s)")
}

// saysBlocked tells whether a 403 is because the user may not sign in.
func saysBlocked(r rest.Reply) bool {
	return strings.HasPrefix(message(r), "This account is prohibited from signing in")
}

// refusesCredential tells whether a 403 is about the credential or its user, not about what was asked for.
func refusesCredential(r rest.Reply) bool {
	m := message(r)
	return lacksScope(r) || saysBlocked(r) || strings.HasPrefix(m, "This account is not activated") ||
		strings.HasPrefix(m, "You must change your password") || strings.HasPrefix(m, "Only signed in user is allowed") ||
		strings.HasPrefix(m, "checking scope failed")
}

// visibility is the narrower of a repository's own and its owner's.
func (a *repositoryAnswer) visibility() policy.Visibility {
	if a.Private || a.Internal {
		return policy.VisibilityPrivate
	}
	return ownerVisibility(a.Owner.Visibility)
}

// ownerVisibility reads the visibility of a user or organization; anything unknown is treated as private by policy.
func ownerVisibility(s string) policy.Visibility {
	switch s {
	case "public":
		return policy.VisibilityPublic
	case "limited":
		return policy.VisibilityInternal
	case "private":
		return policy.VisibilityPrivate
	}
	return policy.VisibilityUnknown
}
