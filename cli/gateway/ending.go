package gateway

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"
)

// shutdown lets running requests end and closes everything.
func (g *gateway) shutdown() error {
	g.draining.Store(true)
	g.logs.End()
	if delay := g.config.Shutdown.Delay; delay > 0 {
		g.logs.Info("leaving", zap.Stringer("for", delay))
		g.server.Leave()
		time.Sleep(delay.Std())
	}
	ctx, cancel := context.WithTimeout(context.Background(), g.config.Shutdown.Timeout.Std())
	defer cancel()
	g.logs.Info("draining", zap.Stringer("at_most", g.config.Shutdown.Timeout))
	if g.consoleServer != nil {
		if err := g.consoleServer.Shutdown(ctx); err != nil {
			g.logs.Warn("console: requests were cut off at the end of the drain", zap.Error(err))
		}
	}
	if err := g.server.Shutdown(ctx); err != nil {
		g.logs.Warn("requests were cut off at the end of the drain", zap.Error(err))
	}
	err := g.close()
	g.logs.Info("stopped")
	return err
}

// close closes what is open, in the order in which the parts need each other.
func (g *gateway) close() error {
	g.stop()
	var errs []error
	if g.admin != nil {
		errs = append(errs, g.admin.Close())
	}
	if g.consoleServer != nil {
		errs = append(errs, g.consoleServer.Close())
	}
	if g.handler != nil {
		g.handler.Close()
	}
	if g.meter != nil {
		g.meter.Close()
	}
	g.observer.Close()
	g.trading.Exchange().Close()
	if g.watched != nil {
		g.watched.Close()
	}
	if g.resolver != nil {
		g.resolver.Close()
	}
	if g.names != nil {
		errs = append(errs, g.names.Close())
	}
	if g.audit != nil {
		errs = append(errs, g.audit.Close())
	}
	if g.use != nil {
		errs = append(errs, g.use.Close())
	}
	if g.sessions != nil {
		errs = append(errs, g.sessions.Close())
	}
	if g.store != nil {
		g.leave()
		errs = append(errs, g.store.Close())
	}
	return errors.Join(errs...)
}
