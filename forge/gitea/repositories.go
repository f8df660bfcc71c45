package gitea

import (
	"context"
	"fmt"
	"slices"
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

// mostMoves bounds how often an old path may lead on: to the owner's new name, then to the repository's.
const mostMoves = 3

// readRepository fills in a repository: GET /repositories/{id} or GET /repos/{owner}/{name}.
func (r *Resolver) readRepository(ctx context.Context, s *token.Session, f *facts.Fact, ref routes.Reference,
	maxAge time.Duration) error {
	name, path := string(ref.Path), "/repositories/"+strconv.FormatInt(ref.ID, 10)
	if ref.ID == 0 {
		if !pair(name) || facts.SamePath(name, "issues/search") { // the latter is another question
			return nil
		}
		path = "/repos/" + escapePath(name)
	}
	rep, err := r.Ask(ctx, s, path)
	for moves := 0; err == nil && ref.ID == 0 && (rep.Status == 301 || rep.Status == 307); moves++ {
		var ok bool
		if name, ok = movedTo(rep.Location, "/repos/"); !ok || !pair(name) || moves == mostMoves {
			return fmt.Errorf("following a renamed repository: its new address is not one of a "+
				"repository: %w", forge.ErrUnavailable)
		}
		rep, err = r.Ask(ctx, s, "/repos/"+escapePath(name))
	}
	if err != nil {
		return err
	}
	if shown, err := visible(rep); !shown || err != nil {
		return err
	}
	a, err := rest.Decode[repositoryAnswer](rep)
	if err != nil {
		return err
	}
	switch {
	case a.ID <= 0 || !pair(a.FullName) || a.Owner == nil || a.Owner.ID <= 0 || a.Owner.Login == "" || a.Permissions == nil:
		return fmt.Errorf("reading a repository: the answer is incomplete: %w", forge.ErrUnavailable)
	case ref.ID > 0 && a.ID != ref.ID, ref.ID == 0 && !facts.SamePath(a.FullName, name):
		return fmt.Errorf("reading a repository: the answer is about another one: %w", forge.ErrUnavailable)
	}
	c := policy.Container{
		Boundary:   routes.BoundaryProject,
		ID:         a.ID,
		Path:       a.FullName,
		Visibility: a.visibility(),
		Ancestors:  []int64{a.Owner.ID},
	}
	member := a.Owner.ID == s.OwnerUserID
	if member {
		c.PersonalOf = a.Owner.ID
	} else if member, err = r.belongs(ctx, s, f, a, maxAge); err != nil {
		return err
	}
	c.Access = policy.OwnerPublicRead
	if member {
		c.Access = policy.OwnerMember
	}
	f.Container = c
	return nil
}

// belongs tells whether the token's owner, who is not the repository's, is a member of it.
//
// That the owner may read proves nothing: the repository or one of its units may be open to everybody who is signed in. Only
// collaborators, teams (models/perm/access, 1.26) and site administrators may write to its code, and the answer does not tell
// administrators apart. For administrators and readers Gitea is asked whether they are a collaborator, and for an
// organization's repository whether one of their teams has it.
func (r *Resolver) belongs(ctx context.Context, s *token.Session, f *facts.Fact, a *repositoryAnswer,
	maxAge time.Duration) (bool, error) {
	me, err := r.self(ctx, s, f, maxAge)
	if err != nil {
		return false, err
	}
	if (a.Permissions.Push || a.Permissions.Admin) && !me.admin {
		return true, nil
	}
	path := "/repos/" + escapePath(a.FullName)
	rep, err := r.Ask(ctx, s, path+"/collaborators/"+rest.Escape([]byte(me.name)))
	if err != nil {
		return false, err
	}
	if is, err := visible(rep); is || err != nil {
		return is, err
	}
	if rep, err = r.Ask(ctx, s, path+"/teams"); err != nil || rep.Status == 405 { // its owner is a user
		return false, err
	}
	if shown, err := visible(rep); !shown || err != nil {
		return false, err
	}
	teams, err := rest.Decode[[]teamAnswer](rep)
	if err != nil || len(*teams) == 0 {
		return false, err
	}
	found := false
	err = r.pages(ctx, s, "/user/teams?", func(rep rest.Reply) (int, bool, error) {
		mine, err := rest.Decode[[]teamAnswer](rep)
		if err != nil {
			return 0, false, err
		}
		found = slices.ContainsFunc(*mine, func(t teamAnswer) bool { return t.ID > 0 && slices.Contains(*teams, t) })
		return len(*mine), found, nil
	})
	return found, err
}

// pair tells whether name is "owner/name".
func pair(name string) bool {
	owner, repository, ok := strings.Cut(name, "/")
	return ok && owner != "" && repository != "" && !strings.Contains(repository, "/")
}

// escapePath writes "owner/name" as two path segments.
func escapePath(name string) string {
	owner, repository, _ := strings.Cut(name, "/")
	return rest.Escape([]byte(owner)) + "/" + rest.Escape([]byte(repository))
}

// movedTo reads the new name from the Location of something renamed: .../api/v1/repos/<owner>/<name>. Host and scheme are
// Gitea's idea of itself and are not used: the name is asked for at the address that is configured.
func movedTo(location, below string) (name string, ok bool) {
	_, name, ok = strings.Cut(location, apiBase+below)
	name, _, _ = strings.Cut(name, "?")
	if !ok || name == "" || len(name) > 512 || strings.Trim(name, "/") != name {
		return "", false
	}
	for _, part := range strings.Split(name, "/") {
		if _, ok := routes.ParseName(routes.RefUser, []byte(part)); !ok {
			return "", false
		}
	}
	return name, true
}
