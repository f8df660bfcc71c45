package gateway

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"patgate/admin"
	"patgate/admin/api"
	"patgate/admin/learning"
	"patgate/admin/tokens"
	"patgate/admin/upkeep"
	"patgate/cli/gateway/githubkeys"
	"patgate/cli/gateway/logs"
	"patgate/cli/gateway/rules"
	"patgate/cli/gateway/storage"
	"patgate/cli/gateway/trading"
	"patgate/cli/opening"
	"patgate/config"
	"patgate/proxy/surface"
	"patgate/store"
	"patgate/token"
)

// services are what is done with tokens.
type services struct {
	logs     *logs.Logs
	tokens   *tokens.Service
	trading  *trading.Desk // of ID tokens; nil where none are
	learning *learning.Service
	api      *api.Handler
	findings admin.Findings
	care     upkeep.Upkeep
}

// newServices makes the token service and what stands on it. Every change is in force on this node when it is answered.
func newServices(c *config.Config, l *logs.Logs, metrics prometheus.Registerer, r *rules.Rules, s *storage.Storage,
	f *facts) (a *services, err error) {
	a = &services{logs: l}
	a.tokens, err = opening.Tokens(c, s.Opened, f.resolver, r.Table, func(o *tokens.Options) {
		o.Change = func(ctx context.Context, change func(context.Context, store.Store) error) error {
			return s.Sessions.Change(ctx, change)
		}
		o.Record, o.Name, o.Ceilings = a.record, f.names.Keep, r.Ceilings()
		o.Report = func(err error) { l.Warn("tokens", zap.Error(err)) }
	})
	if err != nil {
		return nil, err
	}
	leaks, err := newLeaks(c)
	if err != nil {
		return nil, err
	}
	if a.trading, err = trading.New(trading.Options{Config: c, Table: r.Table, Mounted: r.Policies.Set, Tokens: a.tokens,
		Store: s.Store, Logger: l.Logger, Registry: metrics}); err != nil {
		return nil, err
	}
	a.learning = learning.New(a.tokens)
	a.care = upkeep.Upkeep{Tokens: a.tokens, Store: s.Store, Forge: f.resolver, Interval: c.Tokens.CheckInterval.Std(),
		UnusedAfter: c.Tokens.RevokeUnusedAfter.Std(),
		Report:      func(err error) { l.Error("checking tokens", zap.Error(err)) }}
	if a.api, err = api.New(api.Options{
		Tokens:    a.tokens,
		Base:      r.Table().Base(),
		OwnPaths:  !surface.DialectOf(r.Table().Forge()).TokenAPI,
		Version:   f.resolver.Version,
		Leaks:     leaks,
		Exchange:  a.trading.Exchange(),
		Templates: r.Policies.Templates,
		Learning:  a.learning,
		Questions: opening.Questions(c, a.tokens),
		Report:    func(err error) { l.Error("token API", zap.Error(err)) },
	}); err != nil {
		a.trading.Exchange().Close()
		return nil, err
	}
	return a, nil
}

// newLeaks gives the leak reports that the configuration takes; nil when it takes none.
func newLeaks(c *config.Config) (*api.Leaks, error) {
	l := &api.Leaks{GitLabToken: token.NewSecret(c.LeakReports.GitLabToken.Reveal())}
	if c.LeakReports.GitHubKeysURL != "" {
		keys, err := githubkeys.New(c.LeakReports.GitHubKeysURL, c.Upstream.Proxy)
		if err != nil {
			return nil, err
		}
		l.GitHubKey = keys.Find
	}
	return l, nil
}

// record writes what was done to a token into the log.
func (a *services) record(c tokens.Change) {
	a.logs.Deeds.Info("token", zap.String("change", c.What), zap.Int64("token_id", c.TokenID), zap.Int64("owner_id", c.OwnerID),
		zap.String("by", c.By), zap.String("reason", c.Reason), zap.Int64("other_token_id", c.Other))
}

// start judges tokens and looks for unused rights until the context is done.
func (a *services) start(ctx context.Context) {
	go a.tokens.Marks().Watch(ctx, func(err error) { a.logs.Error("judging tokens", zap.Error(err)) })
	go a.findings.Run(ctx, func(ctx context.Context) (*learning.Tally, error) { return a.learning.Survey(ctx, "patgate") },
		func(err error) { a.logs.Error("finding unused rights", zap.Error(err)) })
}

// lookAfter looks after tokens and their owners until the context is done, as often as the configuration says.
func (a *services) lookAfter(ctx context.Context) {
	if a.care.Interval > 0 {
		a.care.Run(ctx)
	}
}

// close forgets what was traded.
func (a *services) close() error {
	a.trading.Exchange().Close()
	return nil
}
