package wire

import (
	"math"
	"sync"

	"patgate/fleet/share"
	"patgate/proxy/wire/loop"
)

// Holder is whose requests a connection to the forge carries. So an answer that comes too late to be noticed
// reaches only the holder it was made for. The zero value is nobody: requests without a credential.
type Holder [2]uint64

// Claim says whose connection is wanted, and in which loop.
type Claim struct {
	Holder Holder
	Loop   *loop.Loop     // in which it is wanted; nil: in any, or in no loop
	Share  share.Borrower // on whose account it is
	Client *Client        // whose request it is for; nil: not known
	// Lasting: the connection is for one use that lasts, and what was written is sent before it ends.
	Lasting bool
}

// holderSlots is how many chains the idle connections of a list are spread over.
const holderSlots = 256

func (h Holder) slot() int { return int((h[0]*0x9e3779b97f4a7c15 + h[1]) >> 56) }

// idleList is a pool's idle connections that rest in one event loop, or those that are in none. Each loop has a lock of its
// own, so that none waits for another.
type idleList struct {
	mu     sync.Mutex
	all    chain
	slots  [holderSlots]chain // the same connections, by holder
	closed bool

	_ [64]byte // what another processor writes is not on the same cache line
}

// chain is connections in the order in which they were put back.
type chain struct{ newest, oldest *Upstream }

// neighbours are those of a connection in one chain.
type neighbours struct{ newer, older *Upstream }

// Which of a connection's neighbours a chain uses.
const (
	ofAll = iota
	ofSlot
	chains
)

func (l *chain) add(c *Upstream, in int) {
	c.beside[in] = neighbours{older: l.newest}
	if l.newest == nil {
		l.oldest = c
	} else {
		l.newest.beside[in].newer = c
	}
	l.newest = c
}

func (l *chain) cut(c *Upstream, in int) {
	n := c.beside[in]
	c.beside[in] = neighbours{}
	if n.newer == nil {
		l.newest = n.older
	} else {
		n.newer.beside[in].older = n.older
	}
	if n.older == nil {
		l.oldest = n.newer
	} else {
		n.older.beside[in].newer = n.newer
	}
}

// newIdleLists makes as many as listOf needs with so many loops.
func newIdleLists(loops int) []*idleList {
	lists := make([]*idleList, loops+1)
	for i := range lists {
		lists[i] = new(idleList)
	}
	return lists
}

// listOf gives the list of a loop; nil is no loop.
func (p *Pool) listOf(l *loop.Loop) *idleList {
	if l == nil {
		return p.idle[0]
	}
	return p.idle[l.Number()+1]
}

// push adds a connection. False: the list is closed.
func (l *idleList) push(c *Upstream) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		c.listed = true
		l.all.add(c, ofAll)
		l.slots[c.holder.slot()].add(c, ofSlot)
	}
	return !l.closed
}

// pop takes out the holder's connection that was used last. Nil: there is none.
func (l *idleList) pop(h Holder) *Upstream {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pluck(l.slots[h.slot()].newest.heldBy(h))
}

// silent takes a connection of the holder's out: of the few that were used last, one that is known to have been silent in a
// round of its loop, if there is one. Nil: there is none at all.
func (l *idleList) silent(round uint64, h Holder) *Upstream {
	const looked = 8
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.slots[h.slot()].newest.heldBy(h)
	for c, n := last, 0; c != nil && n < looked; c, n = c.beside[ofSlot].older.heldBy(h), n+1 {
		if c.quiet <= round {
			return l.pluck(c)
		}
	}
	return l.pluck(last)
}

// heldBy gives the connection itself, or the next older one of its slot, that is the holder's.
func (c *Upstream) heldBy(h Holder) *Upstream {
	for c != nil && c.holder != h {
		c = c.beside[ofSlot].older
	}
	return c
}

// pluck takes a connection out and gives it; nil stays nil. l.mu is held.
func (l *idleList) pluck(c *Upstream) *Upstream {
	if c != nil {
		c.listed = false
		l.all.cut(c, ofAll)
		l.slots[c.holder.slot()].cut(c, ofSlot)
	}
	return c
}

// remove takes a connection out. False: it is not there.
func (l *idleList) remove(c *Upstream) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return c.listed && l.pluck(c) != nil
}

// since tells for how long the oldest has been idle, on the watchdog's clock.
func (l *idleList) since() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all.oldest == nil {
		return math.MaxInt64
	}
	return l.all.oldest.idle
}

// popOldest takes out the one that was used longest ago, whoever's it is. Nil: the list is empty.
func (l *idleList) popOldest() *Upstream {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pluck(l.all.oldest)
}

// removeOlder takes out the connections from the least recently used one on, as far as they are old.
func (l *idleList) removeOlder(old func(*Upstream) bool) (removed []*Upstream) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.all.oldest != nil && old(l.all.oldest) {
		removed = append(removed, l.pluck(l.all.oldest))
	}
	return removed
}

// close takes all out, and no more in.
func (l *idleList) close() []*Upstream {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	return l.removeOlder(func(*Upstream) bool { return true })
}
