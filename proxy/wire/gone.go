package wire

import (
	"net"
	"syscall"
	"time"

	"patgate/dial"
)

// bear lets what is sent on the connection be without an acknowledgement, or unread by the forge, for so long. A connection
// begins with dial.Unanswered.
func (c *Upstream) bear(d time.Duration) {
	set := func(fd uintptr) { dial.Bear(fd, d) }
	if c.socket != nil {
		c.socket.Control(set)
		return
	}
	if sc, ok := bare(c.Conn).(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			_ = raw.Control(set)
		}
	}
}

// bare gives the connection below TLS.
func bare(c net.Conn) net.Conn {
	if secure, ok := c.(*secure); ok {
		c = secure.NetConn()
	}
	if below, ok := c.(told); ok {
		c = below.Conn
	}
	return c
}
