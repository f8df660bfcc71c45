package gateway

import (
	"context"

	"go.uber.org/zap"

	"patgate/cli/opening"
	"patgate/proxy/reading"
	"patgate/routes"
	"patgate/trust"
	"patgate/trust/direct"
	"patgate/trust/exchange"
)

// makeExchange makes what trades ID tokens; nil when no trusts are configured.
func (g *gateway) makeExchange() (*exchange.Service, error) {
	c := g.config
	if len(c.OIDC.Trusts) == 0 {
		return nil, nil
	}
	known, err := opening.Keys(c, func(issuer string, err error) {
		g.logger.Error("keys of an issuer not read, those before stay unless it withdrew them",
			zap.String("issuer", issuer), zap.Error(err))
	})
	if err != nil {
		return nil, err
	}
	if g.trusts, err = opening.Trusts(c, nil, g.routes.Table, g.trustsReloaded); err != nil {
		return nil, err
	}
	g.advise(g.trusts.Current())
	return exchange.New(exchange.Options{Keys: known, Policies: g.trusts.Current, Audience: c.TrustAudience(), Tokens: g.tokens,
		Store: g.store, MaxAge: c.OIDC.MaxTokenAge.Std(), MaxLifetime: c.OIDC.MaxLifetime.Std(), Report: g.traded})
}

// idTokens gives the handler what takes ID tokens as credentials; nil when none are traded.
func (g *gateway) idTokens() reading.IDTokens {
	if g.exchange == nil {
		return nil
	}
	return direct.New(direct.Options{Exchange: g.exchange, Attempts: g.attempts, Deadline: 2 * g.config.Resolver.Deadline.Std(),
		Report: func(err error) { g.logger.Error("ID token as a credential", zap.Error(err)) }})
}

// trustsReloaded logs a reload of the policies.
func (g *gateway) trustsReloaded(set *trust.Set, files int, problems []routes.Problem) {
	switch {
	case len(problems) > 0:
	case len(set.All()) == 0:
		g.logger.Warn("trusts reloaded, and there are none: nothing is traded any more", zap.Int("files", files))
	default:
		g.logger.Info("trusts reloaded", zap.Int("trusts", len(set.All())), zap.Int("files", files))
		g.advise(set)
	}
	for _, p := range problems {
		g.logger.Error("trusts not reloaded, those before stay", zap.String("problem", p.Error()))
	}
}

// advise logs what of policies lets through more than their authors may mean.
func (g *gateway) advise(set *trust.Set) {
	for _, line := range set.Advice() {
		g.logger.Warn("trusts", zap.String("advice", line))
	}
}

// traded logs that an ID token came to be traded, and what became of it.
func (g *gateway) traded(e exchange.Event) {
	// Claims are others' words, and what was asked for is not verified: names of trusts are written where there is such a policy.
	if g.trusts.Current().Find(e.Trust) == nil {
		e.Trust = ""
	}
	g.exchanges.Count(e)
	fields := []zap.Field{zap.String("trust", e.Trust), zap.Bool("direct", e.Direct), zap.String("issuer", e.Issuer),
		zap.Int64("token_id", e.TokenID), zap.String("reason", e.Reason), zap.String("claims", e.Claims), zap.String("claim", e.Claim)}
	if e.Err != nil {
		g.logger.Error("exchange", append(fields, zap.Error(e.Err))...)
		return
	}
	g.logger.Info("exchange", fields...)
}

// watchTrusts keeps the policies up to date with their files.
func (g *gateway) watchTrusts(ctx context.Context) {
	if g.trusts != nil && g.config.Routes.WatchInterval > 0 {
		go g.trusts.Watch(ctx)
	}
}
