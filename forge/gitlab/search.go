package gitlab

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"patgate/forge"
	"patgate/forge/rest"
	"patgate/routes"
	"patgate/token"
)

// foundProject is API::Entities::ProjectIdentity and foundGroup API::Entities::Group (lib/api/entities, 19.3), reduced.
type foundProject struct {
	ID                int64  `json:"id"`
	Name              string `json:"name"`
	PathWithNamespace string `json:"path_with_namespace"`
}

type foundGroup struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	FullPath string `json:"full_path"`
}

// Search looks for projects and groups that the credential's user is a member of: GET /projects and GET /groups. Groups
// come first. Errors are those of Resolve.
func (r *Resolver) Search(ctx context.Context, credential token.Secret, userID int64, text string,
	most int) ([]forge.Found, error) {
	ctx, cancel := r.Bound(ctx)
	defer cancel()
	var found []forge.Found
	groups, err := list[foundGroup](ctx, r, credential, userID, "/groups?"+url.Values{
		"search": {text}, "min_access_level": {"10"}, "per_page": {fmt.Sprint(most)}, "order_by": {"similarity"}}.Encode())
	if err != nil {
		return nil, fmt.Errorf("searching groups: %w", err)
	}
	for _, g := range groups {
		found = append(found, forge.Found{Kind: routes.RefGroup, ID: g.ID, Path: g.FullPath, Name: g.Name})
	}
	projects, err := list[foundProject](ctx, r, credential, userID, "/projects?"+url.Values{
		"search":            {text},
		"search_namespaces": {"true"},
		"membership":        {"true"},
		"simple":            {"true"},
		"order_by":          {"last_activity_at"},
		"per_page":          {fmt.Sprint(most)},
	}.Encode())
	if err != nil {
		return nil, fmt.Errorf("searching projects: %w", err)
	}
	for _, p := range projects {
		found = append(found, forge.Found{Kind: routes.RefProject, ID: p.ID, Path: p.PathWithNamespace, Name: p.Name})
	}
	return found, nil
}

// ownToken is API::Entities::PersonalAccessToken, for lists.
type ownToken struct {
	ID          int64    `json:"id"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	UserID      int64    `json:"user_id"`
	Scopes      []string `json:"scopes"`
	Active      bool     `json:"active"`
	Revoked     bool     `json:"revoked"`
	Granular    bool     `json:"granular"`
	CreatedAt   string   `json:"created_at"`
	LastUsedAt  string   `json:"last_used_at"`
	ExpiresAt   string   `json:"expires_at"`
}

// mostOwnTokens bounds how many of a user's tokens are listed.
const mostOwnTokens = 100

// OwnTokens lists the user's active tokens: GET /personal_access_tokens. Errors are those of Resolve.
func (r *Resolver) OwnTokens(ctx context.Context, credential token.Secret, userID int64) ([]forge.OwnToken, error) {
	ctx, cancel := r.Bound(ctx)
	defer cancel()
	all, err := list[ownToken](ctx, r, credential, userID, "/personal_access_tokens?"+url.Values{
		"user_id": {fmt.Sprint(userID)}, "state": {"active"}, "per_page": {fmt.Sprint(mostOwnTokens)}}.Encode())
	if err != nil {
		return nil, fmt.Errorf("listing tokens: %w", err)
	}
	var own []forge.OwnToken
	for _, t := range all {
		if t.UserID != userID || !t.Active || t.Revoked {
			continue
		}
		o := forge.OwnToken{ID: t.ID, Name: t.Name, Description: t.Description, Scopes: t.Scopes, Granular: t.Granular}
		o.Active = true
		for text, into := range map[*string]*time.Time{
			&t.CreatedAt:  &o.CreatedAt,
			&t.LastUsedAt: &o.LastUsedAt,
			&t.ExpiresAt:  &o.ExpiresAt,
		} {
			if *text == "" {
				continue
			}
			if *into, err = expiry(*text); err != nil {
				return nil, fmt.Errorf("listing tokens: %w", err)
			}
		}
		own = append(own, o)
	}
	return own, nil
}

// list reads a list that is no token's question, on the allowance of the user's own.
func list[T any](ctx context.Context, r *Resolver, credential token.Secret, userID int64, path string) ([]T, error) {
	as := &token.Session{TokenID: -userID, OwnerUserID: userID, Credential: credential}
	if err := r.Pay(ctx, as); err != nil {
		return nil, err
	}
	rep, err := r.Ask(ctx, as, path)
	if err != nil {
		return nil, err
	}
	if rep.Status != 200 {
		return nil, fmt.Errorf("status %d: %w", rep.Status, forge.ErrUnavailable)
	}
	all, err := rest.Decode[[]T](rep)
	if err != nil {
		return nil, err
	}
	return *all, nil
}
