package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"go.uber.org/zap"

	"patgate/config"
)

// Serve runs the gateway until the context is done, and then lets running requests end.
func Serve(ctx context.Context, c *config.Config, log io.Writer) error {
	clients, err := listen("listen", c.Listen)
	if err != nil {
		return err
	}
	defer clients.Close()
	var operators net.Listener
	if c.Admin.Listen != "off" {
		if operators, err = listen("admin.listen", c.Admin.Listen); err != nil {
			return err
		}
		defer operators.Close()
	}
	people, err := listenConsole(c)
	if err != nil {
		return err
	}
	if people != nil {
		defer people.Close()
	}
	g, err := newGateway(ctx, c, log)
	if err != nil {
		return err
	}
	g.start(ctx, clients, operators, people)
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

// listen opens a listener; key says which setting gave the address.
func listen(key, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: the address %s is in use (fix: stop what uses it, or give another address)", key, address)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s: no permission to listen on %s (fix: give a port from 1024 on)", key, address)
	case err != nil:
		return nil, fmt.Errorf("%s: listening on %s: %w", key, address, err)
	}
	return l, nil
}
