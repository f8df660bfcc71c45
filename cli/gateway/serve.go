package gateway

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/KimMachineGun/automemlimit/memlimit"
	"go.uber.org/zap"

	"patgate/cli/gateway/logs"
	"patgate/cli/gateway/sockets"
	"patgate/config"
)

// Serve runs the gateway until the context is done, and then lets running requests end.
func Serve(ctx context.Context, c *config.Config, log io.Writer) error {
	listening, err := sockets.Open(ctx, c)
	if err != nil {
		return err
	}
	defer listening.Close()
	told, err := logs.Open(c.Log, log)
	if err != nil {
		return err
	}
	defer told.Close()
	boundMemory(memlimit.FromCgroup, told.Logger)
	g, err := newGateway(ctx, c, told)
	if err != nil {
		return err
	}
	g.start(ctx, listening.Clients, listening.Operators, listening.People)
	hups := make(chan os.Signal, 1)
	signal.Notify(hups, syscall.SIGHUP)
	defer signal.Stop(hups)
	if err := notify("READY=1"); err != nil {
		g.logs.Warn("notify", zap.Error(err))
	}
	for {
		select {
		case <-hups:
			g.reload()
		case err := <-g.failed:
			return errors.Join(err, g.shutdown())
		case <-ctx.Done():
			if err := notify("STOPPING=1"); err != nil {
				g.logs.Warn("notify", zap.Error(err))
			}
			return g.shutdown()
		}
	}
}
