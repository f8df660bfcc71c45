package cache

import "time"

// entry is what ristretto holds for one hash. It is never changed after it was made.
type entry[K comparable, V any] struct {
	key   K
	value V
	found bool
	at    time.Time // when the load began, by the cache's clock
	began uint64    // the generation at which the load began
}

// keep hands an entry to ristretto and waits until ristretto has dealt with it, so that a Get right after a load does
// not load again. Waiting costs microseconds, after a load that took much longer.
func (c *Cache[K, V]) keep(hash uint64, e *entry[K, V]) {
	if c.limitOf(e) <= 0 || c.generations.overtaken(hash, e.began) {
		return
	}
	c.flights.writing.RLock()
	defer c.flights.writing.RUnlock()
	if c.closed.Load() {
		return
	}
	if c.entries.Set(hash, e, 1) {
		c.entries.Wait()
		c.leaving.add(hash)
	}
	c.front.forget(hash, e.key) // what was served until now is older
}

// limitOf is how old an entry may become.
func (c *Cache[K, V]) limitOf(e *entry[K, V]) time.Duration {
	if e.found {
		return c.ttl
	}
	return c.negativeTTL
}
