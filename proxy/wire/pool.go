package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"runtime"
	"sync/atomic"
	"time"

	"patgate/dial"
	"patgate/fleet"
	"patgate/fleet/share"
	"patgate/proxy/wire/loop"
)

// Errors of the way to the forge.
var (
	ErrConnect = errors.New("connecting to the forge failed")
	ErrTimeout = errors.New("the forge did not answer in time")
	ErrGone    = errors.New("the client ended its side before the forge answered")
	ErrBroken  = errors.New("the forge's answer could not be read")
	ErrClosed  = errors.New("the forge closed the connection before it answered")
	// ErrUnanswered: the forge's system acknowledged nothing that was sent on the connection.
	ErrUnanswered = errors.New("the other end of the connection to the forge is gone")
)

// Pool keeps connections to a server. At the forge there is one for patgate tokens and one for legacy credentials, so that
// neither kind of caller can take the other's connections; a registry of its own has one. A connection carries the requests of
// one holder alone: nobody meets what somebody else left on one.
type Pool struct {
	dialer *dial.Dialer
	tls    *tls.Config // of the dialer; nil for plain http
	limits *Timeouts
	dog    *Watchdog
	max    int // of all nodes together
	fleet  *fleet.Size
	loops  *Loops

	idle   []*idleList   // by listOf the loop that they rest in
	shares *share.Shares // of those that are in use

	open atomic.Int64
}

// Upstream is a connection to the forge.
type Upstream struct {
	watched
	pool   *Pool
	reader *bufio.Reader
	limit  time.Duration // of the next read
	inHead bool          // the head of an answer is being read
	used   bool          // it has served a request before
	odd    bool          // the forge did on it what a forge does not: it is not used again
	idle   int64         // on the watchdog's clock, since when it has been idle

	holder  Holder
	account *share.Account     // on which it is in use; nil when it is not
	beside  [chains]neighbours // in the list of idle ones; what guards the list guards them
	listed  bool

	quiet  uint64 // the round of the loop after which nothing is known to have happened to it since it was put back
	waiter Waiter // for the answer, on the loop
	ahead  []byte // that the loop has read of the answer
}

// upstreamHeaderBytes bounds the header block of the forge's answers.
const upstreamHeaderBytes = 32 << 10

