// Package unixsocket makes listeners on Unix sockets, whose files come and go with them.
package unixsocket

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"strconv"
	"sync"
	"syscall"
	"time"

	"patgate/config"
)

// Listener is a listener on a Unix socket, whose file ends with it.
type Listener struct {
	*net.UnixListener
	path  string
	made  fs.FileInfo // its file
	close sync.Once
}

// Addr implements net.Listener.
func (s *Listener) Addr() net.Addr { return &net.UnixAddr{Name: s.path, Net: "unix"} }

// Close implements net.Listener. The file goes first: nobody finds one that nothing listens on, and none that another process
// has put there since is touched.
func (s *Listener) Close() (err error) {
	s.close.Do(func() {
		if now, lost := os.Lstat(s.path); lost == nil && os.SameFile(now, s.made) {
			_ = os.Remove(s.path)
		}
		err = s.UnixListener.Close()
	})
	return err
}

// Listen opens a Unix socket at a path, in the place of one that nothing listens on any more. It is made under another name
// and gets its own when mode and group are right.
func Listen(ctx context.Context, key, path string, as config.Socket) (*Listener, error) {
	if err := vacant(key, path); err != nil {
		return nil, err
	}
	at := path + "." + rand.Text()[:3] // as long as a path may be longer than config lets it be
	options := net.ListenConfig{Control: keepPrivate}
	l, err := options.Listen(ctx, "unix", at)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: there is no directory for %s (fix: make it, or RuntimeDirectory=patgate in systemd's unit)",
			key, path)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%s: no permission to make %s (fix: give patgate's user its directory)", key, path)
	case err != nil:
		return nil, fmt.Errorf("%s: listening on unix:%s: %w", key, path, err)
	}
	s := &Listener{UnixListener: l.(*net.UnixListener), path: path}
	s.SetUnlinkOnClose(false)
	if s.made, err = os.Lstat(at); err == nil {
		err = dress(at, as)
	}
	if err == nil {
		err = os.Rename(at, path)
	}
	if now, lost := os.Lstat(path); err == nil && (lost != nil || !os.SameFile(now, s.made)) {
		err = errors.New("another process has made it at the same moment")
	}
	if err != nil {
		_ = os.Remove(at)
		_ = s.UnixListener.Close()
		return nil, fmt.Errorf("%s: making unix:%s: %w", key, path, err)
	}
	return s, nil
}

// vacant holds that a path is free, or has a socket on which nothing listens.
func vacant(key, path string) error {
	there, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("%s: looking at %s: %w", key, path, err)
	case there.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s: %s is there and no socket (fix: give another path)", key, path)
	}
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		_ = c.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) { // a process that does not take connections just now may take them again
		return fmt.Errorf("%s: the socket %s is in use (fix: stop what uses it, or give another path)", key, path)
	}
	return nil
}

// dress gives a socket's file its group and mode.
func dress(path string, as config.Socket) error {
	if as.Group != "" {
		id, err := strconv.Atoi(as.Group)
		if err != nil {
			g, unknown := user.LookupGroup(as.Group)
			if unknown != nil {
				return fmt.Errorf("socket.group: %w", unknown)
			}
			if id, err = strconv.Atoi(g.Gid); err != nil {
				return fmt.Errorf("socket.group: %w", err)
			}
		}
		if err := os.Lchown(path, -1, id); err != nil {
			return fmt.Errorf("socket.group: %w (fix: have patgate's user be in the group %s)", err, as.Group)
		}
	}
	return os.Chmod(path, fs.FileMode(as.Mode))
}
