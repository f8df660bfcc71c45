package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"patgate/admin"
	"patgate/admin/api"
	"patgate/admin/console"
	"patgate/admin/learning"
	"patgate/admin/manifest"
	"patgate/admin/names"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/admin/upkeep"
	"patgate/admin/usage"
	"patgate/audit"
	"patgate/cli/gateway/logs"
	"patgate/cli/gateway/trading"
	"patgate/cli/opening"
	"patgate/cli/terminal"
	"patgate/cli/upstream"
	"patgate/config"
	"patgate/dial"
	"patgate/fleet"
	"patgate/forge"
	"patgate/proxy"
	"patgate/proxy/legacy"
	"patgate/proxy/meter"
	"patgate/proxy/observe"
	"patgate/proxy/reading"
	"patgate/proxy/wire"
	"patgate/routes"
	"patgate/routes/reload"
	"patgate/store"
	"patgate/store/seal"
)

// gateway is everything that serve runs: made by newGateway, which wires it, started once, shut down once.
type gateway struct {
	config      *config.Config
	logs        *logs.Logs
	audit       *audit.Log
	store       store.Store
	faults      atomic.Pointer[map[string]error] // of the store, as they were last said
	sessions    *store.Sessions
	routes      *reload.Reloader
	trading     *trading.Desk     // of ID tokens; nil where none are
	policies    *manifest.Mounted // nil where none are configured
	names       *names.Keeper     // of what the resolver sees
	resolver    opening.Client
	tokens      *tokens.Service
	learning    *learning.Service
	api         *api.Handler
	findings    admin.Findings
	use         *usage.Use
	observer    *observe.Observer // nil when credentials of the forge's own are not observed
	watched     opening.Client    // that it asks; nil then too
	sink        audit.Sink
	meter       *meter.Meter // of the limits of tokens
	handler     *proxy.Handler
	server      *proxy.Server
	certificate *dial.Certificate // nil without TLS
	forgeWay    upstream.Way
	registryWay upstream.Way
	metrics     *prometheus.Registry
	admin       *http.Server

	policyReloads *reloadMetrics
	console       *console.Console // nil when it is off
	// consoleServer serves it on a listener of its own.
	consoleServer *http.Server

	renew    [3]renewal // for the certificates to be read again: the one that is served, and those shown to forge and registry
	failed   chan error // a listener that ended by itself
	stop     context.CancelFunc
	draining atomic.Bool

	attempts *forge.Attempts
	size     *fleet.Size // of the fleet
	node     membership  // of this process
	via      string      // by which what this process sends is known again

	nameUnknown  bool // what it calls itself could not be found out, because it did not answer
	forgeUnknown bool // what the forge is could not be found out: it was taken for a GitLab
}

// newGateway opens and checks everything that needs no listener. Whatever it opened is closed again on an error.
func newGateway(ctx context.Context, c *config.Config, l *logs.Logs) (*gateway, error) {
	g := unmade(c, l)
	err := g.read()
	if err == nil {
		g.forgeUnknown = !upstream.SettleBy(ctx, c, g.via)
		g.settleName(ctx)
		err = g.make(ctx)
	}
	if err != nil {
		return g, errors.Join(err, g.close())
	}
	return g, nil
}

// unmade gives a gateway of which nothing is open.
func unmade(c *config.Config, l *logs.Logs) *gateway {
	size := new(fleet.Size)
	return &gateway{
		config: c,
		logs:   l,
		renew:  [3]renewal{make(renewal, 1), make(renewal, 1), make(renewal, 1)},
		failed: make(chan error, 3),
		stop:   func() {},
		attempts: forge.NewAttempts(forge.AttemptOptions{
			Limit:  c.Limits.FailedCredentials,
			Window: c.Limits.FailedCredentialsWindow.Std(),
			Fleet:  size,
		}),
		size: size,
		via:  reading.NewVia(),
	}
}

