//go:build unix

package wire

import (
	"net"
	"syscall"
)

// alive tells whether an idle connection is still open and silent: anything to read on it is an end of file, an error
// or an answer to nothing.
func alive(c net.Conn) bool {
	c = bare(c)
	if s, ok := c.(interface{ Silent() bool }); ok {
		return s.Silent()
	}
	sc, ok := c.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	silent := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		silent = n <= 0 && (err == syscall.EAGAIN || err == syscall.EWOULDBLOCK)
		return true
	})
	return err == nil && silent
}
