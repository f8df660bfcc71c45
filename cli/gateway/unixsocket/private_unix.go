//go:build unix && !solaris && !aix

package unixsocket

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// keepPrivate has a socket's file begin with a mode by which nobody else may connect (unix(7)), on Linux; elsewhere the mask of
// the process holds until it gets its mode.
func keepPrivate(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = unix.Fchmod(int(fd), 0o600) // other systems refuse it for a socket
	})
}
