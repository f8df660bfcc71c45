//go:build unix && !solaris && !aix

package sockets

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// sharePort lets other processes listen on the same port (socket(7), SO_REUSEPORT).
func sharePort(_, _ string, c syscall.RawConn) (err error) {
	controlled := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	return errors.Join(controlled, err)
}
