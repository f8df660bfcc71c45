// Package cache keeps answers of slower sources (the store, the forge) for a bounded time, on ristretto.
//
// Ristretto is used as a bounded map and nothing else: its Set is asynchronous, may be dropped under load and may be
// refused by its admission policy, and its expiry would read the clock on every hit. None of that decides what is served. An
// entry carries its key, the moment at which its load began and the generation at which its load began, and every hit is
// checked against all three:
//
//	| event                                         | what Get does                                                  |
//	| --------------------------------------------- | -------------------------------------------------------------- |
//	| entry younger than TTL and than maxAge        | serves it; no allocation of its own                            |
//	| entry older than either                       | loads again; the old value is never served, whatever load says |
//	| entry of another key with the same hash       | loads; the two keys may push each other out                    |
//	| Set dropped or refused by ristretto           | the next Get loads again                                       |
//	| several Gets of one absent key                | one load, all wait for it, each as long as its own context     |
//	| a load of GetBy that Waits                    | waiters with another by load for themselves, one load for each |
//	| all waiters gone                              | the load's context is cancelled                                |
//	| load says "not found"                         | kept for NegativeTTL; not kept when that is 0                  |
//	| load returns an error or panics               | every waiter gets the error; nothing is kept                   |
//	| Invalidate or InvalidateAll during a load     | its outcome is thrown away, the load is repeated               |
//	| the same, MaxReloads times in a row           | ErrContended                                                   |
//	| after Close                                   | every Get loads                                                |
//
// So after Invalidate has returned, no Get that begins later, and no Get that was waiting, is answered from a load that
// began before.
package cache

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/ristretto/v2"
)

// MaxReloads is how often one Get loads again because its load was overtaken by an invalidation.
const MaxReloads = 4

// ErrContended is returned by Get when every one of MaxReloads loads was overtaken by an invalidation. Nothing was
// served; the caller may try again.
var ErrContended = errors.New("cache: entry was invalidated during every load")

// Options says how large and how long-lived a cache is.
type Options struct {
	// Name stands in errors and statistics: "sessions".
	Name string
	// MaxEntries bounds the number of entries; at least 1.
	MaxEntries int64
	// TTL is the longest time from the beginning of a load to the last moment at which its value is served; above 0.
	TTL time.Duration
	// NegativeTTL is the same for "not found"; 0 keeps no such entry. It may not exceed TTL.
	NegativeTTL time.Duration
	// Now is the clock; nil is time.Now. It must not run backwards: an entry from the future is not served.
	Now func() time.Time
}

// Cache keeps values of type V by keys of type K, which should hold no pointers other than strings. It is safe for
// concurrent use.
type Cache[K comparable, V any] struct {
	name        string
	ttl         time.Duration
	negativeTTL time.Duration
	now         func() time.Time
	seed        maphash.Seed
	entries     *ristretto.Cache[uint64, *entry[K, V]]
	front       front[K, V]
	closed      atomic.Bool
	generations generations
	flights     flights[K, V]
	leaving     leaving
	counters    counters
}

// Load reads a value from the slower source. found false is a definite "there is none"; anything else that went wrong
// is an error. The context ends when nobody waits for the value any more.
type Load[V any] func(ctx context.Context) (value V, found bool, err error)

