package gitea

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"patgate/forge"
	"patgate/forge/facts"
	"patgate/forge/rest"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// Lists are read in pages of pageSize, and no more than mostPages of them. For an owner in more teams or organizations than
// that, Gitea is asked for the single one where it can be.
const (
	pageSize  = 50
	mostPages = 10
)

// pages reads a list until next says that it has seen enough or a page is empty: Gitea may be set to give shorter ones.
func (r *Resolver) pages(ctx context.Context, s *token.Session, path string,
	next func(rest.Reply) (items int, enough bool, err error)) error {
	for page := 1; page <= mostPages; page++ {
		rep, err := r.Ask(ctx, s, fmt.Sprintf("%slimit=%d&page=%d", path, pageSize, page))
		if err != nil {
			return err
		}
		if shown, err := visible(rep); !shown || err != nil {
			return err
		}
		if items, enough, err := next(rep); err != nil || enough || items == 0 {
			return err
		}
	}
	return nil
}

// readOwner fills in an organization or a user as a group.
func (r *Resolver) readOwner(ctx context.Context, s *token.Session, f *facts.Fact, ref routes.Reference,
	maxAge time.Duration) error {
	if ref.ID > 0 {
		return r.readOwnerByID(ctx, s, f, ref.ID, maxAge)
	}
	o, err := r.organization(ctx, s, string(ref.Path))
	if err != nil {
		return err
	}
	if o != nil {
		return r.fillOrganization(ctx, s, f, o, maxAge)
	}
	u, err := r.user(ctx, s, routes.Reference{Kind: routes.RefUser, Path: ref.Path})
	if err != nil || u == nil {
		return err
	}
	fillUser(s, f, u)
	return nil
}

// readOwnerByID looks for an id among the users, the organizations of the token's owner and all that are shown, one after
// the other: Gitea gives organizations by their names alone.
func (r *Resolver) readOwnerByID(ctx context.Context, s *token.Session, f *facts.Fact, id int64, maxAge time.Duration) error {
	u, err := r.user(ctx, s, routes.Reference{Kind: routes.RefUser, ID: id})
	if err != nil {
		return err
	}
	if u != nil {
		fillUser(s, f, u)
		return nil
	}
	for _, list := range []string{"/user/orgs?", "/orgs?"} {
		var found *organizationAnswer
		err := r.pages(ctx, s, list, func(rep rest.Reply) (int, bool, error) {
			all, err := rest.Decode[[]organizationAnswer](rep)
			if err != nil {
				return 0, false, err
			}
			for i := range *all {
				if (*all)[i].ID == id {
					found = &(*all)[i]
				}
			}
			return len(*all), found != nil, nil
		})
		if err != nil {
			return err
		}
		if found != nil {
			return r.fillOrganization(ctx, s, f, found, maxAge)
		}
	}
	return nil
}

// Below implements forge.Resolver: GET /orgs/{org}/repos. The projects of a user are not listed.
func (r *Resolver) Below(ctx context.Context, s *token.Session, group *policy.Container, maxAge time.Duration) (projects []int64,
	complete bool, err error) {
	return r.Keeper.Below(ctx, s, group, maxAge, func(ctx context.Context, number int) (out []facts.Project, more, shown bool,
		err error) {
		name := rest.Escape([]byte(group.Path))
		rep, err := r.Ask(ctx, s, fmt.Sprintf("/orgs/%s/repos?limit=%d&page=%d", name, pageSize, number))
		if err != nil {
			return nil, false, false, err
		}
		if shown, err := visible(rep); !shown || err != nil {
			return nil, false, false, err
		}
		repositories, err := rest.Decode[[]repositoryAnswer](rep)
		if err != nil {
			return nil, false, false, err
		}
		for _, a := range *repositories {
			if a.Owner != nil && a.Owner.ID == group.ID {
				out = append(out, facts.Project{ID: a.ID, Path: a.FullName})
			}
		}
		return out, len(*repositories) > 0, true, nil // Gitea may be set to give shorter pages
	})
}

// organization reads an organization by its name: GET /orgs/{org}. nil is "not found or not visible", which a user is too.
func (r *Resolver) organization(ctx context.Context, s *token.Session, name string) (*organizationAnswer, error) {
	rep, name, err := r.named(ctx, s, "/orgs/", name)
	if err != nil {
		return nil, err
	}
	if shown, err := visible(rep); !shown || err != nil {
		return nil, err
	}
	o, err := rest.Decode[organizationAnswer](rep)
	if err != nil {
		return nil, err
	}
	if o.ID <= 0 || !facts.SamePath(o.Name, name) {
		return nil, fmt.Errorf("reading an organization: the answer is about another one: %w", forge.ErrUnavailable)
	}
	return o, nil
}

