package gateway

import (
	"errors"
	"fmt"
	"net/netip"

	"go.uber.org/zap"

	"patgate/admin/console"
	"patgate/cli/gateway/logs"
	"patgate/cli/opening"
	"patgate/config"
	"patgate/proxy"
	"patgate/proxy/legacy"
	"patgate/proxy/meter"
	"patgate/proxy/observe"
	"patgate/proxy/wire"
	"patgate/store"
)

func texts[T fmt.Stringer](urls []T) (all []string) {
	for _, u := range urls {
		all = append(all, u.String())
	}
	return all
}

// sealedFor names the servers whose tokens are sealed for clients: with others behind patgate, no text brings one of them there.
func sealedFor(c *config.Config) string {
	upstream, registry := c.Upstream.URL.String(), c.Registry.URL.String()
	return fmt.Sprintf("tokens for clients of %s %s registry %s", c.Forge.Table(), upstream, registry)
}

// proxyOptions gives the handler's options. o may be nil.
func proxyOptions(p *parts, own answers, m *meter.Meter, o *observe.Observer) proxy.Options {
	c := p.config
	external, storage := texts(c.Upstream.ExternalURLs), texts(c.Upstream.StorageURLs)
	return proxy.Options{
		Forge:      c.Forge.Table(),
		Table:      p.rules.Table,
		Sessions:   p.storage.Sessions,
		TokenState: tokenState,
		Resolver:   p.facts.resolver,
		Audit:      p.records.use,
		Sealer:     p.storage.Keyring.Texts(sealedFor(c)),
		Upstream: proxy.Upstream{
			URL:          c.Upstream.URL.String(),
			ExternalURLs: external,
			Dialer:       p.behind.Forge.Dialer,
			Connections:  c.Upstream.Connections,
		},
		StorageURLs: storage,
		Registry: proxy.Upstream{
			URL:          c.Registry.URL.String(),
			ExternalURLs: texts(c.Registry.ExternalURLs),
			Dialer:       p.behind.Registry.Dialer,
			Connections:  c.Upstream.Connections,
		},
		Origins: texts(c.CORS.Origins),
		Modes: legacy.Modes{
			Legacy: map[config.Legacy]legacy.Mode{config.LegacyDeny: legacy.Deny, config.LegacyReadOnly: legacy.ReadOnly,
				config.LegacyAllow: legacy.Allow}[c.Legacy.Mode],
			LegacyUntil: c.Legacy.DenyFrom,
			Anonymous: map[config.Anonymous]legacy.Mode{
				config.AnonymousDeny:  legacy.Deny,
				config.AnonymousAllow: legacy.Allow,
			}[c.Anonymous],
			Web: map[config.Web]legacy.Mode{config.WebRefuse: legacy.Deny, config.WebPass: legacy.Allow}[c.Web],
		},
		Local:             own,
		ForwardProbes:     c.IdentityProbe == config.ProbeForward,
		WithoutSchema:     c.GraphQL.Introspection == config.IntrospectionDeny,
		AllowQuickActions: c.Limits.QuickActions == config.QuickActionsAllow,
		PublicURL:         c.PublicURL.String(),
		GrantURL:          grantURL(c),
		OwnCookies:        console.CookiePrefix,
		OwnPages:          own.console != nil,
		ProxyProtocol:     opening.Ranges(c.ProxyProtocol),
		Unannounced:       unannounced(p.logs.Logger),
		TrustedProxies:    opening.Ranges(c.TrustedProxies),
		Untrusted: func(peer netip.Addr) {
			p.logs.Warn("X-Forwarded-For from an address that is not in trusted_proxies is not believed: "+
				"all who come over it count as one client (fix: when it is a proxy of yours, add it to trusted_proxies)",
				peerField(peer))
		},
		IDTokens: p.services.trading.Door(p.attempts, 2*c.Resolver.Deadline.Std()),
		Attempts: p.attempts,
		Meter:    m,
		Fleet:    p.storage.Fleet,
		Observer: o,
		Via:      p.behind.Via,
		Limits: proxy.Limits{
			HeaderBytes: int(c.Limits.HeaderBytes), BodyBytes: int64(c.Limits.BodyBytes), BodyMemory: int64(c.Limits.BodyMemory),
			BodiesMemory: int64(c.Limits.BodiesMemory), BodiesDisk: int64(c.Limits.BodiesDisk),
			Connections: c.Limits.Connections, ConnectionsPerClient: c.Limits.ConnectionsPerClient,
		},
		Timeouts: wire.Timeouts{
			ReadHeader: c.Timeouts.ReadHeader.Std(), Idle: c.Timeouts.Idle.Std(), ReadStall: c.Timeouts.ReadStall.Std(),
			WriteStall: c.Timeouts.WriteStall.Std(), UpstreamDial: c.Timeouts.UpstreamDial.Std(),
			UpstreamResponse: c.Timeouts.UpstreamResponse.Std(), UpstreamStall: c.Timeouts.UpstreamStall.Std(),
			ClientGone:   c.Timeouts.ClientGone.Std(),
			UpstreamIdle: c.Timeouts.UpstreamIdle.Std(),
		},
		ResolverDeadline: c.Resolver.Deadline.Std(),
		Freshness:        proxy.Freshness{Reads: c.Resolver.FreshForReads.Std(), Writes: c.Resolver.FreshForWrites.Std()},
		Panicked:         panicked(p.logs.Logger),
		Unkept:           unkept(p.logs.Logger, c.Limits.BodiesDisk),
	}
}

// panicked gives a function that logs a panic. The value may hold anything, even a secret: only its type and stack are logged.
func panicked(logger *zap.Logger) func(value any, stack []byte) {
	return func(value any, stack []byte) {
		logger.Error("panic", zap.String("type", fmt.Sprintf("%T", value)), zap.ByteString("stack", stack))
	}
}

// unkept gives a function that logs, at most once a minute, that no long body can be kept in the temporary directory.
func unkept(logger *zap.Logger, room config.Size) func(dir string, err error) {
	var logged logs.Seldom
	return func(dir string, err error) {
		if logged.Says(dir) {
			logger.Error("a request body could not be kept in the temporary directory (fix: make room there, "+
				"or name another one in the environment variable TMPDIR; it needs room for limits.bodies_disk)",
				zap.String("directory", dir), zap.Stringer("bodies_disk", room), zap.Error(err))
		}
	}
}

// tokenState tells the handler what an error of the sessions means.
func tokenState(err error) proxy.TokenState {
	switch {
	case errors.Is(err, store.ErrUnknownToken):
		return proxy.TokenUnknown
	case errors.Is(err, store.ErrExpired):
		return proxy.TokenExpired
	case errors.Is(err, store.ErrRotated):
		return proxy.TokenRotated
	case errors.Is(err, store.ErrRevoked):
		return proxy.TokenRevoked
	case errors.Is(err, store.ErrPaused):
		return proxy.TokenPaused
	case errors.Is(err, store.ErrCredentialInvalid):
		return proxy.TokenCredentialInvalid
	}
	return proxy.TokenUnreadable
}

// serverLog gives the HTTP server's own messages to the log.
type serverLog struct{ logger *zap.Logger }

// Printf writes a message.
func (l serverLog) Printf(format string, args ...any) { l.logger.Warn(fmt.Sprintf(format, args...)) }
