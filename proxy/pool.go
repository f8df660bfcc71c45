package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"
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

	mu      sync.Mutex
	idle    []*upstreamConn // most recently used last
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
}

// upstreamHeaderBytes bounds the header block of the forge's answers.
const upstreamHeaderBytes = 32 << 10

// Read reads under the connection's present limit. While the head of an answer is read, all reads share one.
func (c *upstreamConn) Read(p []byte) (int, error) {
	if c.inHead {
		return c.Conn.Read(p)
	}
	return c.read(p, c.limit)
}

// Write writes under the stall limit.
func (c *upstreamConn) Write(p []byte) (int, error) { return c.write(p, c.pool.limits.UpstreamStall) }

// get gives an idle connection, or a new one; fresh asks for a new one. A reused connection is looked at first: the forge
// may have closed it, or sent what would be taken for the answer to the next request.
func (p *pool) get(fresh bool) (*upstreamConn, error) {
	for {
		c, err := p.take(fresh)
		if err != nil {
			return nil, err
		}
		if c == nil {
			return p.dial()
		}
		if c.br.Buffered() > 0 || p.stale(c, p.dog.now.Load()) || !alive(c.Conn) {
			p.drop(c)
			continue
		}
		c.used = true
		return c, nil
	}
}

// take gives an idle connection, or nil with the right to dial one.
func (p *pool) take(fresh bool) (*upstreamConn, error) {
	deadline := time.Time{}
	for {
		p.mu.Lock()
		if n := len(p.idle); n > 0 && !fresh {
			c := p.idle[n-1]
			p.idle[n-1] = nil
			p.idle = p.idle[:n-1]
			p.mu.Unlock()
			return c, nil
		}
		if p.open < p.max {
			p.open++
			p.mu.Unlock()
			return nil, nil
		}
		if n := len(p.idle); n > 0 { // fresh: make room
			c := p.idle[0]
			p.idle = append(p.idle[:0], p.idle[1:]...)
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

func (p *pool) dial() (*upstreamConn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), p.limits.UpstreamDial)
	defer cancel()
	conn, err := p.connect(ctx)
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
	c.br = bufio.NewReaderSize(c, upstreamHeaderBytes)
	p.dog.add(&c.watched)
	return c, nil
}

// connect opens a connection; proxy environment variables are not followed.
func (p *pool) connect(ctx context.Context) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, err
	}
	conn = newSocket(conn)
	if p.tls == nil {
		return conn, nil
	}
	secure := tls.Client(conn, p.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}

// put gives a connection back for the next request. It must be at the beginning of an answer.
func (p *pool) put(c *upstreamConn) {
	p.mu.Lock()
	if p.closed || c.br.Buffered() > 0 {
		p.mu.Unlock()
		p.drop(c)
		return
	}
	c.idle = p.dog.now.Load()
	p.idle = append(p.idle, c)
	p.wakeLocked()
	p.mu.Unlock()
}

// stale tells whether a connection has been idle for so long that the forge may be about to close it.
func (p *pool) stale(c *upstreamConn, now int64) bool {
	return now-c.idle > int64(p.limits.UpstreamIdle)
}

// reap closes the connections that have been idle for too long.
func (p *pool) reap(now int64) {
	p.mu.Lock()
	n := 0
	for n < len(p.idle) && p.stale(p.idle[n], now) {
		n++
	}
	old := append([]*upstreamConn(nil), p.idle[:n]...)
	rest := copy(p.idle, p.idle[n:])
	clear(p.idle[rest:])
	p.idle = p.idle[:rest]
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
	idle := p.idle
	p.idle, p.closed = nil, true
	p.mu.Unlock()
	for _, c := range idle {
		p.drop(c)
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
