package gateway

import (
	"patgate/admin/names"
	"patgate/cli/gateway/behind"
	"patgate/cli/gateway/storage"
	"patgate/cli/opening"
	"patgate/config"
)

// facts are what the forge says about projects, groups and users.
type facts struct {
	resolver opening.Client
	names    *names.Keeper // keeps the names that the resolver sees
}

// newFacts makes what asks the forge, and what stores the names that it says.
func newFacts(c *config.Config, servers *behind.Servers, s *storage.Storage) (f *facts, err error) {
	f = &facts{names: names.NewKeeper(names.Options{Store: s.Store, Origin: c.Upstream.URL.String(), Report: s.Report()})}
	if f.resolver, err = opening.Resolver(c, servers.Forge, servers.Via, s.Fleet, f.names.Saw); err != nil {
		return nil, err
	}
	return f, nil
}

// close stores the names that are not stored yet.
func (f *facts) close() error {
	f.resolver.Close()
	return f.names.Close()
}