// read reads the certificates that the configuration names.
func (g *gateway) read() (err error) {
	c := g.config
	if g.forgeWay, err = upstream.To(c.Upstream.Way()); err != nil {
		return err
	}
	if g.registryWay, err = upstream.To(c.Registry.Way()); err != nil {
		return err
	}
	g.reportTLS("upstream", g.forgeWay)
	g.reportTLS("registry", g.registryWay)
	if c.TLS.CertFile != "" {
		g.certificate, err = dial.LoadCertificate(c.TLS.CertFile, c.TLS.KeyFile)
	}
	return err
}

// make makes the parts, for a forge of which it is known what it is.
func (g *gateway) make(ctx context.Context) error {
	c := g.config
	g.metrics = prometheus.NewRegistry()
	counters, err := audit.NewCounters(g.metrics)
	if err != nil {
		return err
	}
	reloads := newReloadMetrics(g.metrics, "route", "the route table", "a new table")
	g.policyReloads = newReloadMetrics(g.metrics, "policy", "the policies", "a new set of policies")
	var problems []routes.Problem
	g.routes, problems = reload.New(reload.Options{
		Table: routes.Files(c.Forge.Table()), Paths: c.Routes.Overlays, Interval: c.Routes.WatchInterval.Std(),
		Report: func(e reload.Event) { reloads.count(len(e.Problems) == 0); g.reloaded(e); g.recompile(e) },
	})
	if len(problems) > 0 {
		return terminal.Problems(problems)
	}
	if err := g.mountPolicies(); err != nil {
		return err
	}
	opened, err := opening.Store(ctx, c)
	if err != nil {
		return err
	}
	g.store = opened.Store
	if err := opened.Writable(); err != nil {
		return fmt.Errorf("no token could be revoked: %w", err)
	}
	if err := opened.KeepRoom(); err != nil {
		g.logs.Warn("not all of the room is kept for revocations", zap.Error(err))
	}
	g.join(ctx)
	if g.sessions, err = store.NewSessions(ctx, store.SessionOptions{
		Store: opened.Store, Keyring: opened.Keyring,
		Catalogue:  func() *routes.Catalogue { return g.routes.Table().Catalogue() },
		Grace:      c.Store.Grace.Std(),
		MaxEntries: int64(c.Cache.Tokens), TTL: c.Cache.TokenTTL.Std(), UnknownTTL: c.Cache.UnknownTokenTTL.Std(),
		ReportMode: g.reportMode(),
		Ceilings:   g.ceilings(),
		Report:     g.reportStore(),
	}); err != nil {
		return err
	}
	g.names = names.NewKeeper(names.Options{Store: g.store, Origin: c.Upstream.URL.String(), Report: g.reportStore()})
	if g.resolver, err = opening.Resolver(c, g.forgeWay, g.via, g.size, g.names.Saw); err != nil {
		return err
	}
	g.audit = g.logs.Decisions(c.Limits.AuditQueue, counters, audit.PlainOptions{Name: tokenName(g.store), Edit: editCommand(c)})
	keep := c.Learn.Keep.Std()
	if c.Learn.Mode == config.LearnOff {
		keep = 0
	}
	if err := g.store.SetObserving(ctx, keep, time.Now()); err != nil {
		return err
	}
	g.use = usage.New(usage.Options{Store: g.store, Table: g.routes.Table, Next: g.audit,
		WithoutUnits: c.Learn.Mode == config.LearnOff, Keep: int(c.Learn.Keep.Std() / (24 * time.Hour)),
		Report: g.reportStore()})
	g.sink = g.use
	g.meter = meter.New(meter.Options{Counts: g.store, Fleet: g.size, Report: g.reportStore()})
	if err := g.makeTokens(opened); err != nil {
		return err
	}
	if err := g.makeConsole(opened.Keyring); err != nil {
		return err
	}
	if err := g.makeObserver(opened.Keyring); err != nil {
		return err
	}
	if g.handler, err = proxy.New(g.proxyOptions(opened.Keyring)); err != nil {
		return err
	}
	g.server = proxy.NewServer(g.handler, serverLog{g.logs.Logger})
	registerMetrics(g.metrics, g)
	g.admin = &http.Server{
		Handler:           admin.NewHandler(admin.Options{Gatherer: g.metrics, Flush: g.audit.Flush, Checks: g.checks()}),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
	}
	return nil
}