// fillOrganization asks whether the token's owner is in one of the organization's teams.
func (r *Resolver) fillOrganization(ctx context.Context, s *token.Session, f *facts.Fact, o *organizationAnswer,
	maxAge time.Duration) error {
	me, err := r.self(ctx, s, f, maxAge)
	if err != nil {
		return err
	}
	rep, err := r.Ask(ctx, s, "/orgs/"+rest.Escape([]byte(o.Name))+"/members/"+rest.Escape([]byte(me.name)))
	if err != nil {
		return err
	}
	member, err := visible(rep)
	if err != nil {
		return err
	}
	f.Container = policy.Container{
		Boundary:   routes.BoundaryGroup,
		ID:         o.ID,
		Path:       o.Name,
		Visibility: ownerVisibility(o.Visibility),
		Access:     policy.OwnerPublicRead,
	}
	if member {
		f.Container.Access = policy.OwnerMember
	}
	return nil
}

// fillUser fills in a user as a group.
func fillUser(s *token.Session, f *facts.Fact, u *userAnswer) {
	f.Container = policy.Container{
		Boundary:   routes.BoundaryGroup,
		ID:         u.ID,
		Path:       u.Login,
		Visibility: ownerVisibility(u.Visibility),
		Access:     policy.OwnerPublicRead,
	}
	if u.ID == s.OwnerUserID {
		f.Container.Access = policy.OwnerMember
	}
}

// user reads a user: GET /users/{name}, which gives organizations too, or GET /users/search?uid=, which does not. nil is
// "not found or not visible".
func (r *Resolver) user(ctx context.Context, s *token.Session, ref routes.Reference) (*userAnswer, error) {
	if ref.ID > 0 && ref.ID != s.OwnerUserID {
		return userByID(ref.ID, func(path string) (rest.Reply, error) { return r.Ask(ctx, s, path) })
	}
	if ref.ID > 0 { // the search shows only whom others may see
		return r.ownUser(ctx, s)
	}
	if facts.SamePath(string(ref.Path), "search") { // another question
		return nil, nil
	}
	rep, name, err := r.named(ctx, s, "/users/", string(ref.Path))
	if err != nil {
		return nil, err
	}
	if shown, err := visible(rep); !shown || err != nil {
		return nil, err
	}
	u, err := rest.Decode[userAnswer](rep)
	if err != nil {
		return nil, err
	}
	if u.ID <= 0 || !facts.SamePath(u.Login, name) {
		return nil, fmt.Errorf("reading a user: the answer is about another one: %w", forge.ErrUnavailable)
	}
	return u, nil
}

// ownUser reads the token's owner: GET /user.
func (r *Resolver) ownUser(ctx context.Context, s *token.Session) (*userAnswer, error) {
	rep, err := r.Ask(ctx, s, "/user")
	if err != nil {
		return nil, err
	}
	if shown, err := visible(rep); !shown || err != nil {
		return nil, err
	}
	u, err := rest.Decode[userAnswer](rep)
	if err != nil {
		return nil, err
	}
	if u.ID != s.OwnerUserID || u.Login == "" {
		return nil, fmt.Errorf("reading the credential's user: the answer is about another one: %w", forge.ErrUnavailable)
	}
	return u, nil
}

// userByID reads a user by id: GET /users/search?uid=.
func userByID(id int64, ask func(path string) (rest.Reply, error)) (*userAnswer, error) {
	rep, err := ask("/users/search?limit=1&uid=" + strconv.FormatInt(id, 10))
	if err != nil {
		return nil, err
	}
	if shown, err := visible(rep); !shown || err != nil {
		return nil, err
	}
	found, err := rest.Decode[struct {
		Data []userAnswer `json:"data"`
	}](rep)
	if err != nil || len(found.Data) == 0 {
		return nil, err
	}
	if u := &found.Data[0]; u.ID == id && u.Login != "" && len(found.Data) == 1 {
		return u, nil
	}
	return nil, fmt.Errorf("reading a user: the answer is about another one: %w", forge.ErrUnavailable)
}

// named reads an organization or user by name, and gives the name that it has now: Gitea answers for the old name of
// something renamed with a 307 to the new one.
func (r *Resolver) named(ctx context.Context, s *token.Session, below, name string) (rest.Reply, string, error) {
	if strings.Contains(name, "/") {
		return rest.Reply{Status: 404}, name, nil
	}
	rep, err := r.Ask(ctx, s, below+rest.Escape([]byte(name)))
	for moves := 0; err == nil && (rep.Status == 301 || rep.Status == 307); moves++ {
		var ok bool
		if name, ok = movedTo(rep.Location, below); !ok || strings.Contains(name, "/") || moves == mostMoves {
			return rest.Reply{}, "", fmt.Errorf("following a new name: its address is not one of a user or organization: %w",
				forge.ErrUnavailable)
		}
		rep, err = r.Ask(ctx, s, below+rest.Escape([]byte(name)))
	}
	return rep, name, err
}
