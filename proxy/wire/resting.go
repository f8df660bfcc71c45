package wire

import (
	"errors"

	"patgate/proxy/wire/loop"
)

// Loop gives the event loop that the connection belongs to; nil when it belongs to none.
func (c *Client) Loop() *loop.Loop {
	if c == nil || c.socket == nil {
		return nil
	}
	return c.socket.Loop()
}

// Leaving tells that the connection must end with its next answer.
func (c *Client) Leaving() bool { return c != nil && c.door.leaving.Load() }

// Ready reads what has come of a request, on the loop's goroutine, and has it served.
func (c *Client) Ready() {
	in := c.socket.Loop().Desk().In
	in = in[:min(len(in), c.door.options.HeaderBytes)]
	for {
		n, err := c.tryRead(in)
		switch {
		case err == nil:
			if n == len(in) || c.Leaving() || c.secure != nil && !c.drained() || !c.door.options.Front.Serve(c, in[:n]) {
				c.leave(in[:n])
			}
			return
		case err == errHello, len(c.behind) > 0:
			c.give()
			return
		case c.socket.Late() && c.shaken && Phase(c.phase.Load()) == PhaseHeader:
			c.give() // the server tells the client that it took too long
			return
		case err == loop.ErrAgain && !c.door.stopping.Load() && !c.socket.Late():
			if c.socketRests() {
				return
			}
		default:
			_ = c.Close()
			return
		}
	}
}

// errHello says that a client has begun the TLS handshake, which is for a goroutine: it waits, and it computes for long.
var errHello = errors.New("the TLS handshake has begun")

// tryRead reads what has come, on the loop's goroutine: loop.ErrAgain when that is nothing, or but a part of a TLS record.
func (c *Client) tryRead(p []byte) (n int, err error) {
	if c.secure == nil {
		return c.socket.TryRead(p)
	}
	if !c.shaken {
		if n, err = c.socket.TryRead(p); err == nil {
			c.secure.records.ahead = append([]byte(nil), p[:n]...)
			err = errHello
		}
		return 0, err
	}
	n, err = c.secure.tryRead(p)
	c.behind = c.secure.takeBehind()
	return n, err
}

// drained tells that nothing has come behind what was read of a TLS connection, and that nothing has to be written first.
func (c *Client) drained() bool { return c.secure.drained() && len(c.behind) == 0 }

// socketRests has the loop wait. Part of a TLS record is part of a request: one limit holds for the whole header.
func (c *Client) socketRests() bool {
	if c.secure != nil && !c.secure.records.between() && Phase(c.phase.Load()) == PhaseIdle {
		c.Enter(PhaseHeader)
	}
	return c.socket.Rest()
}

// hand has a goroutine serve the connection.
func (c *Client) hand() {
	go func() { _ = c.door.options.Serve(c) }()
}

// give is hand on the loop's goroutine.
func (c *Client) give() {
	c.hand()
	c.socket.Loop().Gave()
}

// rest gives the connection back to its loop.
func (c *Client) rest() {
	if !c.socketRests() {
		c.hand() // something has come meanwhile
	}
}

// leave has a goroutine serve the connection from what has been read on.
func (c *Client) leave(in []byte) {
	c.ahead = append([]byte(nil), in...)
	c.give()
}

// Resume has a goroutine go on with a request that the loop began. The server reads its head once more.
func (c *Client) Resume(p Pending, head []byte) {
	c.Pending, c.ahead = p, head
	c.give()
}

// Judged ends the wait for the request, on the loop's goroutine.
func (c *Client) Judged() { c.done() }

// Finish sends the answer that is written to the client, on the loop's goroutine, and has the connection rest.
func (c *Client) Finish(out []byte) {
	err := error(nil)
	if c.secure == nil {
		n := 0
		if n, err = c.socket.TryWrite(out); n < len(out) {
			c.behind = append([]byte(nil), out[n:]...)
		}
	} else {
		err = c.secure.tryWrite(out)
		c.behind = c.secure.takeBehind()
	}
	switch {
	case err != nil && err != loop.ErrAgain:
		_ = c.Close()
	case len(c.behind) > 0:
		c.Enter(PhaseIdle)
		c.give()
	default:
		c.Enter(PhaseIdle)
		if !c.socket.Rest() {
			c.Ready()
		}
	}
}