// New makes a cache. It fails only on options that make no sense.
func New[K comparable, V any](o Options) (*Cache[K, V], error) {
	switch {
	case o.MaxEntries < 1:
		return nil, fmt.Errorf("cache %q: MaxEntries is %d, it must be at least 1", o.Name, o.MaxEntries)
	case o.TTL <= 0:
		return nil, fmt.Errorf("cache %q: TTL is %s, it must be above 0", o.Name, o.TTL)
	case o.NegativeTTL < 0 || o.NegativeTTL > o.TTL:
		return nil, fmt.Errorf("cache %q: NegativeTTL is %s, it must be from 0 to the TTL of %s", o.Name, o.NegativeTTL, o.TTL)
	}
	entries, err := ristretto.NewCache(&ristretto.Config[uint64, *entry[K, V]]{
		NumCounters:        max(64, 4*o.MaxEntries), // ristretto's advice is ten: 16 MiB for caches that are mostly empty
		MaxCost:            o.MaxEntries,
		BufferItems:        64,
		IgnoreInternalCost: true, // each entry costs 1
		KeyToHash:          func(hash uint64) (uint64, uint64) { return hash, 0 },
		// A slow load must not replace the value of a later one.
		ShouldUpdate: func(cur, prev *entry[K, V]) bool {
			return cur.began >= prev.began && !cur.at.Before(prev.at)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("making cache %q: %w", o.Name, err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Cache[K, V]{
		name: o.Name, ttl: o.TTL, negativeTTL: o.NegativeTTL, now: o.Now,
		seed: maphash.MakeSeed(), entries: entries,
	}
	c.flights.open, c.flights.parted = make(map[K]*flight[V]), make(map[ownKey[K]]*flight[V])
	c.leaving = newLeaving(o.MaxEntries)
	go c.sweepLoop()
	return c, nil
}

// Get gives the value of key: from the cache when its load began no longer than maxAge ago, else through load. A maxAge
// of 0 leaves it to the TTL, a negative one always loads. found false with a nil error is a definite "there is none",
// and the value is then what load gave with it. The error is load's, the context's, or ErrContended.
func (c *Cache[K, V]) Get(ctx context.Context, key K, maxAge time.Duration, load Load[V]) (value V, found bool, err error) {
	return c.GetBy(ctx, key, 0, maxAge, load)
}

// GetBy is Get for one of several callers. A caller does not wait for a load that Waits for something of another caller's, but
// begins a load of its own. What is kept is for all callers.
func (c *Cache[K, V]) GetBy(ctx context.Context, key K, by int64, maxAge time.Duration, load Load[V]) (value V, found bool,
	err error) {
	hash := maphash.Comparable(c.seed, key)
	if e := c.fresh(hash, key, maxAge, c.now()); e != nil {
		c.counters.hit(hash, e.found)
		return e.value, e.found, nil
	}
	if MayNotLoad(ctx) {
		return value, false, ErrNotKept
	}
	c.counters.misses.Add(1)
	return c.fill(ctx, hash, key, by, maxAge, load)
}

// Peek is Get without a load: ok is false when nothing fresh enough is kept. It counts as a hit when there is.
func (c *Cache[K, V]) Peek(key K, maxAge time.Duration) (value V, found, ok bool) {
	return c.PeekAt(key, maxAge, c.now())
}

// PeekAt is Peek by a caller who has just read the cache's clock: reading it is half of what a hit costs. An age is judged
// by that reading, an invalidation by the moment of the call.
func (c *Cache[K, V]) PeekAt(key K, maxAge time.Duration, now time.Time) (value V, found, ok bool) {
	hash := maphash.Comparable(c.seed, key)
	e := c.fresh(hash, key, maxAge, now)
	if e == nil {
		return value, false, false
	}
	c.counters.hit(hash, e.found)
	return e.value, e.found, true
}

// fresh gives the entry of key if it may be served at this moment, which now tells.
func (c *Cache[K, V]) fresh(hash uint64, key K, maxAge time.Duration, now time.Time) *entry[K, V] {
	if maxAge < 0 || c.closed.Load() {
		return nil
	}
	slot := c.front.slot(hash)
	if e := slot.Load(); e != nil && e.key == key && c.usable(e, hash, maxAge, now) {
		c.sample(hash)
		return e
	}
	e, ok := c.entries.Get(hash)
	if !ok || e == nil || e.key != key || !c.usable(e, hash, maxAge, now) {
		return nil
	}
	if !c.front.admit(slot, e) {
		return e
	}
	// A newer one that was kept meanwhile has looked for this one in the front before it was there.
	if newest, ok := c.entries.Get(hash); !ok || newest != e {
		slot.CompareAndSwap(e, nil)
	}
	return e
}

// usable tells whether an entry may be served.
func (c *Cache[K, V]) usable(e *entry[K, V], hash uint64, maxAge time.Duration, now time.Time) bool {
	limit := c.limitOf(e)
	if maxAge > 0 && maxAge < limit {
		limit = maxAge
	}
	if age := now.Sub(e.at); age < 0 || age > limit {
		return false
	}
	// Read last: an invalidation that returned before this Get began is seen.
	return !c.generations.overtaken(hash, e.began)
}

// Invalidate makes every load of key that began before this call worthless: when it has returned, no Get is answered
// from one. Some other keys may have to be loaded again too.
func (c *Cache[K, V]) Invalidate(key K) {
	hash := maphash.Comparable(c.seed, key)
	c.generations.bump(hash)
	c.counters.invalidations.Add(1)
	if !c.closed.Load() {
		c.entries.Del(hash) // not needed for correctness: the value, which may hold a secret, should not linger
	}
	c.front.forget(hash, key)
}

// InvalidateAll is Invalidate for every key.
func (c *Cache[K, V]) InvalidateAll() {
	c.generations.bumpAll()
	c.counters.invalidations.Add(1)
}

// Mark is a moment at which a read began, for Put.
type Mark struct {
	began uint64
	at    time.Time
}

// Mark takes the moment. A read for Put must begin after it.
func (c *Cache[K, V]) Mark() Mark { return Mark{began: c.generations.now(), at: c.now()} }

// Put keeps a value that was read on the side, by a read that began after the mark was taken. It is dropped silently
// when an invalidation overtook it, and may be dropped like any entry.
func (c *Cache[K, V]) Put(key K, mark Mark, value V, found bool) {
	hash := maphash.Comparable(c.seed, key)
	c.keep(hash, &entry[K, V]{key: key, value: value, found: found, at: mark.at, began: mark.began})
}

// Close drops all values and stops the cache's goroutines. No Get, Peek or Invalidate may be running when it is called
// (ristretto cannot be read while it closes); loads may be, and later Gets load every time.
func (c *Cache[K, V]) Close() {
	c.flights.writing.Lock()
	defer c.flights.writing.Unlock()
	if c.closed.CompareAndSwap(false, true) {
		close(c.leaving.stop)
		c.front.sweep(func(*entry[K, V]) bool { return true })
		c.entries.Close()
	}
}
