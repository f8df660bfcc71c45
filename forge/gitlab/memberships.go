package gitlab

import (
	"context"
	"fmt"

	"patgate/forge"
	"patgate/forge/rest"
	"patgate/token"
)

// Memberships gives one page of the groups and projects that the session's owner has access to, by
// GET /personal_access_tokens/self/associations. least is GitLab's access level; 0 is any. Errors are those of Resolve.
func (r *Resolver) Memberships(ctx context.Context, s *token.Session, least, page, size int) (forge.Memberships, error) {
	var none forge.Memberships
	if err := r.Pay(ctx, s); err != nil {
		return none, fmt.Errorf("listing memberships: %w", err)
	}
	path := fmt.Sprintf("/personal_access_tokens/self/associations?page=%d&per_page=%d", page, size)
	if least > 0 {
		path += fmt.Sprintf("&min_access_level=%d", least)
	}
	ctx, cancel := r.Bound(ctx)
	defer cancel()
	rep, err := r.Ask(ctx, s, path)
	if err != nil {
		return none, fmt.Errorf("listing memberships: %w", err)
	}
	if rep.Status != 200 {
		return none, fmt.Errorf("listing memberships: status %d: %w", rep.Status, forge.ErrUnavailable)
	}
	m, err := rest.Decode[forge.Memberships](rep)
	if err != nil {
		return none, err
	}
	return *m, m.Check()
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
