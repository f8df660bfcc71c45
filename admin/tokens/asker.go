package tokens

import (
	"context"

	"patgate/admin/sight"
	"patgate/admin/terms"
	"patgate/policy"
	"patgate/store"
	"patgate/token"
)

// SeenBy gives what asks the forge as the owner of a token that the caller may see. An administrator gets ErrForbidden for
// another's token: the forge may not let the administrator see what it names.
func (s *Service) SeenBy(ctx context.Context, c Caller, l *store.Listed) (*sight.Sight, error) {
	if err := s.ToldTo(c, l); err != nil {
		return nil, err
	}
	as, err := s.askingAs(ctx, c, l)
	if err != nil {
		return nil, err
	}
	_, patient := c.(operator)
	return sight.New(s.o.Forge, as, patient, s.Now()), nil
}

// ToldTo tells, by an ErrForbidden, that an administrator asks what another's token reaches, or what it was seen to do.
func (s *Service) ToldTo(c Caller, l *store.Listed) error {
	if owner, ok := c.(*Owner); ok && !s.belongs(l, owner.UserID()) {
		return refuse(ErrForbidden, "what a token reaches is shown to its owner alone: "+
			"administrators may see, pause and revoke it")
	}
	return nil
}

// askingAs gives the session with which the forge is asked for a token's owner: the caller's credential, else the token's.
func (s *Service) askingAs(ctx context.Context, c Caller, l *store.Listed) (*token.Session, error) {
	owner, isOwner := c.(*Owner)
	if isOwner && owner.watches {
		return nil, ErrAgain
	}
	b, err := s.boundTo(ctx, l)
	if err != nil {
		return nil, err
	}
	if isOwner && !owner.secret.Equal(b.secret) {
		b.secret, b.shown = owner.secret, owner
	}
	as := b.session()
	if h, ok := c.(holder); ok {
		as.TokenID = h.TokenID // whose allowance pays
	}
	return as, nil
}

// SeenByOwner gives what asks the forge with the credential that an owner has shown; nil for a Watcher.
func (s *Service) SeenByOwner(c *Owner) *sight.Sight {
	if c.watches {
		return nil
	}
	as := &token.Session{OwnerUserID: c.UserID(), Username: c.Username(), Credential: c.secret}
	return sight.New(s.o.Forge, as, false, s.Now())
}

// GrantOf compiles the grant of a stored token for the table of now.
func (s *Service) GrantOf(l *store.Listed) (*policy.Grant, error) {
	return store.CompileStored(l.Owner.UserID, l.TableVersion, l.Scopes, s.o.Table().Catalogue())
}

// Held gives the grant of a stored token, held to the operator's present ceilings.
func (s *Service) Held(l *store.Listed, g *policy.Grant) *policy.Grant {
	if s.o.Ceilings == nil {
		return g
	}
	return g.Under(*s.o.Ceilings(), store.BearerAt(&l.Record, s.now()))
}

// OwnGrant is the grant of a caller that is a token. Such a caller is told only about containers that the grant reaches.
func OwnGrant(c Caller) (g *policy.Grant, isToken bool) {
	h, isToken := c.(holder)
	if isToken {
		g = h.Grant
	}
	return g, isToken
}

// Planned gives scopes for a token of the caller's as they would be stored, with ids in place of paths and names in place of
// wildcards, and the grant that it would have with them. It changes nothing.
func (s *Service) Planned(ctx context.Context, c Caller, id int64,
	scopes []terms.Scope) ([]policy.ScopeSpec, *policy.Grant, error) {
	l, err := c.own(ctx, s, id)
	if err != nil {
		return nil, nil, err
	}
	table := s.o.Table()
	specs, err := terms.Specs(scopes, table)
	if err != nil {
		return nil, nil, err
	}
	as, err := s.askingAs(ctx, c, &l)
	if err != nil {
		return nil, nil, err
	}
	_, patient := c.(operator)
	if _, err := s.resolve(ctx, as, scopes, specs, patient); err != nil {
		return nil, nil, err
	}
	grant, err := policy.Compile(l.Owner.UserID, l.TableVersion, specs, table.Catalogue())
	if err != nil {
		return nil, nil, terms.OfSpec(err)
	}
	return specs, grant, nil
}
