package proxy

import "time"

// How long a connection is read on after its last answer: in all, and for the next 4 KiB.
const (
	lingerTime  = 30 * time.Second
	lingerStall = 5 * time.Second
)

// lingers tells whether the client may still be sending: it was answered, and the connection goes no further. Who stops
// closes connections of others, and must not look at what is theirs.
func (c *clientConn) lingers() bool {
	return !c.server.stopping.Load() && phase(c.phase.Load()) == phaseExchange && c.wrote
}

// linger closes the connection for writing, and drops what still comes until the client closes it too. A connection that
// is closed at once, with something unread, is reset, and with that the client may lose the answer that says why
// (RFC 9112, 9.6).
func (c *clientConn) linger() {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	dropped := make([]byte, 16<<10)
	for end := c.dog.now.Load() + int64(lingerTime); c.dog.now.Load() < end && !c.server.stopping.Load(); {
		if _, err := c.readSteadily(dropped, min(lingerStall, c.limits.ReadStall), leastProgress); err != nil {
			return
		}
	}
}
