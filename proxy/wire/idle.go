package wire

import (
	"slices"
	"sync"

	"patgate/proxy/wire/loop"
)

// idleList is a pool's idle connections that rest in one event loop, or those that are in none; most recently used last. Each
// loop has a lock of its own, so that none waits for another.
type idleList struct {
	mu     sync.Mutex
	conns  []*Upstream
	closed bool

	_ [64]byte // what another processor writes is not on the same cache line
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
		l.conns = append(l.conns, c)
	}
	return !l.closed
}

// pop takes a connection out: the most recently used one, or the oldest. Nil: there is none.
func (l *idleList) pop(oldest bool) *Upstream {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch n := len(l.conns); {
	case n == 0:
		return nil
	case oldest:
		return l.pluck(0)
	default:
		return l.pluck(n - 1)
	}
}

// silent takes a connection out: of the few that were used last, one that is known to have been silent in a round of its
// loop, if there is one. Nil: the list is empty.
func (l *idleList) silent(round uint64) *Upstream {
	const looked = 8
	l.mu.Lock()
	defer l.mu.Unlock()
	last := len(l.conns) - 1
	if last < 0 {
		return nil
	}
	for i := last; i >= max(0, last+1-looked); i-- {
		if l.conns[i].quiet <= round {
			return l.pluck(i)
		}
	}
	return l.pluck(last)
}

// pluck takes out the one at an index. l.mu is held.
func (l *idleList) pluck(at int) *Upstream {
	c := l.conns[at]
	l.conns = slices.Delete(l.conns, at, at+1)
	return c
}

// remove takes a connection out. False: it is not there.
func (l *idleList) remove(c *Upstream) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := slices.Index(l.conns, c)
	if at >= 0 {
		l.pluck(at)
	}
	return at >= 0
}

// removeOlder takes out the connections from the least recently used one on, as far as they are old.
func (l *idleList) removeOlder(old func(*Upstream) bool) []*Upstream {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for n < len(l.conns) && old(l.conns[n]) {
		n++
	}
	removed := slices.Clone(l.conns[:n])
	l.conns = slices.Delete(l.conns, 0, n)
	return removed
}

// close takes all out, and no more in.
func (l *idleList) close() []*Upstream {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.conns
	l.conns, l.closed = nil, true
	return all
}
