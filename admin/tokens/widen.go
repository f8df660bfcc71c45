package tokens

import (
	"context"

	"patgate/admin/names"
	"patgate/admin/terms"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
)

// Widening is what a token would hold if scopes were added to it.
type Widening struct {
	// Added are those scopes with the permissions that it does not hold there yet; with none where it holds all of them.
	Added []policy.ScopeSpec
	// Scopes are all that it would hold.
	Scopes []policy.ScopeSpec
	// Names are those of the projects and groups of Added, as the forge tells them by their ids.
	Names store.Named
}

// Widening tells what would be added to a token of the owner's. It changes nothing: Edit does, with Changes.Add.
func (s *Service) Widening(ctx context.Context, c *Owner, id int64, add []terms.Scope) (*Widening, error) {
	l, err := c.own(ctx, s, id)
	if err != nil {
		return nil, err
	}
	return s.widening(ctx, c, &l, add)
}

func (s *Service) widening(ctx context.Context, c *Owner, l *store.Listed, add []terms.Scope) (*Widening, error) {
	table := s.o.Table()
	specs, err := terms.Specs(add, table)
	if err != nil {
		return nil, err
	}
	found, err := s.resolve(ctx, c.reader(), add, specs, false)
	if err != nil {
		return nil, err
	}
	asked, err := policy.Compile(l.Owner.UserID, l.TableVersion, specs, table.Catalogue())
	if err != nil {
		return nil, terms.OfSpec(err)
	}
	held, err := store.CompileStored(l.Owner.UserID, l.TableVersion, l.Scopes, table.Catalogue())
	if err != nil {
		return nil, err
	}
	w := &Widening{Added: specs, Scopes: l.Scopes, Names: names.Seen(found.All(), s.now())}
	lacks := make([]routes.PermissionSet, len(specs))
	for _, excess := range policy.Subset(asked, held, found.Of) {
		if excess.Scope >= 0 {
			lacks[excess.Scope].Union(&excess.Missing)
		}
	}
	for i := range specs {
		w.Scopes = terms.WithScope(w.Scopes, &specs[i])
		w.Added[i].Permissions = table.Catalogue().NamesOf(&lacks[i])
	}
	return w, nil
}
