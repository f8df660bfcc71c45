package cache

import (
	"sync"
	"time"
)

// leaving remembers which entries must be dropped when their time is over, so that a value, which may hold a secret, does
// not linger. It has two halves: hashes are added to the young one, which becomes the old one every TTL; what the old one
// holds then was added at least a TTL ago. So an entry leaves between one and two TTLs after its load began.
type leaving struct {
	mu         sync.Mutex
	young, old []uint64
	turned     time.Time     // when the young half began
	limit      int           // at which the young half is full
	full       chan struct{} // it is: the halves must turn early
	stop       chan struct{}
}

func newLeaving(maxEntries int64) leaving {
	return leaving{limit: int(maxEntries), full: make(chan struct{}, 1), stop: make(chan struct{})}
}

// add remembers a hash. It does not while a half is twice full: the cache cannot hold so many entries, and pushes them out by
// itself.
func (l *leaving) add(hash uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.young) >= l.limit {
		select {
		case l.full <- struct{}{}:
		default:
		}
	}
	if len(l.young) < 2*l.limit {
		l.young = append(l.young, hash)
	}
}

// turn makes the young half the old one, and gives what was in the old one, and since when the young one had been that.
func (l *leaving) turn(now time.Time) (gone []uint64, since time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	gone, since = l.old, l.turned
	l.old, l.young, l.turned = l.young, nil, now
	return gone, since
}

// sweepLoop drops entries whose time is over, until Close.
func (c *Cache[K, V]) sweepLoop() {
	tick := time.NewTicker(c.ttl)
	defer tick.Stop()
	for {
		select {
		case <-c.leaving.stop:
			return
		case <-c.leaving.full:
			gone, since := c.leaving.turn(c.now())
			early := func(e *entry[K, V]) bool { return e.at.Before(since) } // one that was loaded since then was added again
			c.drop(gone, early)
			c.front.sweep(early)
		case <-tick.C:
			c.sweep()
		}
	}
}

// sweep drops what is over of the old half. An entry that was loaded again meanwhile stays: its hash was added again.
func (c *Cache[K, V]) sweep() {
	now := c.now()
	over := func(e *entry[K, V]) bool { return now.Sub(e.at) > c.limitOf(e) }
	gone, _ := c.leaving.turn(now)
	c.drop(gone, over)
	c.front.sweep(func(e *entry[K, V]) bool { return over(e) || c.generations.all.Load() > e.began })
}

// drop drops those entries of these hashes that are over.
func (c *Cache[K, V]) drop(hashes []uint64, over func(*entry[K, V]) bool) {
	for _, hash := range hashes {
		if !c.dropOne(hash, over) {
			return
		}
	}
}

// dropOne does so for one hash; false: the cache is closed.
func (c *Cache[K, V]) dropOne(hash uint64, over func(*entry[K, V]) bool) bool {
	c.flights.writing.RLock()
	defer c.flights.writing.RUnlock()
	if c.closed.Load() {
		return false
	}
	if e, ok := c.entries.Get(hash); ok && e != nil && over(e) {
		c.entries.Del(hash)
	}
	return true
}
