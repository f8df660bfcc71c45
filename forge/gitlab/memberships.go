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
	if m.Groups, err = members(answer.Groups); err == nil {
		m.Projects, err = members(answer.Projects)
	}
	return m, err
}

func members(all []json.RawMessage) ([]forge.Membership, error) {
	out := make([]forge.Membership, len(all))
	for i, body := range all {
		var named struct {
			ID int64 `json:"id"`
		}
		if err := json.Unmarshal(body, &named); err != nil || named.ID <= 0 {
			return nil, fmt.Errorf("reading the forge's answer: not the JSON that was expected: %w", forge.ErrUnavailable)
		}
		out[i] = forge.Membership{ID: named.ID, Body: body}
	}
	return out, nil
}

// versionAnswer is the answer to GET /version.
type versionAnswer struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
}

// Version asks the forge for its version.
func (r *Resolver) Version(ctx context.Context, credential token.Secret) (version, revision string, err error) {
	ctx, cancel := r.Bound(ctx)
	defer cancel()
	rep, err := r.Client.Get(ctx, credential, "/version")
	if err != nil {
		return "", "", fmt.Errorf("asking for the version: %w", err)
	}
	if rep.Status != 200 {
		return "", "", fmt.Errorf("asking for the version: status %d: %w", rep.Status, forge.ErrUnavailable)
	}
	v, err := rest.Decode[versionAnswer](rep)
	if err != nil {
		return "", "", err
	}
	return v.Version, v.Revision, nil
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
