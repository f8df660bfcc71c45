package gateway

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"patgate/cli/gateway/behind"
	"patgate/cli/gateway/logs"
	"patgate/cli/gateway/rules"
	"patgate/cli/gateway/sockets"
	"patgate/cli/gateway/storage"
	"patgate/cli/opening"
	"patgate/config"
	"patgate/forge"
)

// Serve runs the gateway until the context is done, and then lets running requests end.
func Serve(ctx context.Context, c *config.Config, out io.Writer) error {
	listening, err := sockets.Open(ctx, c)
	if err != nil {
		return err
	}
	defer listening.Close()
	l, err := logs.Open(c.Log, out)
	if err != nil {
		return err
	}
	defer l.Close()
	boundMemory(memlimit.FromCgroup, l.Logger)
	g, err := newGateway(ctx, c, l, true)
	if err != nil {
		return err
	}
	failed := g.start(ctx, listening)
	hups := make(chan os.Signal, 1)
	signal.Notify(hups, syscall.SIGHUP)
	defer signal.Stop(hups)
	if err := notify("READY=1"); err != nil {
		l.Warn("notify", zap.Error(err))
	}
	for {
		select {
		case <-hups:
			g.rules.Reload()
			g.certificates.reload()
		case err := <-failed:
			return errors.Join(err, g.shutdown())
		case <-ctx.Done():
			if err := notify("STOPPING=1"); err != nil {
				l.Warn("notify", zap.Error(err))
			}
			return g.shutdown()
		}
	}
}

// parts are what stands behind the listeners.
type parts struct {
	config       *config.Config
	logs         *logs.Logs
	metrics      *prometheus.Registry
	behind       *behind.Servers
	certificates *certificates
	rules        *rules.Rules
	storage      *storage.Storage
	records      *records
	facts        *facts
	services     *services
	attempts     *forge.Attempts
}

// gateway is everything that Serve runs.
type gateway struct {
	parts
	settled behind.Settled
	front   *front
	open    closers
}

// closers close what was opened, the last first.
type closers []func() error

// close closes it.
func (c closers) close() error {
	var errs []error
	for _, one := range slices.Backward(c) {
		errs = append(errs, one())
	}
	return errors.Join(errs...)
}

// newGateway makes all parts, each from those before it. It needs no listener. On an error it closes what it has opened. Unless
// ask is true, the forge is not asked what it is.
func newGateway(ctx context.Context, c *config.Config, l *logs.Logs, ask bool) (_ *gateway, err error) {
	var open closers
	defer func() {
		if err != nil {
			err = errors.Join(err, open.close())
		}
	}()
	servers, err := behind.New(c, l.Logger)
	if err != nil {
		return nil, err
	}
	certificates, err := newCertificates(c, servers, l.Logger)
	if err != nil {
		return nil, err
	}
	settled := behind.Settled{Forge: true, Name: true}
	if ask {
		settled = servers.Settle(ctx)
	}
	metrics := prometheus.NewRegistry()
	inForce, err := rules.Read(c, l.Logger, metrics)
	if err != nil {
		return nil, err
	}
	stored, err := storage.Open(ctx, c, l.Logger, inForce.Table, inForce.Ceilings())
	if err != nil {
		return nil, err
	}
	open = append(open, stored.Close)
	recorded, err := newRecords(ctx, c, l, metrics, stored, inForce.Table)
	if err != nil {
		return nil, err
	}
	open = append(open, recorded.close)
	known, err := newFacts(c, servers, stored)
	if err != nil {
		return nil, err
	}
	open = append(open, known.close)
	offered, err := newServices(c, l, metrics, inForce, stored, known)
	if err != nil {
		return nil, err
	}
	open = append(open, offered.close)
	p := parts{config: c, logs: l, metrics: metrics, behind: servers, certificates: certificates, rules: inForce, storage: stored,
		records: recorded, facts: known, services: offered, attempts: forge.NewAttempts(forge.AttemptOptions{
			Limit:  c.Limits.FailedCredentials,
			Window: c.Limits.FailedCredentialsWindow.Std(),
			Fleet:  stored.Fleet,
		})}
	watched, err := newObserved(&p)
	if err != nil {
		return nil, err
	}
	open = append(open, watched.close)
	front, err := newFront(&p, watched.observer)
	if err != nil {
		return nil, err
	}
	open = append(open, front.close)
	registerMetrics(&p, watched.observer)
	return &gateway{parts: p, settled: settled, front: front, open: open}, nil
}

// start serves the listeners, and begins what goes on beside requests until shutdown. failed gets the errors of what ended early.
func (g *gateway) start(ctx context.Context, listening *sockets.Sockets) (failed <-chan error) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	g.open = append(g.open, func() error { stop(); return nil })
	fail := make(chan error, 3)
	serverTLS := g.certificates.start(ctx)
	g.rules.Start(ctx, g.services.trading.Renew)
	g.services.trading.Watch(ctx)
	g.front.start(ctx, listening, serverTLS, fail)
	g.logs.Info("serving", g.fields(listening)...)
	g.records.use.Start()
	g.front.meter.Run()
	g.facts.names.Start()
	g.services.start(ctx)
	go g.behind.Greet(ctx, g.rules.Table().Base())
	g.storage.Start(ctx)
	if !g.settled.Name {
		go func() {
			if err := g.behind.AwaitName(ctx); err != nil {
				fail <- err
			}
		}()
	}
	go func() {
		ok, err := g.settled.Forge, error(nil)
		if !ok {
			ok, err = g.behind.AwaitForge(ctx)
		}
		switch {
		case err != nil:
			fail <- err
		case ok: // tokens end when their owner is gone, which only the right API of the forge can tell
			g.services.lookAfter(ctx)
		}
	}()
	return fail
}

// fields are what the log tells about a gateway that serves.
func (g *gateway) fields(listening *sockets.Sockets) []zap.Field {
	c := g.config
	fields := []zap.Field{zap.String("version", Version()), zap.Stringer("listen", listening.Clients.Addr()),
		zap.Stringer("upstream", c.Upstream.URL), zap.Stringer("forge", c.Forge),
		zap.Int("routes", len(g.rules.Table().Routes())), zap.Stringer("legacy", c.Legacy),
		zap.Stringer("anonymous", c.Anonymous), zap.String("database", opening.StoreName(c))}
	if listening.Operators != nil {
		fields = append(fields, zap.Stringer("admin_listen", listening.Operators.Addr()))
	}
	if g.front.console != nil {
		fields = append(fields, zap.String("console", c.ConsoleURL()))
	}
	return fields
}

// shutdown lets running requests end and closes everything.
func (g *gateway) shutdown() error {
	g.logs.End()
	g.front.drain()
	err := g.open.close()
	g.logs.Info("stopped")
	return err
}
