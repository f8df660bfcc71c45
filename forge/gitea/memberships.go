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
	out := make([]forge.Membership, len(*all))
	for i, body := range *all {
		named, err := rest.Decode[struct {
			ID int64 `json:"id"`
		}](rest.Reply{Body: body})
		if err != nil {
			return nil, err
		}
		if named.ID <= 0 {
			return nil, fmt.Errorf("reading the forge's answer: an entry without an id: %w", forge.ErrUnavailable)
		}
		out[i] = forge.Membership{ID: named.ID, Body: body}
	}
	return out, nil
}

// Version asks the forge for its version: GET /version. Gitea names no revision.
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
	v, err := rest.Decode[struct {
		Version string `json:"version"`
	}](rep)
	if err != nil {
		return "", "", err
	}
	return v.Version, "", nil
}
