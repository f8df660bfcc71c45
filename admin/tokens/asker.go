package tokens

import (
	"context"
	"time"

	"patgate/admin/terms"
	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
)

// Resolve finds a project or group.
type Resolve func(ctx context.Context, ref routes.Reference) (policy.Container, error)

// SeenBy gives what asks the forge as the owner of a token that the caller may see: with the caller's own credential where
// it is the owner's, else with the one that the token is bound to. What the owner cannot see is the zero Container.
func (s *Service) SeenBy(ctx context.Context, c Caller, l *store.Listed) (Resolve, error) {
	b, err := s.boundTo(ctx, l)
	if err != nil {
		return nil, err
	}
	as := b.session()
	if owner, ok := c.(*Owner); ok && s.belongs(l, owner.UserID()) {
		as.Credential = owner.secret
	}
	if h, ok := c.(holder); ok {
		as.TokenID = h.TokenID // whose allowance pays
	}
	_, patient := c.(operator)
	return func(ctx context.Context, ref routes.Reference) (policy.Container, error) {
		return s.ask(ctx, as, ref, patient)
	}, nil
}

// GrantOf compiles the grant of a stored token for the table of now.
func (s *Service) GrantOf(l *store.Listed) (*policy.Grant, error) {
	return store.CompileStored(l.Owner.UserID, l.TableVersion, l.Scopes, s.o.Table().Catalogue())
}

// OwnGrant is the grant of a caller that is a token, nil for any other. It is all that such a caller may be told of containers.
func OwnGrant(c Caller) *policy.Grant {
	if h, ok := c.(holder); ok {
		return h.Grant
	}
	return nil
}

// Observed gives a token that the caller may see with what it was seen to do since an instant. damaged counts what
// could not be read.
func (s *Service) Observed(ctx context.Context, c Caller, id int64, since time.Time) (l store.Listed, list []learn.Observation,
	damaged int, err error) {
	if l, err = c.find(ctx, s, id); err == nil {
		list, damaged, err = s.o.Store.Observations(ctx, id, since)
	}
	return l, list, damaged, err
}

// Planned gives the grant that a token of the caller's would have with other scopes. It changes nothing.
func (s *Service) Planned(ctx context.Context, c Caller, id int64, scopes []terms.Scope) (*policy.Grant, error) {
	l, err := c.own(ctx, s, id)
	if err != nil {
		return nil, err
	}
	table := s.o.Table()
	problems := &terms.Invalid{}
	specs, err := problems.Scopes(scopes, table)
	if err == nil {
		err = problems.Err()
	}
	if err != nil {
		return nil, err
	}
	b, err := s.boundTo(ctx, &l)
	if err != nil {
		return nil, err
	}
	as := b.session()
	if owner, ok := c.(*Owner); ok {
		as.Credential = owner.secret
	}
	_, patient := c.(operator)
	if _, err := s.resolve(ctx, as, scopes, specs, patient); err != nil {
		return nil, err
	}
	grant, err := policy.Compile(l.Owner.UserID, l.TableVersion, specs, table.Catalogue())
	if err != nil {
		return nil, terms.OfSpec(err)
	}
	return grant, nil
}
