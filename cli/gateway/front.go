package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/net/netutil"

	"patgate/admin"
	"patgate/admin/console"
	"patgate/cli/gateway/logs"
	"patgate/cli/gateway/sockets"
	"patgate/config"
	"patgate/proxy"
	"patgate/proxy/meter"
	"patgate/proxy/observe"
)

// front is what clients, operators and the people of the console reach.
type front struct {
	config    *config.Config
	logs      *logs.Logs
	meter     *meter.Meter // of the limits of tokens
	handler   *proxy.Handler
	clients   *proxy.Server
	operators *http.Server
	console   *console.Console // nil when it is off
	people    *http.Server     // with the console on a listener of its own; nil when it is off
	leaving   atomic.Bool
}

// newFront makes what answers, and serves nothing yet. o may be nil.
func newFront(p *parts, o *observe.Observer) (f *front, err error) {
	f = &front{config: p.config, logs: p.logs,
		meter: meter.New(meter.Options{Counts: p.storage.Store, Fleet: p.storage.Fleet, Report: p.storage.Report()})}
	f.console, err = newConsole(p, func(peer netip.Addr, forwardedFor []string) netip.Addr {
		return f.handler.Client(peer, forwardedFor)
	})
	if err != nil {
		return nil, err
	}
	checks := []admin.Check{
		{Name: "serving", Ready: f.serving},
		p.storage.Check(),
		{Name: "audit log", Ready: func(context.Context) error { return p.records.audit.Err() }},
	}
	own := answers{Handler: p.services.api}
	if f.console != nil {
		f.people = consoleServer(p, f.console)
		if p.config.Console.Listen == config.ConsoleGateway {
			own.console = f.people.Handler
		}
	}
	if p.config.Admin.HealthzForClients {
		own.health = admin.Brief(checks)
	}
	if f.handler, err = proxy.New(proxyOptions(p, own, f.meter, o)); err != nil {
		return nil, err
	}
	f.clients = proxy.NewServer(f.handler, serverLog{p.logs.Logger})
	f.operators = &http.Server{
		Handler:           admin.NewHandler(admin.Options{Gatherer: p.metrics, Flush: p.records.audit.Flush, Checks: checks}),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
	}
	return f, nil
}

// serving is the readiness check that ends before the listener does, so that balancers turn away in time.
func (f *front) serving(context.Context) error {
	if f.leaving.Load() {
		return errors.New("shutting down")
	}
	return nil
}

// start serves the listeners. fail gets the error of one that ended by itself.
func (f *front) start(ctx context.Context, l *sockets.Sockets, serverTLS *tls.Config, fail chan<- error) {
	go func() {
		if err := f.clients.Serve(l.Clients, serverTLS); err != nil {
			fail <- fmt.Errorf("serving clients: %w", err)
		}
	}()
	if l.Operators != nil {
		go func() {
			if err := f.operators.Serve(l.Operators); !errors.Is(err, http.ErrServerClosed) {
				fail <- fmt.Errorf("serving metrics and health: %w", err)
			}
		}()
	}
	if l.People != nil {
		go func() {
			if err := f.people.Serve(f.limited(l.People, serverTLS)); !errors.Is(err, http.ErrServerClosed) {
				fail <- fmt.Errorf("serving the console: %w", err)
			}
		}()
	}
	if f.console != nil {
		go f.console.Tend(ctx)
	}
}

// limited bounds the connections of the console's listener, and encrypts them where clients' are.
func (f *front) limited(l net.Listener, serverTLS *tls.Config) net.Listener {
	l = netutil.LimitListener(l, f.config.Limits.Connections)
	if serverTLS == nil {
		return l
	}
	serverTLS = serverTLS.Clone()
	serverTLS.NextProtos = []string{"http/1.1"}
	return tls.NewListener(l, serverTLS)
}

// drain lets balancers turn away, and then running requests end.
func (f *front) drain() {
	f.leaving.Store(true)
	if delay := f.config.Shutdown.Delay; delay > 0 {
		f.logs.Info("leaving", zap.Stringer("for", delay))
		f.clients.Leave()
		time.Sleep(delay.Std())
	}
	ctx, cancel := context.WithTimeout(context.Background(), f.config.Shutdown.Timeout.Std())
	defer cancel()
	f.logs.Info("draining", zap.Stringer("at_most", f.config.Shutdown.Timeout))
	if f.people != nil {
		if err := f.people.Shutdown(ctx); err != nil {
			f.logs.Warn("console: requests were cut off at the end of the drain", zap.Error(err))
		}
	}
	if err := f.clients.Shutdown(ctx); err != nil {
		f.logs.Warn("requests were cut off at the end of the drain", zap.Error(err))
	}
}

// close ends what is served still.
func (f *front) close() error {
	err := f.operators.Close()
	if f.people != nil {
		err = errors.Join(err, f.people.Close())
	}
	f.handler.Close()
	f.meter.Close()
	return err
}
