package gitea

import (
	"context"
	"fmt"

	"patgate/forge"
	"patgate/forge/rest"
	"patgate/token"
)

// Memberships gives one page of the groups and projects that the session's owner has access to: GET /user/orgs and GET
// /user/repos. Gitea knows no levels, so least changes nothing. Errors are those of Resolve.
func (r *Resolver) Memberships(ctx context.Context, s *token.Session, _, page, size int) (m forge.Memberships, err error) {
	if err := r.Pay(ctx, s); err != nil {
		return m, fmt.Errorf("listing memberships: %w", err)
	}
	ctx, cancel := r.Bound(ctx)
	defer cancel()
	groups, err := mine[memberOrganization](ctx, r, s, "/user/orgs", page, size)
	if err != nil {
		return m, fmt.Errorf("listing memberships: %w", err)
	}
	projects, err := mine[memberRepository](ctx, r, s, "/user/repos", page, size)
	if err != nil {
		return m, fmt.Errorf("listing memberships: %w", err)
	}
	for _, o := range groups {
		m.Groups = append(m.Groups, forge.MemberGroup{ID: o.ID, Name: o.Name, FullPath: o.Name, Visibility: o.Visibility})
	}
	for _, p := range projects {
		visibility := "public"
		if p.Private {
			visibility = "private"
		}
		m.Projects = append(m.Projects, forge.MemberProject{ID: p.ID, Name: p.Name, NameWithNamespace: p.FullName, Path: p.Name,
			PathWithNamespace: p.FullName, Visibility: visibility})
	}
	return m, m.Check()
}

// memberOrganization is Gitea's Organization and memberRepository its Repository, reduced.
type memberOrganization struct {
	ID         int64  `json:"id"`
	Name       string `json:"name"`
	Visibility string `json:"visibility"`
}

type memberRepository struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	FullName string `json:"full_name"`
	Private  bool   `json:"private"`
}

// mine reads one page of a list of the session's owner.
func mine[T any](ctx context.Context, r *Resolver, s *token.Session, path string, page, size int) ([]T, error) {
	rep, err := r.Ask(ctx, s, fmt.Sprintf("%s?page=%d&limit=%d", path, page, size))
	if err != nil {
		return nil, err
	}
	if shown, err := visible(rep); !shown || err != nil {
		return nil, err
	}
	all, err := rest.Decode[[]T](rep)
	if err != nil {
		return nil, err
	}
	return *all, nil
}