// Read reads under the connection's present limit. While the head of an answer is read, all reads share one.
func (c *Upstream) Read(p []byte) (int, error) {
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
func (c *Upstream) Write(p []byte) (int, error) { return c.write(p, c.pool.limits.UpstreamStall) }

// Get gives an idle connection of the holder's, or a new one; fresh asks for a new one. Those of the given loop come first. A
// reused connection is looked at first: the forge may have closed it, or sent what would be taken for the answer to the next
// request. Who has his share in use waits.
func (p *Pool) Get(fresh bool, by Claim) (*Upstream, error) {
	account, err := p.shares.Borrow(by.Share, p.limits.UpstreamDial)
	if err != nil {
		return nil, err
	}
	return p.on(account, fresh, by)
}

// replace closes a connection and gives a new one in its place, for which nobody waits.
func (p *Pool) replace(c *Upstream, by Claim) (*Upstream, error) {
	account := c.account
	c.account = nil
	p.Drop(c)
	return p.on(account, true, by)
}

// on gives a connection on an account that counts it already.
func (p *Pool) on(account *share.Account, fresh bool, by Claim) (*Upstream, error) {
	c, err := p.get(fresh, by)
	if err != nil {
		p.shares.Release(account)
		return nil, err
	}
	c.account = account
	return c, nil
}

// get is Get for who may use one more.
func (p *Pool) get(fresh bool, by Claim) (*Upstream, error) {
	for {
		c := p.take(fresh, by)
		if c == nil {
			return p.dial(by)
		}
		if c.socket != nil && !c.socket.Take() || c.reader.Buffered() > 0 || p.stale(c, p.dog.now.Load()) || !alive(c.Conn) {
			p.Drop(c)
			continue
		}
		c.lend(by)
		c.used = true
		return c, nil
	}
}

// Quickly gives an idle connection of the holder's in a loop, on the loop's goroutine and without waiting: if there is one, one
// that is known to have been silent in this round, so that the system need not be asked. Nil: there is none.
func (p *Pool) Quickly(by Claim) *Upstream {
	account := p.shares.Quickly(by.Share)
	if account == nil {
		return nil
	}
	round, now := by.Loop.Round(), p.dog.now.Load()
	c := p.listOf(by.Loop).silent(round, by.Holder)
	if c == nil {
		p.shares.Release(account)
		return nil
	}
	c.account = account
	if !c.socket.Take() || p.stale(c, now) || c.quiet > round && !c.socket.Silent() {
		p.Drop(c)
		return nil
	}
	c.lend(by)
	c.used = true
	return c
}

// popAny takes an idle connection of the holder's, of whatever loop has one.
func (p *Pool) popAny(h Holder) *Upstream {
	for _, list := range p.idle {
		if c := list.pop(h); c != nil {
			return c
		}
	}
	return nil
}

// popOldest takes the idle connection that was used longest ago, whoever's it is.
func (p *Pool) popOldest() *Upstream {
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
// else's idle one makes room: no more are in use than there are.
func (p *Pool) take(fresh bool, by Claim) *Upstream {
	for {
		if !fresh {
			c := p.listOf(by.Loop).pop(by.Holder)
			if c == nil && by.Loop == nil {
				c = p.popAny(by.Holder)
			}
			if c != nil {
				return c
			}
		}
		if p.room(p.fleet.Share(p.max)) {
			return nil
		}
		switch c := p.instead(fresh, by.Holder); {
		case c == nil && p.room(p.max): // all are in use: this node's share was larger when they were taken
			return nil
		case c == nil:
			runtime.Gosched() // one is just being closed
		case !fresh && c.holder == by.Holder:
			return c
		default:
			p.end(c)
			return nil // in its place
		}
	}
}

// room gives the right to dial one more, where fewer than most are open.
func (p *Pool) room(most int) bool {
	for {
		open := p.open.Load()
		if open >= int64(most) {
			return false
		}
		if p.open.CompareAndSwap(open, open+1) {
			return true
		}
	}
}

// gone gives the right of a connection that is no more back.
func (p *Pool) gone() { p.open.Add(-1) }

// instead gives an idle connection when no other can be dialled: the holder's own, or one whose place another can take.
func (p *Pool) instead(fresh bool, h Holder) *Upstream {
	if !fresh {
		if c := p.popAny(h); c != nil {
			return c
		}
	}
	return p.popOldest()
}

func (p *Pool) dial(by Claim) (*Upstream, error) {
	ctx, cancel := context.WithTimeout(context.Background(), p.limits.UpstreamDial)
	defer cancel()
	c := &Upstream{pool: p, holder: by.Holder}
	c.dog = p.dog
	c.lend(by)
	if err := c.connect(ctx, by); err != nil {
		p.gone()
		if IsTimeout(err) || ctx.Err() != nil {
			return nil, ErrTimeout
		}
		return nil, fmt.Errorf("%w: %w", ErrConnect, p.dialer.Failed(err))
	}
	c.reader = bufio.NewReaderSize(c, upstreamHeaderBytes)
	p.dog.add(&c.watched)
	return c, nil
}

// connect opens the connection.
func (c *Upstream) connect(ctx context.Context, by Claim) error {
	p := c.pool
	conn, err := p.dialer.Connect(ctx)
	if err != nil {
		return err
	}
	if tcp, is := conn.(*net.TCPConn); is && !by.Lasting {
		// It is closed when everything is over, or to break off. So the port is free again at once: many holders, one after the
		// other, could use up all that there are.
		_ = tcp.SetLinger(0)
	}
	c.Conn, c.socket = p.loops.adopt(conn, by.Loop)
	if c.socket != nil {
		c.socket.Handle(c)
		err = c.socket.Start(false)
	}
	if err == nil && p.tls != nil {
		c.secure = newSecureToForge(c.Conn, c.socket, p.tls)
		c.Conn = c.secure
		err = c.secure.shake(ctx)
	}
	if err != nil {
		_ = c.Conn.Close()
	}
	return err
}

// Put gives a connection back for the next request. It must be at the beginning of an answer. A loop may use it when two
// rounds are over: one may be under way.
func (p *Pool) Put(c *Upstream) {
	if c.secure != nil && !c.secure.silent() {
		p.Drop(c)
		return
	}
	p.putAfter(c, 2)
}

// putAfter is Put; a loop may use the connection when so many of its rounds are over: none, when the loop itself has just
// read the answer and found nothing behind it, which is news as late as that of a round.
func (p *Pool) putAfter(c *Upstream, rounds uint64) {
	var of *loop.Loop
	if c.odd || c.marked || c.reader.Buffered() > 0 || len(c.ahead) > 0 || p.surplus() > 0 || !c.rest() {
		p.Drop(c)
		return
	}
	if c.socket != nil {
		of = c.socket.Loop()
		c.quiet = of.Round() + rounds
	}
	c.idle = p.dog.now.Load()
	account := c.account
	c.account = nil // whoever takes it out of the list sets its own
	if !p.listOf(of).push(c) {
		p.Drop(c)
	}
	p.shares.Release(account)
}

// surplus tells how many more are open than this node's share: that was larger when they were dialled.
func (p *Pool) surplus() int { return int(p.open.Load()) - p.fleet.Share(p.max) }

// rest leaves an idle connection to the loop. False: something came that nobody asked for.
func (c *Upstream) rest() bool {
	if c.socket == nil {
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
func (p *Pool) evict(c *Upstream) {
	if p.listOf(c.socket.Loop()).remove(c) {
		p.Drop(c)
	}
}

// stale tells whether a connection has been idle for so long that the forge may be about to close it.
func (p *Pool) stale(c *Upstream, now int64) bool {
	return now-c.idle > int64(p.limits.UpstreamIdle)
}

// reap closes the connections that have been idle for too long, and those beyond this node's share that nobody uses.
func (p *Pool) reap(now int64) {
	for _, list := range p.idle {
		for _, c := range list.removeOlder(func(c *Upstream) bool { return p.stale(c, now) }) {
			p.Drop(c)
		}
	}
	for n := p.surplus(); n > 0; n-- {
		c := p.popOldest()
		if c == nil {
			return
		}
		p.Drop(c)
	}
}

// end closes a connection and leaves its room to another.
func (p *Pool) end(c *Upstream) {
	p.dog.remove(&c.watched)
	_ = c.Conn.Close()
}

// Drop closes a connection.
func (p *Pool) Drop(c *Upstream) {
	p.end(c)
	p.gone()
	if account := c.account; account != nil {
		c.account = nil
		p.shares.Release(account)
	}
}

// Lost notes that the other end of a connection was gone without a word. Those that are idle may have lost it in the same way,
// such as behind a firewall that has forgotten them: they are closed, so that each of them does not cost a request.
func (p *Pool) Lost() {
	for _, list := range p.idle {
		for _, c := range list.removeOlder(func(*Upstream) bool { return true }) {
			p.Drop(c)
		}
	}
}

// Close closes the idle connections and every one that comes back.
func (p *Pool) Close() {
	for _, list := range p.idle {
		for _, c := range list.close() {
			p.Drop(c)
		}
	}
}

// IsTimeout tells whether an error is that of a wait that took too long.
func IsTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
