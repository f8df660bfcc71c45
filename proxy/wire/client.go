package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"patgate/proxy/header"
	"patgate/proxy/wire/loop"
)

// Phase is what a client connection is doing; each has a limit of its own.
type Phase uint32

// The phases.
const (
	PhaseHeader   Phase = iota // a request has begun, or the connection has just been opened: one limit for the whole header
	PhaseExchange              // a request is being served: a limit for every single read and write
	PhaseIdle                  // between requests: one limit for the wait
	PhaseTunnel                // an upgraded connection: no limit
)

// leastProgress is how many bytes of a body must arrive within ReadStall: 4 KiB in 30 s is slower than any network that
// is in use, and bounds how long a body can be dragged out.
const leastProgress = 4 << 10

// Client is a connection from a client. It knows the client's address, so that it is read from the socket once, and
// bounds how long the client may take.
type Client struct {
	watched
	// Peer is the address at the other end, or that of the client whose connection a proxy there passes on, and PeerText its
	// text. A Unix socket has none: it is not valid, and the text empty.
	Peer     netip.Addr
	PeerText string
	// Announced: a proxy has named that client by the PROXY protocol.
	Announced bool
	// Pending is a request that an event loop began and a goroutine goes on with.
	Pending Pending

	door    *Door
	phase   atomic.Uint32
	shaken  bool // the TLS handshake is over, or there is none
	wrote   bool // part of an answer, without an error since
	release func()
	closed  atomic.Bool

	// Of a connection that an event loop serves while nothing has to wait.
	ahead   []byte      // of the request, read by the loop and not yet by the server
	behind  []byte      // of what goes to the client, for the socket, not yet written
	begun   bool        // part of the first request's head was given to the server
	resting atomic.Bool // the server was told that the connection has ended, but it goes back to the loop
}

// Pending is a request between an event loop and a goroutine.
type Pending interface {
	// Abandon ends it: no goroutine goes on with it.
	Abandon()
}

// ClientOf gives the client's connection behind one that the HTTP server knows; nil when the connection is not one of a Door's.
func ClientOf(c net.Conn) *Client {
	client, _ := c.(*Client)
	return client
}

// Secure tells whether the connection is encrypted.
func (c *Client) Secure() bool { return c.secure != nil }

// Ended tells whether the client has ended its side of the connection, where event loops notice that.
func (c *Client) Ended() bool { return c.socket != nil && c.socket.Ended() }

// Read reads under the limit of the connection's phase.
func (c *Client) Read(p []byte) (int, error) {
	rests := false // when nothing has come
	if !c.shaken {
		if err := c.secure.shake(context.Background()); err != nil {
			return 0, err
		}
		c.shaken, rests = true, true
	}
	if len(c.behind) > 0 && c.catchUp() != nil {
		return 0, io.EOF // the connection cannot be answered on any more
	}
	now := Phase(c.phase.Load())
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
	case now == PhaseExchange:
		return c.readSteadily(p, c.door.timeouts.ReadStall, leastProgress)
	case !c.begins(now):
		return c.Conn.Read(p)
	}
	read := c.Conn.Read
	if c.socket != nil && (rests || now == PhaseIdle) {
		read = c.readOrRest
	}
	n, err := read(p)
	if err != nil {
		return n, err
	}
	return c.gather(p, n)
}

// errNoRequest: the client speaks another protocol, so that nothing more need be waited for. Clients of container registries try
// TLS first, and HTTP when they are told at once that this is none.
var errNoRequest = errors.New("no request begins like that")

// begins tells whether a request begins with the next byte: nothing of it has been given to the server.
func (c *Client) begins(now Phase) bool {
	return now == PhaseIdle || now == PhaseHeader && !c.begun
}

// gather reads until p, which already holds n bytes, holds the whole head of a request or is full. So the server has the head
// before it all at once, in however many pieces it comes, and what it makes of it does not depend on them.
func (c *Client) gather(p []byte, n int) (int, error) {
	if Phase(c.phase.Load()) == PhaseIdle && !header.Ends(p[:n]) {
		c.Enter(PhaseHeader)
	}
	c.begun = true
	for from := 0; ; {
		switch {
		case !header.Begins(p[:n]): // however long it is: of a full p the server would say that
			return min(n, len(p)-1), errNoRequest
		case n == len(p), header.Ends(p[from:n]):
			return n, nil
		}
		from = max(n-len("\r\n\r"), 0)
		m, err := c.Conn.Read(p[n:])
		n += m
		if err != nil {
			return n, err
		}
	}
}

// readOrRest reads what has come of the next request. When nothing has, the server is told that the connection has
// ended: it closes it, and with that it goes back to the loop.
func (c *Client) readOrRest(p []byte) (n int, err error) {
	if c.secure == nil {
		n, err = c.socket.ReadNow(p)
	} else {
		n, err = c.secure.readNow(p)
		c.behind = c.secure.takeBehind()
	}
	switch {
	case len(c.behind) > 0 && c.catchUp() != nil:
		return 0, io.EOF
	case err == nil:
		return n, nil
	case err != loop.ErrAgain: // nobody waits for an answer
		return 0, io.EOF
	case c.door.stopping.Load():
		return 0, io.EOF
	}
	c.resting.Store(true)
	return 0, io.EOF
}

// catchUp writes what could not be written at once.
func (c *Client) catchUp() error {
	rest := c.behind
	c.behind = nil
	if _, err := c.writeTo(c.socket, rest, c.door.timeouts.WriteStall); err != nil {
		return err
	}
	if c.secure != nil {
		c.secure.mend()
	}
	c.Enter(Phase(c.phase.Load()))
	return nil
}

// Write writes under the limit of the connection's phase.
func (c *Client) Write(p []byte) (int, error) {
	if Phase(c.phase.Load()) == PhaseTunnel {
		return c.Conn.Write(p)
	}
	n, err := c.write(p, c.door.timeouts.WriteStall)
	c.wrote = err == nil
	return n, err
}

// Close closes the connection once.
func (c *Client) Close() error {
	if c.resting.Swap(false) {
		c.rest()
		return nil
	}
	if c.closed.Swap(true) {
		return nil
	}
	if p := c.Pending; p != nil { // the server did not take it
		c.Pending = nil
		p.Abandon()
	}
	if c.lingers() {
		c.linger()
	}
	c.dog.remove(&c.watched)
	err := c.Conn.Close()
	c.release()
	return err
}

// Cut ends the connection without a goodbye, so that over TLS a client that reads to its end knows that something lacks.
func (c *Client) Cut() {
	switch {
	case c.socket != nil:
		c.socket.Abort()
	case c.secure != nil:
		_ = c.secure.NetConn().Close()
	}
}

// Enter changes the phase.
func (c *Client) Enter(p Phase) {
	if Phase(c.phase.Load()) != p { // a store costs more than a load
		c.phase.Store(uint32(p))
	}
	c.waited, c.brought, c.wrote = 0, 0, false
	switch p {
	case PhaseHeader:
		c.wait(c.door.timeouts.ReadHeader)
	case PhaseIdle:
		c.wait(c.door.timeouts.Idle)
	default:
		c.done()
	}
}

// SetDeadline is the server's; the watchdog's limits take its place.
func (c *Client) SetDeadline(time.Time) error { return nil }

// SetReadDeadline is as SetDeadline.
func (c *Client) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline is as SetDeadline.
func (c *Client) SetWriteDeadline(time.Time) error { return nil }
