package tokens

import (
	"context"
	"slices"

	"patgate/admin/sight"
	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
)

// Associations lists what the caller's token reaches: for a token with all_memberships what its owner is a member of, else
// those of them that its scopes cover. Pages are those of the forge, so that one of them may hold less than asked for.
func (s *Service) Associations(ctx context.Context, c Caller, least, page, size int) (reached forge.Memberships, err error) {
	lister, ok := s.o.Forge.(forge.Lister)
	h, held := c.(holder)
	if !ok || !held {
		return reached, ErrNotFound
	}
	l, err := s.read(ctx, h.TokenID)
	if err != nil {
		return reached, err
	}
	all, contained := false, false
	for i := range l.Scopes {
		access := l.Scopes[i].Access
		all = all || access == policy.AccessAllMemberships.String()
		contained = contained || access != policy.AccessUser.String() && access != policy.AccessInstance.String()
	}
	if !contained {
		return reached, nil
	}
	found, err := lister.Memberships(ctx, h.Session, least, page, size)
	if err != nil || all {
		return found, err
	}
	hidden := func(kind routes.RefKind, id int64) bool {
		covered := false
		if err == nil {
			covered, err = sight.Covered(ctx, s.o.Forge, h.Session, l.Scopes, kind, id)
		}
		return !covered
	}
	found.Groups = slices.DeleteFunc(found.Groups, func(g forge.MemberGroup) bool { return hidden(routes.RefGroup, g.ID) })
	found.Projects = slices.DeleteFunc(found.Projects,
		func(p forge.MemberProject) bool { return hidden(routes.RefProject, p.ID) })
	if err != nil {
		return forge.Memberships{}, err
	}
	return found, nil
}
