// Package sockets are where a gateway is reached: those that it opens, and those that the service manager passes.
package sockets

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

// Sockets are where clients, operators, and the people of the console reach patgate; nil: nowhere.
type Sockets struct {
	Clients, Operators, People net.Listener
}

// The settings that say where patgate listens are the names of sockets that the service manager passes, too.
const (
	ClientsKey   = "listen"
	OperatorsKey = "admin.listen"
	PeopleKey    = "console.listen"
)

// Open opens the sockets, but for those that the service manager passes (sd_listen_fds(3)).
func Open(ctx context.Context, c *config.Config) (*Sockets, error) {
	passed, err := takePassed(activation.Files(true))
	if err != nil {
		return nil, err
	}
	s := &Sockets{}
	console := c.Console.Listen
	for _, one := range []struct {
		key, address string
		off          bool
		into         *net.Listener
	}{
		{ClientsKey, c.Listen, false, &s.Clients},
		{OperatorsKey, c.Admin.Listen, c.Admin.Listen == "off", &s.Operators},
		{PeopleKey, console, console == config.ConsoleOff || console == config.ConsoleGateway, &s.People},
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
			*one.into, err = listen(ctx, one.key, one.address, c.ReusePort && one.key == ClientsKey, c.Socket)
		}
		if err != nil {
			break
		}
	}
	if err != nil {
		for _, l := range passed {
			_ = l.Close()
		}
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close closes the sockets.
func (s *Sockets) Close() {
	for _, l := range []net.Listener{s.Clients, s.Operators, s.People} {
		if l != nil {
			_ = l.Close()
		}
	}
}

// takePassed makes listeners of the files that the service manager passes, by their names. A single file is the clients'
// listener, whatever its name.
func takePassed(files []*os.File) (map[string]net.Listener, error) {
	all := map[string]net.Listener{}
	var problems []error
	for _, f := range files {
		name := f.Name()
		if len(files) == 1 && name != OperatorsKey && name != PeopleKey {
			name = ClientsKey
		}
		l, err := net.FileListener(f)
		_ = f.Close()
		switch {
		case err != nil:
			problems = append(problems, fmt.Errorf("the socket %s that systemd passes cannot be listened on: %w", name, err))
			continue
		case l.Addr().Network() != "tcp" && l.Addr().Network() != "unix":
			err = fmt.Errorf("the socket %s that systemd passes is neither a TCP nor a Unix socket "+
				"(fix: ListenStream=8080)", name)
		case !slices.Contains([]string{ClientsKey, OperatorsKey, PeopleKey}, name):
			err = fmt.Errorf("systemd passes a socket named %s (fix: FileDescriptorName=%s, %s or %s in its unit)", name,
				ClientsKey, OperatorsKey, PeopleKey)
		case all[name] != nil:
			err = fmt.Errorf("systemd passes two sockets named %s "+
				"(fix: one, such as ListenStream=8080, which takes IPv4 and IPv6)", name)
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
