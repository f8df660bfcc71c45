package cache

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// flights holds the loads that are under way, at most one that can be joined for each key.
type flights[K comparable, V any] struct {
	mu   sync.Mutex
	open map[K]*flight[V]
	// parted are loads whose place in open another load took: the callers that they are for join them here.
	parted map[ownKey[K]]*flight[V]
	// writing is held for reading while ristretto is written to, so that Close does not close it meanwhile.
	writing sync.RWMutex
}

// ownKey names a load that is for somebody alone.
type ownKey[K comparable] struct {
	key K
	by  int64
}

// flight is one load. Its outcome may be read once done is closed.
type flight[V any] struct {
	at      time.Time
	began   uint64
	done    chan struct{}
	cancel  context.CancelFunc
	waiters int // guarded by flights.mu
	by      int64
	apart   chan struct{} // closed: it is for those alone who are by
	parted  sync.Once

	value V
	found bool
	err   error
}

type flightKey struct{}

// Waits tells, from within a load, that it now waits for something that concerns only the caller who began it. From then on
// no other caller waits for the load: see GetBy.
func Waits(ctx context.Context) {
	if part, ok := ctx.Value(flightKey{}).(func()); ok {
		part()
	}
}

// fill answers a Get that found nothing fresh: it joins the load of key that is under way, or begins one.
func (c *Cache[K, V]) fill(ctx context.Context, hash uint64, key K, by int64, maxAge time.Duration,
	load Load[V]) (value V, found bool, err error) {
	alone := false
	for reloads := 0; reloads < MaxReloads; {
		if err := ctx.Err(); err != nil {
			return value, false, err
		}
		f := c.board(ctx, hash, key, by, alone, maxAge, load)
		ours, err := f.await(ctx, by)
		if err != nil || !ours {
			c.leave(key, f)
		}
		switch {
		case err != nil:
			return value, false, err
		case !ours:
			alone = true
			if e := c.fresh(hash, key, maxAge, c.now()); e != nil {
				return e.value, e.found, nil
			}
			continue
		}
		if f.err != nil {
			return value, false, f.err
		}
		if !c.generations.overtaken(hash, f.began) {
			return f.value, f.found, nil
		}
		c.counters.reloads.Add(1)
		reloads++
	}
	return value, false, fmt.Errorf("loading into cache %q: %w", c.name, ErrContended)
}

// board joins the load of key that is under way, if its value will be fresh enough, or begins one. alone: it does not join
// another caller's.
func (c *Cache[K, V]) board(ctx context.Context, hash uint64, key K, by int64, alone bool, maxAge time.Duration,
	load Load[V]) *flight[V] {
	c.flights.mu.Lock()
	defer c.flights.mu.Unlock()
	last := c.flights.open[key]
	f := last
	if f == nil || f.by != by && (alone || isClosed(f.apart)) {
		f = c.flights.parted[ownKey[K]{key, by}]
	}
	if f != nil && c.joinable(hash, f, maxAge) {
		f.waiters++
		c.counters.joins.Add(1)
		return f
	}
	if last != nil && last.by != by {
		c.flights.parted[ownKey[K]{key, last.by}] = last
	}
	// The load belongs to nobody: it goes on when the caller that began it gives up, as long as someone waits.
	loadCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	// The generation is read before the load begins, so the load sees all that earlier invalidations are about.
	f = &flight[V]{at: c.now(), began: c.generations.now(), done: make(chan struct{}), cancel: cancel, waiters: 1,
		by: by, apart: make(chan struct{})}
	loadCtx = context.WithValue(loadCtx, flightKey{}, f.part)
	c.flights.open[key] = f
	c.counters.loads.Add(1)
	go c.fly(loadCtx, hash, key, f, load)
	return f
}

// await waits for a load. ours is false when it is for others alone.
func (f *flight[V]) await(ctx context.Context, by int64) (ours bool, err error) {
	select {
	case <-f.done:
	case <-ctx.Done():
		return true, ctx.Err()
	case <-f.apart:
		switch {
		case f.by == by:
			Waits(ctx) // this may be part of a load
		case !isClosed(f.done):
			return false, nil
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return true, ctx.Err()
		}
	}
	return f.by == by || f.err == nil || !isClosed(f.apart), nil
}

// part keeps a load from all but those who are by.
func (f *flight[V]) part() { f.parted.Do(func() { close(f.apart) }) }

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// joinable tells whether a Get that begins now may be answered by f.
func (c *Cache[K, V]) joinable(hash uint64, f *flight[V], maxAge time.Duration) bool {
	if maxAge < 0 || f.waiters == 0 || c.generations.overtaken(hash, f.began) {
		return false
	}
	age := c.now().Sub(f.at)
	return age >= 0 && age <= c.ttl && (maxAge == 0 || age <= maxAge)
}

// fly runs one load, keeps its value, and wakes those who wait.
func (c *Cache[K, V]) fly(ctx context.Context, hash uint64, key K, f *flight[V], load Load[V]) {
	defer f.cancel()
	f.value, f.found, f.err = run(ctx, load)
	if f.err == nil {
		// Before the flight is closed, so that the next caller finds one or the other.
		c.keep(hash, &entry[K, V]{key: key, value: f.value, found: f.found, at: f.at, began: f.began})
	} else {
		c.counters.errors.Add(1)
	}
	c.flights.mu.Lock()
	c.flights.drop(key, f)
	c.flights.mu.Unlock()
	close(f.done)
}

// drop has nobody join a load any more.
func (all *flights[K, V]) drop(key K, f *flight[V]) {
	if all.open[key] == f {
		delete(all.open, key)
	}
	if own := (ownKey[K]{key, f.by}); all.parted[own] == f {
		delete(all.parted, own)
	}
}

// leave gives up waiting; the last to leave cancels the load.
func (c *Cache[K, V]) leave(key K, f *flight[V]) {
	c.flights.mu.Lock()
	defer c.flights.mu.Unlock()
	f.waiters--
	if f.waiters > 0 {
		return
	}
	c.flights.drop(key, f)
	f.cancel()
}

// run calls load; a panic becomes an error, because the goroutine that would crash is nobody's.
func run[V any](ctx context.Context, load Load[V]) (value V, found bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			var none V
			value, found, err = none, false, fmt.Errorf("loading: panic: %v\n%s", p, debug.Stack())
		}
	}()
	return load(ctx)
}
