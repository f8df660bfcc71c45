package gitea

import (
	"context"
	"encoding/json"
	"fmt"

	"patgate/forge"
	"patgate/forge/rest"
	"patgate/token"
)

// Memberships gives one page of what the session's owner has access to: GET /user/orgs and GET /user/repos. Gitea knows no
// levels, so least changes nothing. Errors are those of Resolve.
func (r *Resolver) Memberships(ctx context.Context, s *token.Session, _, page, size int) (m forge.Memberships, err error) {
	if err := r.Pay(s); err != nil {
		return m, fmt.Errorf("listing memberships: %w", err)
	}
	ctx, cancel := r.Bound(ctx)
	defer cancel()
	if m.Groups, err = r.members(ctx, s, "/user/orgs", page, size); err == nil {
		m.Projects, err = r.members(ctx, s, "/user/repos", page, size)
	}
	if err != nil {
		return forge.Memberships{}, fmt.Errorf("listing memberships: %w", err)
	}
	return m, nil
}

func (r *Resolver) members(ctx context.Context, s *token.Session, path string, page, size int) ([]forge.Membership, error) {
	rep, err := r.Ask(ctx, s, fmt.Sprintf("%s?page=%d&limit=%d", path, page, size))
	if err != nil {
		return nil, err
	}
	if shown, err := visible(rep); !shown || err != nil {
		return nil, err
	}
	all, err := rest.Decode[[]json.RawMessage](rep)
	if err != nil {
		return nil, err
	}
	return rest.Members(*all)
}