// checks are what must hold for requests to be served.
func (g *gateway) checks() []admin.Check {
	return []admin.Check{
		{Name: "serving", Ready: g.serving},
		{Name: "store", Ready: g.storeReady, Graced: g.storeGraced, Limited: g.storeLimited},
		{Name: "audit log", Ready: func(context.Context) error { return g.audit.Err() }},
	}
}

// reportMode gives the sessions what passes in report mode; nil when the configuration does not allow it.
func (g *gateway) reportMode() func(*routes.Catalogue) (routes.PermissionSet, bool) {
	if g.config.Tokens.ReportMode != config.ReportModeAllow {
		return nil
	}
	return func(c *routes.Catalogue) (routes.PermissionSet, bool) {
		table := g.routes.Table()
		return terms.InReportMode(table), table.Catalogue() == c
	}
}

func texts[T fmt.Stringer](urls []T) (all []string) {
	for _, u := range urls {
		all = append(all, u.String())
	}
	return all
}

// sealedFor names the servers whose tokens are sealed for clients: with others behind patgate, no text brings one of them there.
func sealedFor(c *config.Config) string {
	return fmt.Sprintf("tokens for clients of %s %s registry %s", c.Forge.Table(), c.Upstream.URL.String(), c.Registry.URL.String())
}

