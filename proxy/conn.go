package proxy

import (
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"patgate/proxy/header"
	"patgate/proxy/loop"
)

// phase is what a client connection is doing; each has a limit of its own.
type phase uint32

const (
	phaseHeader   phase = iota // a request has begun, or the connection has just been opened: one limit for the whole header
	phaseExchange              // a request is being served: a limit for every single read and write
	phaseIdle                  // between requests: one limit for the wait
	phaseTunnel                // an upgraded connection: no limit
)

// leastProgress is how many bytes of a body must arrive within ReadStall: 4 KiB in 30 s is slower than any network that
// is in use, and bounds how long a body can be dragged out.
const leastProgress = 4 << 10

// clientConn is a connection from a client. It knows the client's address, so that it is read from the socket once, and
// bounds how long the client may take.
type clientConn struct {
	watched
	limits  *Timeouts
	phase   atomic.Uint32
	peer    netip.Addr
	from    string    // its text
	secure  *tls.Conn // the same connection, when it is TLS
	shaken  bool
	wrote   bool // part of an answer, without an error since
	release func()
	closed  atomic.Bool

	// Of a connection that an event loop serves while nothing has to wait.
	server  *Server
	socket  *loop.Socket // nil when it is in no loop, or is TLS
	ahead   []byte       // of the request, read by the loop and not yet by the server
	behind  []byte       // of the answer, not yet written
	resumed *exchange    // that a goroutine goes on with
	served  bool         // a request has been
	begun   bool         // part of the first request's head was given to the server
	resting atomic.Bool  // the server was told that the connection has ended, but it goes back to the loop
}

// Read reads under the limit of the connection's phase.
func (c *clientConn) Read(p []byte) (int, error) {
	if c.secure != nil && !c.shaken {
		if err := c.secure.Handshake(); err != nil {
			return 0, err
		}
		c.shaken = true
	}
	if len(c.behind) > 0 {
		rest := c.behind
		c.behind = nil
		if _, err := c.Write(rest); err != nil {
			return 0, io.EOF // the connection cannot be answered on any more
		}
		c.enter(phaseIdle)
	}
	now := phase(c.phase.Load())
	switch {
	case len(c.ahead) > 0:
		n := copy(p, c.ahead)
		if c.ahead = c.ahead[n:]; len(c.ahead) == 0 {
			c.ahead = nil
		}
		if c.begins(now) {
			return c.gather(p, n)
		}
		return n, nil
	case now == phaseExchange:
		return c.readSteadily(p, c.limits.ReadStall, leastProgress)
	case !c.begins(now):
		return c.Conn.Read(p)
	}
	read := c.Conn.Read
	if now == phaseIdle && c.socket != nil {
		read = c.readOrRest
	}
	n, err := read(p)
	if err != nil {
		return n, err
	}
	return c.gather(p, n)
}

// begins tells whether a request begins with the next byte: nothing of it has been given to the server.
func (c *clientConn) begins(now phase) bool {
	return now == phaseIdle || now == phaseHeader && !c.begun
}

// gather reads until p holds the whole head of a request, of which n bytes have come, or is full. So the server has the head
// before it all at once, in however many pieces it comes, and what it makes of it does not depend on them.
func (c *clientConn) gather(p []byte, n int) (int, error) {
	if phase(c.phase.Load()) == phaseIdle && !header.Ends(p[:n]) {
		c.enter(phaseHeader)
	}
	c.begun = true
	for from := 0; n < len(p) && !header.Ends(p[from:n]); {
		from = max(n-len("\r\n\r"), 0)
		m, err := c.Conn.Read(p[n:])
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// readOrRest reads what has come of the next request. When nothing has, the server is told that the connection has
// ended: it closes it, and with that it goes back to the loop.
func (c *clientConn) readOrRest(p []byte) (int, error) {
	n, err := c.socket.ReadNow(p)
	switch {
	case err == nil:
		return n, nil
	case err != loop.ErrAgain: // nobody waits for an answer
		return 0, io.EOF
	case c.server.stopping.Load():
		return 0, io.EOF
	}
	c.resting.Store(true)
	return 0, io.EOF
}

// Write writes under the limit of the connection's phase.
func (c *clientConn) Write(p []byte) (int, error) {
	if phase(c.phase.Load()) == phaseTunnel {
		return c.Conn.Write(p)
	}
	n, err := c.write(p, c.limits.WriteStall)
	c.wrote = err == nil
	return n, err
}

// Close closes the connection once.
func (c *clientConn) Close() error {
	if c.resting.Swap(false) {
		c.rest()
		return nil
	}
	if c.closed.Swap(true) {
		return nil
	}
	if x := c.resumed; x != nil { // the server did not take it
		c.resumed = nil
		x.abandon()
	}
	if c.lingers() {
		c.linger()
	}
	c.dog.remove(&c.watched)
	err := c.Conn.Close()
	c.release()
	return err
}

// enter changes the phase.
func (c *clientConn) enter(p phase) {
	if phase(c.phase.Load()) != p { // a store is dear
		c.phase.Store(uint32(p))
	}
	c.waited, c.brought, c.wrote = 0, 0, false
	switch p {
	case phaseHeader:
		c.wait(c.limits.ReadHeader)
	case phaseIdle:
		c.served = true
		c.wait(c.limits.Idle)
	default:
		c.done()
	}
}

// SetDeadline is the server's; the watchdog's limits take its place.
func (c *clientConn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline is as SetDeadline.
func (c *clientConn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline is as SetDeadline.
func (c *clientConn) SetWriteDeadline(time.Time) error { return nil }

// clientOf gives the client's connection behind a request.
func clientOf(c net.Conn) *clientConn {
	cc, _ := c.(*clientConn)
	return cc
}
