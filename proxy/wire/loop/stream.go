package loop

import (
	"net"
	"syscall"
)

// Stream is a connection with a file descriptor of its own: a *net.TCPConn or a *net.UnixConn.
type Stream interface {
	net.Conn
	syscall.Conn
}
