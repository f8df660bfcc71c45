package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"

	"patgate/cli/gateway/unixsocket"
	"patgate/config"
)

// sockets are where patgate is reached; nil: nowhere.
type sockets struct {
	clients, operators, people net.Listener
}

// The settings that say where patgate listens, which are the names of sockets that the service manager passes, too.
const (
	listenClients   = "listen"
	listenOperators = "admin.listen"
	listenPeople    = "console.listen"
)

// listenAll opens the sockets, but for those that the service manager passes (sd_listen_fds(3)).
func listenAll(ctx context.Context, c *config.Config) (*sockets, error) {
	passed, err := takePassed(activation.Files(true))
	if err != nil {
		return nil, err
	}
	s := &sockets{}
	for _, one := range []struct {
		key, address string
		off          bool
		into         *net.Listener
	}{
		{listenClients, c.Listen, false, &s.clients},
		{listenOperators, c.Admin.Listen, c.Admin.Listen == "off", &s.operators},
		{listenPeople, c.Console.Listen, c.Console.Listen == config.ConsoleOff || c.Console.Listen == config.ConsoleGateway, &s.people},
	} {
		given := passed[one.key]
		delete(passed, one.key)
		switch {
		case one.off && given != nil:
			err = fmt.Errorf("%s is %s, and systemd passes a socket for it (fix: leave one of them out)", one.key, one.address)
			_ = given.Close()
		case given != nil:
			*one.into = given
		case !one.off:
			*one.into, err = listen(ctx, one.key, one.address, c.ReusePort && one.key == listenClients, c.Socket)
		}
		if err != nil {
			break
		}
	}
	if err != nil {
		for _, l := range passed {
			_ = l.Close()
		}
		s.close()
		return nil, err
	}
	return s, nil
}

// close closes the sockets.
func (s *sockets) close() {
	for _, l := range []net.Listener{s.clients, s.operators, s.people} {
		if l != nil {
			_ = l.Close()
		}
	}
}

// takePassed makes listeners of the files that the service manager passes, by their names. One alone is that of the clients,
// whatever its name is.
func takePassed(files []*os.File) (map[string]net.Listener, error) {
	all := map[string]net.Listener{}
	var problems []error
	for _, f := range files {
		name := f.Name()
		if len(files) == 1 && name != listenOperators && name != listenPeople {
			name = listenClients
		}
		l, err := net.FileListener(f)
		_ = f.Close()
		switch {
		case err != nil:
			problems = append(problems, fmt.Errorf("the socket %s that systemd passes cannot be listened on: %w", name, err))
			continue
		case l.Addr().Network() != "tcp" && l.Addr().Network() != "unix":
			err = fmt.Errorf("the socket %s that systemd passes is neither a TCP nor a Unix socket (fix: ListenStream=8080)", name)
		case !slices.Contains([]string{listenClients, listenOperators, listenPeople}, name):
			err = fmt.Errorf("systemd passes a socket named %s (fix: FileDescriptorName=%s, %s or %s in its unit)", name,
				listenClients, listenOperators, listenPeople)
		case all[name] != nil:
			err = fmt.Errorf("systemd passes two sockets named %s (fix: one, such as ListenStream=8080, which takes IPv4 and IPv6)", name)
		}
		if err != nil {
			problems = append(problems, err)
			_ = l.Close()
			continue
		}
		all[name] = l
	}
	if len(problems) > 0 {
		for _, l := range all {
			_ = l.Close()
		}
		return nil, errors.Join(problems...)
	}
	return all, nil
}

// listen opens a listener; key says which setting gave the address.
func listen(ctx context.Context, key, address string, shared bool, as config.Socket) (net.Listener, error) {
	if path, is := config.SocketPath(address); is {
		s, err := unixsocket.Listen(ctx, key, path, as)
		if err != nil {
			return nil, err
		}
		return s, nil
	}
	options := net.ListenConfig{}
	if shared {
		options.Control = sharePort
	}
	l, err := options.Listen(ctx, "tcp", address)
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
