package gitlab

import (
	"context"
	"encoding/json"
	"fmt"

	"patgate/forge"
	"patgate/forge/rest"
	"patgate/token"
)

// associationsAnswer is API::Entities::PersonalAccessTokenAssociations (lib/api/entities, 19.3).
type associationsAnswer struct {
	Groups   []json.RawMessage `json:"groups"`
	Projects []json.RawMessage `json:"projects"`
}

// Memberships gives one page of what the session's owner has access to: GET /personal_access_tokens/self/associations.
// least is GitLab's access level; 0 is any. Errors are those of Resolve.
func (r *Resolver) Memberships(ctx context.Context, s *token.Session, least, page, size int) (forge.Memberships, error) {
	var m forge.Memberships
	if err := r.Pay(s); err != nil {
		return m, fmt.Errorf("listing memberships: %w", err)
	}
	path := fmt.Sprintf("/personal_access_tokens/self/associations?page=%d&per_page=%d", page, size)
	if least > 0 {
		path += fmt.Sprintf("&min_access_level=%d", least)
	}
	ctx, cancel := r.Bound(ctx)
	defer cancel()
	rep, err := r.Ask(ctx, s, path)
	if err != nil {
		return m, fmt.Errorf("listing memberships: %w", err)
	}
	if rep.Status != 200 {
		return m, fmt.Errorf("listing memberships: status %d: %w", rep.Status, forge.ErrUnavailable)
	}
	answer, err := rest.Decode[associationsAnswer](rep)
	if err != nil {
		return m, err
	}
	if m.Groups, err = rest.Members(answer.Groups); err == nil {
		m.Projects, err = rest.Members(answer.Projects)
	}
	return m, err
}

// Exists asks, with a credential, whether there is a user of that id: GET /users/:id.
func (r *Resolver) Exists(ctx context.Context, credential token.Secret, userID int64) (bool, error) {
	ctx, cancel := r.Bound(ctx)
	defer cancel()
	rep, err := r.Client.Get(ctx, credential, fmt.Sprintf("/users/%d", userID))
	switch {
	case err != nil:
		return false, fmt.Errorf("asking for a user: %w", err)
	case rep.Status == 404:
		return false, nil
	case rep.Status == 200:
		return true, nil
	}
	return false, fmt.Errorf("asking for a user: status %d: %w", rep.Status, forge.ErrUnavailable)
}
