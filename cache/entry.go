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
	ttl := c.ttl
	if !e.found {
		ttl = c.negativeTTL
	}
	if ttl <= 0 || c.generations.overtaken(hash, e.began) {
		return
	}
	c.flights.writing.RLock()
	defer c.flights.writing.RUnlock()
	if c.closed.Load() {
		return
	}
	// Ristretto's own expiry only frees memory.
	if c.entries.SetWithTTL(hash, e, 1, ttl) {
		c.entries.Wait()
	}
}
