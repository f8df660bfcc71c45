package tokens

import (
	"context"
	"encoding/json"
	"slices"

	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
	"patgate/token"
)

// Associations are the projects and groups that a token reaches, in the forge's own form.
type Associations struct{ Groups, Projects []json.RawMessage }

// Lister is a Forge that can list what a credential's user is a member of.
type Lister interface {
	// Memberships gives one page of the groups and projects that the session's owner has at least that access level to; 0
	// is any. A page that is not full is the last.
	Memberships(ctx context.Context, s *token.Session, least, page, size int) (forge.Memberships, error)
}

// Associations lists what the caller's token reaches: for a token with all_memberships what its owner is a member of, else
// those of them that its scopes cover. Pages are those of the forge, so that one of them may hold less than asked for.
func (s *Service) Associations(ctx context.Context, c Caller, least, page, size int) (*Associations, error) {
	lister, ok := s.o.Forge.(Lister)
	h, held := c.(holder)
	if !ok || !held {
		return nil, ErrNotFound
	}
	l, err := s.read(ctx, h.TokenID)
	if err != nil {
		return nil, err
	}
	all := slices.ContainsFunc(l.Scopes, func(x policy.ScopeSpec) bool { return x.Access == policy.AccessAllMemberships.String() })
	contained := slices.ContainsFunc(l.Scopes, func(x policy.ScopeSpec) bool { return x.Access != "user" && x.Access != "instance" })
	out := &Associations{Groups: []json.RawMessage{}, Projects: []json.RawMessage{}}
	if !contained {
		return out, nil
	}
	found, err := lister.Memberships(ctx, h.Session, least, page, size)
	if err != nil {
		return nil, err
	}
	take := func(dst []json.RawMessage, members []forge.Membership, kind routes.RefKind, b routes.Boundary) ([]json.RawMessage, error) {
		for _, m := range members {
			if !all {
				container, err := s.ask(ctx, h.Session, routes.Reference{Kind: kind, ID: m.ID}, false)
				if err != nil {
					return nil, err
				}
				if !covers(&l, &container, b, m.ID) {
					continue
				}
			}
			dst = append(dst, m.Body)
		}
		return dst, nil
	}
	if out.Groups, err = take(out.Groups, found.Groups, routes.RefGroup, routes.BoundaryGroup); err != nil {
		return nil, err
	}
	out.Projects, err = take(out.Projects, found.Projects, routes.RefProject, routes.BoundaryProject)
	return out, err
}

// covers tells whether some scope of a token names a container or one above it, or takes in its owner's own projects.
func covers(l *store.Listed, c *policy.Container, b routes.Boundary, id int64) bool {
	if c.Boundary != b || c.ID != id {
		return false
	}
	return slices.ContainsFunc(l.Scopes, func(s policy.ScopeSpec) bool {
		if s.Access == policy.AccessPersonalProjects.String() {
			return b == routes.BoundaryProject && c.PersonalOf == l.Owner.UserID
		}
		own := s.GroupIDs
		if b == routes.BoundaryProject {
			own = s.ProjectIDs
		}
		return slices.Contains(own, id) || slices.ContainsFunc(c.Ancestors, func(above int64) bool { return slices.Contains(s.GroupIDs, above) })
	})
}
