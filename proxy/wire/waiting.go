package wire

import (
	"bufio"
	"errors"
	"syscall"
	"time"
)

// Waiter waits on a loop for the answer that comes on a connection.
type Waiter interface {
	// Answered is called on the loop's goroutine when something of the answer may have come, or the connection is over.
	Answered(u *Upstream)
}

// Reader reads answers from the connection, in a goroutine.
func (c *Upstream) Reader() *bufio.Reader { return c.reader }

// Ready has the waiter read an answer, on the loop's goroutine. On an idle connection it is the end.
func (c *Upstream) Ready() {
	if c.waiter == nil {
		c.pool.evict(c)
		return
	}
	c.waiter.Answered(c)
}

// Await sends the head of a request on the loop's goroutine, and has w wait for its answer. sent is false when not all of it
// could be sent at once; ready tells that there is something to read already.
func (c *Upstream) Await(w Waiter, head []byte) (sent, ready bool) {
	c.waiter, c.limit = w, c.pool.limits.UpstreamStall
	if c.secure != nil {
		if c.secure.tryWrite(head) != nil || len(c.secure.takeBehind()) > 0 {
			return false, false
		}
	} else if n, err := c.socket.TryWrite(head); err != nil || n < len(head) {
		return false, false
	}
	c.wait(c.pool.limits.UpstreamResponse)
	return true, !c.socket.Rest()
}

// Late tells, on the loop's goroutine, that the answer did not come in time.
func (c *Upstream) Late() bool { return c.socket.Late() }

// Gone tells that the wait for the answer was ended because the client had ended its side.
func (c *Upstream) Gone() bool { return c.gone.Load() }

// TryRead reads what has come, on the loop's goroutine: loop.ErrAgain when there is nothing.
func (c *Upstream) TryRead(p []byte) (int, error) {
	if c.secure != nil {
		return c.secure.tryRead(p)
	}
	return c.socket.TryRead(p)
}

// Rest has the loop wait for more of the answer. False: there is more already.
func (c *Upstream) Rest() bool { return c.socket.Rest() }

// Leave ends the waiter's wait; the connection goes on, with the answer's rest or with the next request.
func (c *Upstream) Leave() { c.waiter = nil }

// Answered notes on the loop's goroutine that all of the answer was read, and gives the connection back.
func (c *Upstream) Answered() {
	c.waiter = nil
	c.done()
	if c.secure != nil && !c.secure.drained() {
		c.pool.Drop(c)
		return
	}
	c.pool.putAfter(c, 0)
}

// Discard closes the connection on the loop's goroutine.
func (c *Upstream) Discard() {
	c.waiter = nil
	c.done()
	c.pool.Drop(c)
}

// Failed notes, on the loop's goroutine, why the connection was over before anything of an answer came.
func (c *Upstream) Failed(err error) {
	if errors.Is(err, syscall.ETIMEDOUT) {
		go c.pool.Lost()
	}
}

// Ahead has Reader begin with the part of an answer that the loop has read.
func (c *Upstream) Ahead(brought []byte) { c.ahead = brought }

// Holder gives whose requests the connection carries.
func (c *Upstream) Holder() Holder { return c.holder }

// Unbounded lets the connection be silent for as long as it likes.
func (c *Upstream) Unbounded() {
	c.limit = time.Duration(0)
	c.bear(c.pool.limits.UpstreamStall) // the forge may be slow to read it
}
