package gateway

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"go.uber.org/zap"

	"patgate/config"
)

// Serve runs the gateway until the context is done, and then lets running requests end.
func Serve(ctx context.Context, c *config.Config, log io.Writer) error {
	sockets, err := listenAll(ctx, c)
	if err != nil {
		return err
	}
	defer sockets.close()
	g, err := newGateway(ctx, c, log)
	if err != nil {
		return err
	}
	g.start(ctx, sockets.clients, sockets.operators, sockets.people)
	hups := make(chan os.Signal, 1)
	signal.Notify(hups, syscall.SIGHUP)
	defer signal.Stop(hups)
	if err := notify("READY=1"); err != nil {
		g.logger.Warn("notify", zap.Error(err))
	}
	for {
		select {
		case <-hups:
			g.reload()
		case err := <-g.failed:
			return errors.Join(err, g.shutdown())
		case <-ctx.Done():
			if err := notify("STOPPING=1"); err != nil {
				g.logger.Warn("notify", zap.Error(err))
			}
			return g.shutdown()
		}
	}
}
