package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"math"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"patgate/proxy/loop"
)

// Errors of the way to the forge; answer.go maps them to 502, 503 and 504.
var (
	errUpstreamConnect = errors.New("connecting to the forge failed")
	errUpstreamTimeout = errors.New("the forge did not answer in time")
	errUpstreamBusy    = errors.New("all connections to the forge are in use")
	errUpstreamBroken  = errors.New("the forge's answer could not be read")
	errUpstreamClosed  = errors.New("the forge closed the connection before it answered")
)

// pool keeps connections to the forge. There is one for patgate tokens and one for legacy credentials, so that neither
// kind of caller can take the other's connections. A connection carries the requests of one holder alone: nobody meets what
// somebody else left on one.
type pool struct {
	address string      // host:port
	tls     *tls.Config // nil for plain http
	limits  *Timeouts
	dog     *watchdog
	max     int
	adopt   func(net.Conn, *loop.Loop) (net.Conn, *loop.Socket)

	idle []*idleList // by listOf the loop that they rest in

	mu      sync.Mutex
	open    int
	waiting []chan struct{}
	waiters atomic.Int64 // of waiting, or about to be: who puts a connection back looks after it has done so
}

// upstreamConn is a connection to the forge.
type upstreamConn struct {
	watched
	pool   *pool
	br     *bufio.Reader
	limit  time.Duration // of the next read
	inHead bool          // the head of an answer is being read
	used   bool          // it has served a request before
	odd    bool          // the forge did on it what a forge does not: it is not used again
	idle   int64         // on the watchdog's clock, since when it has been idle

	holder holder
	beside [chains]neighbours // in the list of idle ones; what guards the list guards them
	listed bool

	socket *loop.Socket // nil where there are no loops
	rests  bool         // it is left to the loop while it is idle; with TLS it is not
	quiet  uint64       // the round of the loop after which nothing is known to have happened to it since it was put back
	flight *flight      // whose answer the loop waits for
	ahead  []byte       // that the loop has read of the answer
}

// upstreamHeaderBytes bounds the header block of the forge's answers.
const upstreamHeaderBytes = 32 << 10

// Read reads under the connection's present limit. While the head of an answer is read, all reads share one.
func (c *upstreamConn) Read(p []byte) (int, error) {
	if len(c.ahead) > 0 {
		n := copy(p, c.ahead)
		c.ahead = c.ahead[n:]
		return n, nil
	}
	if c.inHead {
		return c.Conn.Read(p)
	}
	return c.read(p, c.limit)
}

// Write writes under the stall limit.
func (c *upstreamConn) Write(p []byte) (int, error) { return c.write(p, c.pool.limits.UpstreamStall) }

// get gives an idle connection of the holder's, or a new one; fresh asks for a new one. Those of the given loop come first. A
// reused connection is looked at first: the forge may have closed it, or sent what would be taken for the answer to the next
// request.
func (p *pool) get(fresh bool, by claim) (*upstreamConn, error) {
	for {
		c, err := p.take(fresh, by)
		if err != nil {
			return nil, err
		}
		if c == nil {
			return p.dial(by)
		}
		if c.rests && !c.socket.Take() || c.br.Buffered() > 0 || p.stale(c, p.dog.now.Load()) || !alive(c.Conn) {
			p.drop(c)
			continue
		}
		c.used = true
		return c, nil
	}
}

// quickly gives an idle connection of the holder's in a loop, on the loop's goroutine and without waiting: if there is one, one
// that is known to have been silent in this round, so that the system need not be asked. Nil: there is none.
func (p *pool) quickly(by claim) *upstreamConn {
	if p.waiters.Load() > 0 { // they come first
		return nil
	}
	round, now := by.of.Round(), p.dog.now.Load()
	c := p.listOf(by.of).silent(round, by.holder)
	if c == nil {
		return nil
	}
	if !c.rests || !c.socket.Take() || p.stale(c, now) || c.quiet > round && !c.socket.Silent() {
		p.drop(c)
		return nil
	}
	c.used = true
	return c
}

// popAny takes an idle connection of the holder's, of whatever loop has one.
func (p *pool) popAny(h holder) *upstreamConn {
	for _, list := range p.idle {
		if c := list.pop(h); c != nil {
			return c
		}
	}
	return nil
}

// popOldest takes the idle connection that was used longest ago, whoever's it is.
func (p *pool) popOldest() *upstreamConn {
	for {
		var from *idleList
		least := int64(math.MaxInt64)
		for _, list := range p.idle {
			if since := list.since(); since < least {
				from, least = list, since
			}
		}
		if from == nil {
			return nil
		}
		if c := from.popOldest(); c != nil {
			return c
		}
	}
}

// take gives an idle connection of the holder's, or nil with the right to dial one. One of another loop is given only when no
// other can be dialled, so that each loop comes to have as many as it needs. Where there are as many as there may be, somebody
// else's idle one makes room.
func (p *pool) take(fresh bool, by claim) (*upstreamConn, error) {
	deadline := time.Time{}
	for {
		if !fresh {
			c := p.listOf(by.of).pop(by.holder)
			if c == nil && by.of == nil {
				c = p.popAny(by.holder)
			}
			if c != nil {
				return c, nil
			}
		}
		p.mu.Lock()
		if p.open < p.max {
			p.open++
			p.mu.Unlock()
			return nil, nil
		}
		p.waiters.Add(1) // from now on, whoever puts one back sees it
		if c := p.instead(fresh, by.holder); c != nil {
			p.waiters.Add(-1)
			p.mu.Unlock()
			if !fresh && c.holder == by.holder {
				return c, nil
			}
			p.end(c)
			return nil, nil // in its place
		}
		turn := make(chan struct{}, 1)
		p.waiting = append(p.waiting, turn)
		p.mu.Unlock()
		if deadline.IsZero() {
			deadline = time.Now().Add(p.limits.UpstreamDial)
		}
		timer := time.NewTimer(time.Until(deadline))
		select {
		case <-turn:
			timer.Stop()
		case <-timer.C:
			p.abandon(turn)
			return nil, errUpstreamBusy
		}
	}
}

