package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"
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
// kind of caller can take the other's connections, nor meet what it left on one.
type pool struct {
	address string      // host:port
	tls     *tls.Config // nil for plain http
	limits  *Timeouts
	dog     *watchdog
	max     int
	adopt   func(net.Conn, *loop.Loop) (net.Conn, *loop.Socket)

	mu      sync.Mutex
	idle    [][]*upstreamConn // by listOf the loop that they rest in, most recently used last
	open    int
	waiting []chan struct{}
	closed  bool
}

// upstreamConn is a connection to the forge.
type upstreamConn struct {
	watched
	pool   *pool
	br     *bufio.Reader
	limit  time.Duration // of the next read
	inHead bool          // the head of an answer is being read
	used   bool          // it has served a request before
	idle   int64         // on the watchdog's clock, since when it has been idle

	socket *loop.Socket // nil where there are no loops
	rests  bool         // it is left to the loop while it is idle; with TLS it is not
	quiet  uint64       // the round of the loop after which nothing is known to have happened to it since it was put back
	x      *exchange    // whose answer the loop waits for
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

// listOf numbers the lists of idle connections: the first one is of those that are in no loop.
func listOf(l *loop.Loop) int {
	if l == nil {
		return 0
	}
	return l.Number() + 1
}

// idleLocked gives the list of a loop.
func (p *pool) idleLocked(of *loop.Loop) *[]*upstreamConn {
	for listOf(of) >= len(p.idle) {
		p.idle = append(p.idle, nil)
	}
	return &p.idle[listOf(of)]
}

// get gives an idle connection, or a new one; fresh asks for a new one. Those of the given loop come first. A reused
// connection is looked at first: the forge may have closed it, or sent what would be taken for the answer to the next
// request.
func (p *pool) get(fresh bool, of *loop.Loop) (*upstreamConn, error) {
	for {
		c, err := p.take(fresh, of)
		if err != nil {
			return nil, err
		}
		if c == nil {
			return p.dial(of)
		}
		if c.rests && !c.socket.Take() || c.br.Buffered() > 0 || p.stale(c, p.dog.now.Load()) || !alive(c.Conn) {
			p.drop(c)
			continue
		}
		c.used = true
		return c, nil
	}
}

// quickly gives an idle connection of a loop, on its goroutine and without waiting: if there is one, one that is known to
// have been silent in this round, so that the system need not be asked. Nil: there is none.
func (p *pool) quickly(of *loop.Loop) *upstreamConn {
	round, now := of.Round(), p.dog.now.Load()
	p.mu.Lock()
	list := p.idleLocked(of)
	if len(*list) == 0 || len(p.waiting) > 0 { // those who wait come first
		p.mu.Unlock()
		return nil
	}
	const looked = 8
	at := len(*list) - 1
	for i := at; i >= max(0, len(*list)-looked); i-- {
		if (*list)[i].quiet <= round {
			at = i
			break
		}
	}
	c := pluck(list, at)
	p.mu.Unlock()
	if !c.rests || !c.socket.Take() || p.stale(c, now) || c.quiet > round && !c.socket.Silent() {
		p.drop(c)
		return nil
	}
	c.used = true
	return c
}

// pop takes a connection out of a list: the most recently used one, or the oldest. Nil: there is none.
func pop(list *[]*upstreamConn, oldest bool) *upstreamConn {
	switch {
	case len(*list) == 0:
		return nil
	case oldest:
		return pluck(list, 0)
	}
	return pluck(list, len(*list)-1)
}

// pluck takes the one at an index.
func pluck(list *[]*upstreamConn, at int) *upstreamConn {
	c := (*list)[at]
	last := len(*list) - 1
	copy((*list)[at:], (*list)[at+1:])
	(*list)[last] = nil
	*list = (*list)[:last]
	return c
}

// popAnyLocked is pop for whatever loop has one.
func (p *pool) popAnyLocked(oldest bool) *upstreamConn {
	for i := range p.idle {
		if c := pop(&p.idle[i], oldest); c != nil {
			return c
		}
	}
	return nil
}

// take gives an idle connection, or nil with the right to dial one. One of another loop is given only when no other can be
// dialled, so that each loop comes to have as many as it needs.
func (p *pool) take(fresh bool, of *loop.Loop) (*upstreamConn, error) {
	deadline := time.Time{}
	for {
		p.mu.Lock()
		var c *upstreamConn
		switch {
		case fresh:
		case of == nil:
			c = p.popAnyLocked(false)
		default:
			c = pop(p.idleLocked(of), false)
		}
		if c == nil && !fresh && p.open >= p.max {
			c = p.popAnyLocked(false)
		}
		if c != nil {
			p.mu.Unlock()
			return c, nil
		}
		if p.open < p.max {
			p.open++
			p.mu.Unlock()
			return nil, nil
		}
		if c := p.popAnyLocked(true); c != nil { // fresh: make room
			p.mu.Unlock()
			p.drop(c)
			continue
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

// abandon takes a waiter out of the queue; a turn that it was given meanwhile goes to the next one.
func (p *pool) abandon(turn chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, w := range p.waiting {
		if w == turn {
			p.waiting = append(p.waiting[:i], p.waiting[i+1:]...)
			return
		}
	}
	p.wakeLocked()
}

func (p *pool) wakeLocked() {
	if len(p.waiting) > 0 {
		p.waiting[0] <- struct{}{}
		p.waiting = append(p.waiting[:0], p.waiting[1:]...)
	}
}

func (p *pool) dial(of *loop.Loop) (*upstreamConn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), p.limits.UpstreamDial)
	defer cancel()
	conn, socket, err := p.connect(ctx, of)
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
	c := &upstreamConn{pool: p}
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
	if c.br.Buffered() > 0 || len(c.ahead) > 0 || !c.rest() {
		p.drop(c)
		return
	}
	if c.socket != nil {
		of = c.socket.Loop()
		c.quiet = of.Round() + rounds
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		p.drop(c)
		return
	}
	c.idle = p.dog.now.Load()
	list := p.idleLocked(of)
	*list = append(*list, c)
	p.wakeLocked()
	p.mu.Unlock()
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
	p.mu.Lock()
	list := p.idleLocked(c.socket.Loop())
	at := slices.Index(*list, c)
	if at >= 0 {
		pluck(list, at)
	}
	p.mu.Unlock()
	if at >= 0 {
		p.drop(c)
	}
}

// stale tells whether a connection has been idle for so long that the forge may be about to close it.
func (p *pool) stale(c *upstreamConn, now int64) bool {
	return now-c.idle > int64(p.limits.UpstreamIdle)
}

// reap closes the connections that have been idle for too long.
func (p *pool) reap(now int64) {
	var old []*upstreamConn
	p.mu.Lock()
	for of, list := range p.idle {
		n := 0
		for n < len(list) && p.stale(list[n], now) {
			n++
		}
		old = append(old, list[:n]...)
		rest := copy(list, list[n:])
		clear(list[rest:])
		p.idle[of] = list[:rest]
	}
	p.mu.Unlock()
	for _, c := range old {
		p.drop(c)
	}
}

// drop closes a connection.
func (p *pool) drop(c *upstreamConn) {
	p.dog.remove(&c.watched)
	_ = c.Conn.Close()
	p.mu.Lock()
	p.open--
	p.wakeLocked()
	p.mu.Unlock()
}

// close closes the idle connections and every one that comes back.
func (p *pool) close() {
	p.mu.Lock()
	all := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, idle := range all {
		for _, c := range idle {
			p.drop(c)
		}
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
