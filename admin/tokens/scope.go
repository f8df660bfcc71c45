package tokens

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"patgate/admin/places"
	"patgate/admin/sight"
	"patgate/admin/terms"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// finder gives what asks the forge, as the owner, for the containers that scopes name.
func (s *Service) finder(as *token.Session, patient bool) *places.Finder {
	return &places.Finder{Table: s.o.Table(), Username: as.Username,
		Ask: func(ctx context.Context, ref routes.Reference) (policy.Container, error) {
			return sight.Ask(ctx, s.o.Forge, as, ref, patient)
		}}
}

// resolve asks which containers are meant, and puts ids in place of paths. What cannot be found is ErrContainer.
func (s *Service) resolve(ctx context.Context, as *token.Session, scopes []terms.Scope, specs []policy.ScopeSpec,
	patient bool) (*places.Found, error) {
	found, err := s.finder(as, patient).Resolve(ctx, scopes, specs)
	if errors.Is(err, places.ErrMissing) {
		return nil, refuse(ErrContainer, "%v", err)
	}
	return found, err
}

// beyond says, by an ErrForbidden, where child would hold more than parent.
func (s *Service) beyond(child, parent *policy.Grant, found *places.Found, whose string) error {
	excess := policy.Subset(child, parent, found.Of)
	if len(excess) == 0 {
		return nil
	}
	var lines []string
	for i := range excess {
		x := &excess[i]
		where := "scope " + strconv.Itoa(x.Scope+1)
		switch {
		case x.Scope < 0:
			lines = append(lines, "the grant was made for another owner or under a newer route table than "+whose)
			continue
		case x.ID != 0:
			where = fmt.Sprintf("%s, %s %d", where, x.Boundary, x.ID)
		default:
			where += ", " + x.Access.String()
		}
		lines = append(lines, where+": "+strings.Join(s.o.Table().Catalogue().NamesOf(&x.Missing), ", "))
	}
	return refuse(ErrForbidden, "it would hold more than %s:\n%s", whose, strings.Join(lines, "\n"))
}
