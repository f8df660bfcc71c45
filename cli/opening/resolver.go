package opening

import (
	"context"
	"time"

	"patgate/cache"
	"patgate/cli/upstream"
	"patgate/config"
	"patgate/fleet"
	"patgate/forge"
	"patgate/forge/facts"
	"patgate/forge/gitea"
	"patgate/forge/gitlab"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// Resolver makes the resolver for the forge that the configuration names, or that was found out. via marks its questions, so that
// patgate knows them again; it is empty for a process that does not serve. f is how many nodes share the budget; nil is this
// process alone. saw, when not nil, gets its answers (facts.Options).
func Resolver(c *config.Config, w upstream.Way, via string, f *fleet.Size,
	saw func(userID int64, ref routes.Reference, c policy.Container)) (Client, error) {
	return resolver(c, w, gitlab.New, facts.Options{
		Via: via, Saw: saw, MaxEntries: int64(c.Cache.Containers),
		TTL: c.Resolver.FreshForReads.Std(), NegativeTTL: c.Resolver.NotFoundTTL.Std(),
		Budget: forge.BudgetOptions{
			Fleet:      f,
			TokenBurst: quarter(c.Resolver.BudgetPerToken), TokenRate: float64(c.Resolver.BudgetPerToken) / 60,
			OwnerBurst: quarter(c.Resolver.BudgetPerOwner), OwnerRate: float64(c.Resolver.BudgetPerOwner) / 60,
		},
	})
}

// Observing makes the resolver for finding out what credentials of the forge's own did. It has a budget of its own. Its facts
// decide nothing, so they may be older.
func Observing(c *config.Config, w upstream.Way, via string, f *fleet.Size) (Client, error) {
	return resolver(c, w, gitlab.NewForOthers, facts.Options{Via: via, MaxEntries: 10_000, TTL: 10 * time.Minute,
		NegativeTTL: time.Minute,
		Budget:      forge.BudgetOptions{Fleet: f, TokenBurst: 30, TokenRate: 0.5, OwnerBurst: 60, OwnerRate: 1}})
}

func resolver(c *config.Config, w upstream.Way, ofGitLab func(gitlab.Options) (*gitlab.Resolver, error),
	options facts.Options) (Client, error) {
	options.URL, options.Dialer, options.Timeout = c.Upstream.URL.String(), w.Dialer, c.Resolver.Timeout.Std()
	options.AllowHTTP = true // the configuration is refused where it must not be http
	// An error is returned without the resolver: a nil pointer in an interface is not nil.
	if c.Forge.Table() == routes.ForgeGitea {
		r, err := gitea.New(options)
		if err != nil {
			return nil, err
		}
		return r, nil
	}
	r, err := ofGitLab(options)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// quarter gives how much of a minute's budget may be spent at once.
func quarter(perMinute int) int { return max(1, perMinute/4) }

// Forge makes a resolver for a command.
func Forge(c *config.Config) (Client, error) {
	upstream.Settle(context.Background(), c)
	w, err := upstream.To(c.Upstream.Way())
	if err != nil {
		return nil, err
	}
	return Resolver(c, w, "", nil, nil)
}

// Client is what commands and the gateway ask the forge.
type Client interface {
	forge.Resolver
	Memberships(ctx context.Context, s *token.Session, least, page, size int) (forge.Memberships, error)
	Version(ctx context.Context, credential token.Secret) (version, revision string, err error)
	Whose(ctx context.Context, credential token.Secret) (forge.Identity, error)
	Stats() []cache.Stats
	Close()
}
