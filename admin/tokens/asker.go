package tokens

import (
	"context"

	"patgate/admin/terms"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
	"patgate/token"
)

// Resolve finds a project or group.
type Resolve func(ctx context.Context, ref routes.Reference) (policy.Container, error)

// SeenBy gives what asks the forge as the owner of a token that the caller may see. What the owner cannot see is the zero
// Container. An administrator gets ErrForbidden for another's token: he would be told of what he may not see himself.
func (s *Service) SeenBy(ctx context.Context, c Caller, l *store.Listed) (Resolve, error) {
	if owner, ok := c.(*Owner); ok && !s.belongs(l, owner.UserID()) {
		return nil, refuse(ErrForbidden, "what a token reaches is told to its owner: administrators see, pause and revoke it, no more")
	}
	as, err := s.askingAs(ctx, c, l)
	if err != nil {
		return nil, err
	}
	_, patient := c.(operator)
	return func(ctx context.Context, ref routes.Reference) (policy.Container, error) {
		return s.ask(ctx, as, ref, patient)
	}, nil
}

// askingAs gives what the forge is asked with for a token's owner: the caller's own credential where he shows one, else the one
// that the token is bound to.
func (s *Service) askingAs(ctx context.Context, c Caller, l *store.Listed) (*token.Session, error) {
	b, err := s.boundTo(ctx, l)
	if err != nil {
		return nil, err
	}
	if owner, ok := c.(*Owner); ok && !owner.secret.Equal(b.secret) {
		b.secret, b.shown = owner.secret, owner
	}
	as := b.session()
	if h, ok := c.(holder); ok {
		as.TokenID = h.TokenID // whose allowance pays
	}
	return as, nil
}

// GrantOf compiles the grant of a stored token for the table of now.
func (s *Service) GrantOf(l *store.Listed) (*policy.Grant, error) {
	return store.CompileStored(l.Owner.UserID, l.TableVersion, l.Scopes, s.o.Table().Catalogue())
}

// OwnGrant is the grant of a caller that is a token: all that such a caller may be told of containers.
func OwnGrant(c Caller) (g *policy.Grant, isToken bool) {
	h, isToken := c.(holder)
	if isToken {
		g = h.Grant
	}
	return g, isToken
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
	as, err := s.askingAs(ctx, c, &l)
	if err != nil {
		return nil, err
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