// proxyOptions gives the handler's options.
func (g *gateway) proxyOptions(keys *seal.Keyring) proxy.Options {
	c := g.config
	external, storage := texts(c.Upstream.ExternalURLs), texts(c.Upstream.StorageURLs)
	return proxy.Options{
		Forge:      c.Forge.Table(),
		Table:      g.routes.Table,
		Sessions:   g.sessions,
		TokenState: tokenState,
		Resolver:   g.resolver,
		Audit:      g.sink,
		Sealer:     keys.Texts(sealedFor(c)),
		Upstream: proxy.Upstream{
			URL:          c.Upstream.URL.String(),
			ExternalURLs: external,
			Dialer:       g.forgeWay.Dialer,
			Connections:  c.Upstream.Connections,
		},
		StorageURLs: storage,
		Registry: proxy.Upstream{
			URL:          c.Registry.URL.String(),
			ExternalURLs: texts(c.Registry.ExternalURLs),
			Dialer:       g.registryWay.Dialer,
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
		Local:             g.local(),
		ForwardProbes:     c.IdentityProbe == config.ProbeForward,
		WithoutSchema:     c.GraphQL.Introspection == config.IntrospectionDeny,
		AllowQuickActions: c.Limits.QuickActions == config.QuickActionsAllow,
		PublicURL:         c.PublicURL.String(),
		GrantURL:          grantURL(c),
		OwnCookies:        console.CookiePrefix,
		OwnPages:          g.console != nil && c.Console.Listen == config.ConsoleGateway,
		ProxyProtocol:     opening.Ranges(c.ProxyProtocol),
		Unannounced:       g.unannounced(),
		TrustedProxies:    opening.Ranges(c.TrustedProxies),
		Untrusted: func(peer netip.Addr) {
			g.logs.Warn("X-Forwarded-For from an address that is not in trusted_proxies is not believed: "+
				"all who come over it count as one client (fix: when it is a proxy of yours, add it to trusted_proxies)",
				peerField(peer))
		},
		IDTokens: g.trading.Door(g.attempts, 2*c.Resolver.Deadline.Std()),
		Attempts: g.attempts,
		Meter:    g.meter,
		Fleet:    g.size,
		Observer: g.observer,
		Via:      g.via,
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
		Panicked:         g.panicked,
		Unkept:           g.unkept(),
	}
}

// panicked reports a panic. Its value may hold anything, a secret too: only its type and the stack are written.
func (g *gateway) panicked(value any, stack []byte) {
	g.logs.Error("panic", zap.String("type", fmt.Sprintf("%T", value)), zap.ByteString("stack", stack))
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

// local gives the handler what patgate answers itself.
func (g *gateway) local() answers {
	l := answers{Handler: g.api}
	if g.console != nil && g.config.Console.Listen == config.ConsoleGateway {
		l.console = g.recovering(g.console)
	}
	if g.config.Admin.HealthzForClients {
		l.health = admin.Brief(g.checks())
	}
	return l
}

// start serves the listeners and begins to watch files. operators and people, the console's own, may be nil.
func (g *gateway) start(ctx context.Context, clients, operators, people net.Listener) {
	ctx, g.stop = context.WithCancel(context.WithoutCancel(ctx))
	serverTLS := g.watchCertificates(ctx)
	if g.config.Routes.WatchInterval > 0 {
		go g.routes.Watch(ctx)
		if g.policies != nil {
			go g.policies.Watch(ctx, g.config.Routes.WatchInterval.Std())
		}
	}
	g.trading.Watch(ctx)
	go func() {
		if err := g.server.Serve(clients, serverTLS); err != nil {
			g.failed <- fmt.Errorf("serving clients: %w", err)
		}
	}()
	if operators != nil {
		go func() {
			if err := g.admin.Serve(operators); !errors.Is(err, http.ErrServerClosed) {
				g.failed <- fmt.Errorf("serving metrics and health: %w", err)
			}
		}()
	}
	if people != nil {
		go g.serveConsole(people, serverTLS)
	}
	fields := []zap.Field{zap.String("version", Version()), zap.Stringer("listen", clients.Addr()),
		zap.Stringer("upstream", g.config.Upstream.URL), zap.Stringer("forge", g.config.Forge),
		zap.Int("routes", len(g.routes.Table().Routes())), zap.Stringer("legacy", g.config.Legacy),
		zap.Stringer("anonymous", g.config.Anonymous), zap.String("database", opening.StoreName(g.config))}
	if operators != nil {
		fields = append(fields, zap.Stringer("admin_listen", operators.Addr()))
	}
	if g.console != nil {
		go g.console.Tend(ctx)
		fields = append(fields, zap.String("console", g.config.ConsoleURL()))
	}
	g.logs.Info("serving", fields...)
	g.use.Start()
	g.meter.Run()
	g.names.Start()
	go g.tokens.Marks().Watch(ctx, func(err error) { g.logs.Error("judging tokens", zap.Error(err)) })
	go g.greet(ctx)
	go g.watchStore(ctx)
	go g.inspectStore(ctx)
	g.stay(ctx)
	go g.findings.Run(ctx, func(ctx context.Context) (*learning.Tally, error) { return g.learning.Survey(ctx, "patgate") },
		func(err error) { g.logs.Error("finding unused rights", zap.Error(err)) })
	if g.nameUnknown {
		go g.awaitName(ctx)
	}
	go func() {
		// Tokens end when their owner is gone: nobody asks a forge for that in the words of another one.
		if (!g.forgeUnknown || g.awaitForge(ctx)) && g.config.Tokens.CheckInterval > 0 {
			care := upkeep.Upkeep{
				Tokens: g.tokens, Store: g.store, Forge: g.resolver,
				Interval:    g.config.Tokens.CheckInterval.Std(),
				UnusedAfter: g.config.Tokens.RevokeUnusedAfter.Std(),
				Report:      func(err error) { g.logs.Error("checking tokens", zap.Error(err)) },
			}
			care.Run(ctx)
		}
	}()
}

// serving is the readiness check that ends before the listener does, so that balancers turn away in time.
func (g *gateway) serving(context.Context) error {
	if g.draining.Load() {
		return errors.New("shutting down")
	}
	return nil
}
