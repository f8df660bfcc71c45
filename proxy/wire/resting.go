package wire

import "patgate/proxy/wire/loop"

// Loop gives the event loop that the connection belongs to; nil when it belongs to none.
func (c *Client) Loop() *loop.Loop {
	if c == nil || c.socket == nil {
		return nil
	}
	return c.socket.Loop()
}

// Ready reads what has come of a request, on the loop's goroutine, and has it served.
func (c *Client) Ready() {
	in := c.socket.Loop().Desk().In
	in = in[:min(len(in), c.door.options.HeaderBytes)]
	for {
		n, err := c.socket.TryRead(in)
		switch {
		case err == nil:
			if c.door.stopping.Load() || !c.door.options.Front.Serve(c, in[:n]) {
				c.leave(in[:n])
			}
			return
		case c.socket.Late() && !c.served:
			c.give() // the server tells the client that it took too long
			return
		case err == loop.ErrAgain && !c.door.stopping.Load() && !c.socket.Late():
			if c.socket.Rest() {
				return
			}
		default:
			_ = c.Close()
			return
		}
	}
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
	if !c.socket.Rest() {
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
	n, err := c.socket.TryWrite(out)
	switch {
	case err != nil && err != loop.ErrAgain:
		_ = c.Close()
	case n < len(out):
		c.behind = append([]byte(nil), out[n:]...)
		c.Enter(PhaseIdle)
		c.give()
	default:
		c.Enter(PhaseIdle)
		if !c.socket.Rest() {
			c.Ready()
		}
	}
}
