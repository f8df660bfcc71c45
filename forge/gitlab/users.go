package gitlab

import (
	"context"
	"fmt"

	"patgate/forge"
	"patgate/forge/facts"
	"patgate/forge/rest"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// readUser fills in a user: GET /users/:id, or GET /users?username=, which compares without regard to case.
func (r *Resolver) readUser(ctx context.Context, s *token.Session, f *facts.Fact, ref routes.Reference) error {
	path := "/users/" + segment(ref)
	if ref.ID == 0 {
		path = "/users?username=" + rest.Escape(ref.Path)
	}
	rep, err := r.Ask(ctx, s, path)
	if err != nil {
		return err
	}
	if shown, err := visible(rep); !shown || err != nil {
		return err
	}
	var u *userAnswer
	if ref.ID > 0 {
		if u, err = rest.Decode[userAnswer](rep); err != nil {
			return err
		}
	} else {
		all, err := rest.Decode[[]userAnswer](rep)
		if err != nil {
			return err
		}
		if len(*all) == 0 {
			return nil
		}
		u = &(*all)[0]
		if len(*all) > 1 {
			return fmt.Errorf("reading a user: the answer has %d: %w", len(*all), forge.ErrUnavailable)
		}
	}
	if u.ID <= 0 || u.Username == "" || ref.ID > 0 && u.ID != ref.ID ||
		ref.ID == 0 && !facts.SamePath(u.Username, string(ref.Path)) {
		return fmt.Errorf("reading a user: the answer is about another one: %w", forge.ErrUnavailable)
	}
	f.Container = policy.Container{Boundary: routes.BoundaryUser, ID: u.ID, Path: u.Username, Access: policy.OwnerPublicRead}
	if u.ID == s.OwnerUserID {
		f.Container.Access = policy.OwnerMember
	}
	return nil
}