// instead gives an idle connection when no other can be dialled: the holder's own, or one whose place another can take.
func (p *pool) instead(fresh bool, h holder) *upstreamConn {
	if !fresh {
		if c := p.popAny(h); c != nil {
			return c
		}
	}
	return p.popOldest()
}

// abandon takes a waiter out of the queue; a turn that it was given meanwhile goes to the next one.
func (p *pool) abandon(turn chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := slices.Index(p.waiting, turn); at >= 0 {
		p.waiting = slices.Delete(p.waiting, at, at+1)
		p.waiters.Add(-1)
		return
	}
	p.wakeLocked()
}

// wake gives who waits longest a turn.
func (p *pool) wake() {
	if p.waiters.Load() > 0 {
		p.mu.Lock()
		p.wakeLocked()
		p.mu.Unlock()
	}
}

func (p *pool) wakeLocked() {
	if len(p.waiting) > 0 {
		p.waiting[0] <- struct{}{}
		p.waiting = slices.Delete(p.waiting, 0, 1)
		p.waiters.Add(-1)
	}
}

func (p *pool) dial(by claim) (*upstreamConn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), p.limits.UpstreamDial)
	defer cancel()
	conn, socket, err := p.connect(ctx, by.of)
	if err != nil {
		p.mu.Lock()
		p.open--
		p.wakeLocked()
		p.mu.Unlock()
		if isTimeout(err) || ctx.Err() != nil {
			return nil, errUpstreamTimeout
		}
		return nil, errUpstreamConnect
	}
	c := &upstreamConn{pool: p, holder: by.holder}
	c.Conn, c.dog = conn, p.dog
	if c.socket = socket; socket != nil {
		c.rests = p.tls == nil
		socket.Handle(c)
	}
	c.br = bufio.NewReaderSize(c, upstreamHeaderBytes)
	p.dog.add(&c.watched)
	return c, nil
}

// connect opens a connection; proxy environment variables are not followed.
func (p *pool) connect(ctx context.Context, of *loop.Loop) (net.Conn, *loop.Socket, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, nil, err
	}
	conn, socket := p.adopt(conn, of)
	if socket != nil {
		if err := socket.Start(false); err != nil {
			_ = conn.Close()
			return nil, nil, err
		}
	}
	if p.tls == nil {
		return conn, socket, nil
	}
	secure := tls.Client(conn, p.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	return secure, socket, nil
}

// put gives a connection back for the next request. It must be at the beginning of an answer. A loop may use it when two
// rounds are over: one may be under way.
func (p *pool) put(c *upstreamConn) { p.putAfter(c, 2) }

// putAfter is put; a loop may use the connection when so many of its rounds are over: none, when the loop itself has just
// read the answer and found nothing behind it, which is news as late as that of a round.
func (p *pool) putAfter(c *upstreamConn, rounds uint64) {
	var of *loop.Loop
	if c.odd || c.br.Buffered() > 0 || len(c.ahead) > 0 || !c.rest() {
		p.drop(c)
		return
	}
	if c.socket != nil {
		of = c.socket.Loop()
		c.quiet = of.Round() + rounds
	}
	c.idle = p.dog.now.Load()
	if !p.listOf(of).push(c) {
		p.drop(c)
		return
	}
	p.wake()
}

// rest leaves an idle connection to the loop. False: something came that nobody asked for.
func (c *upstreamConn) rest() bool {
	if !c.rests {
		return true
	}
	for !c.socket.Rest() {
		if c.socket.Late() || !c.socket.Silent() {
			return false
		}
	}
	return true
}

// evict closes an idle connection to which something happened: it is the end, or an answer to nothing.
func (p *pool) evict(c *upstreamConn) {
	if p.listOf(c.socket.Loop()).remove(c) {
		p.drop(c)
	}
}

// stale tells whether a connection has been idle for so long that the forge may be about to close it.
func (p *pool) stale(c *upstreamConn, now int64) bool {
	return now-c.idle > int64(p.limits.UpstreamIdle)
}

// reap closes the connections that have been idle for too long.
func (p *pool) reap(now int64) {
	for _, list := range p.idle {
		for _, c := range list.removeOlder(func(c *upstreamConn) bool { return p.stale(c, now) }) {
			p.drop(c)
		}
	}
}

// end closes a connection whose place another takes.
func (p *pool) end(c *upstreamConn) {
	p.dog.remove(&c.watched)
	_ = c.Conn.Close()
}

// drop closes a connection.
func (p *pool) drop(c *upstreamConn) {
	p.end(c)
	p.mu.Lock()
	p.open--
	p.wakeLocked()
	p.mu.Unlock()
}

// close closes the idle connections and every one that comes back.
func (p *pool) close() {
	for _, list := range p.idle {
		for _, c := range list.close() {
			p.drop(c)
		}
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
