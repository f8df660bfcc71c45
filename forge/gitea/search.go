package gitea

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"patgate/forge"
	"patgate/forge/rest"
	"patgate/routes"
	"patgate/token"
)

// mostOrganizations is how many of a user's organizations are looked through: Gitea does not search them.
const mostOrganizations = 50

// found is an api.Repository or api.Organization (modules/structs, 1.26), reduced.
type found struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	FullName string `json:"full_name"`
}

// Search looks for organizations and repositories that the credential's user has a part in: GET /user/orgs and GET
// /repos/search. Organizations come first. Errors are those of Resolve.
func (r *Resolver) Search(ctx context.Context, credential token.Secret, userID int64, text string,
	most int) ([]forge.Found, error) {
	ctx, cancel := r.Bound(ctx)
	defer cancel()
	as := &token.Session{TokenID: -userID, OwnerUserID: userID, Credential: credential}
	var all []forge.Found
	organizations, err := search[[]found](ctx, r, as, fmt.Sprintf("/user/orgs?limit=%d", mostOrganizations))
	if err != nil {
		return nil, fmt.Errorf("searching organizations: %w", err)
	}
	for _, o := range *organizations {
		if len(all) < most && (contains(o.Name, text) || contains(o.FullName, text)) {
			all = append(all, forge.Found{Kind: routes.RefGroup, ID: o.ID, Path: o.Name, Name: o.FullName})
		}
	}
	repositories, err := search[struct {
		Data []found `json:"data"`
	}](ctx, r, as, "/repos/search?"+url.Values{
		"q":       {text},
		"uid":     {fmt.Sprint(userID)},
		"private": {"true"},
		"limit":   {fmt.Sprint(most)},
	}.Encode())
	if err != nil {
		return nil, fmt.Errorf("searching repositories: %w", err)
	}
	for _, p := range repositories.Data {
		all = append(all, forge.Found{Kind: routes.RefProject, ID: p.ID, Path: p.FullName, Name: p.Name})
	}
	return all, nil
}

func contains(s, part string) bool {
	return strings.Contains(strings.ToLower(s), strings.ToLower(part))
}

func search[T any](ctx context.Context, r *Resolver, as *token.Session, path string) (*T, error) {
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
	return rest.Decode[T](rep)
}
