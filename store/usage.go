package store

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// useCount counts the uses of one cached session since they were stored last.
type useCount struct {
	id     int64
	count  atomic.Int64
	last   atomic.Int64 // Unix milliseconds
	listed atomic.Bool  // waits in uses.waiting
}

// uses gathers use counts between two flushes. Only the first use of a token after a flush takes the lock.
type uses struct {
	mu      sync.Mutex
	waiting []*useCount
}

// count counts one use.
func (u *uses) count(c *useCount, id int64, now time.Time) {
	c.count.Add(1)
	c.last.Store(now.UnixMilli())
	if !c.listed.Load() && c.listed.CompareAndSwap(false, true) {
		u.mu.Lock()
		c.id = id
		u.waiting = append(u.waiting, c)
		u.mu.Unlock()
	}
}

// take empties the list.
func (u *uses) take() []*useCount {
	u.mu.Lock()
	defer u.mu.Unlock()
	taken := u.waiting
	u.waiting = nil
	return taken
}

// FlushUses stores the use counts gathered so far. On an error they are kept for the next time.
func (s *Sessions) FlushUses(ctx context.Context) error {
	taken := s.uses.take()
	batch := make([]Use, 0, len(taken))
	for _, c := range taken {
		// Off the list before it is read: a use that comes between is counted now or listed again.
		c.listed.Store(false)
		if n := c.count.Swap(0); n > 0 {
			batch = append(batch, Use{TokenID: c.id, Count: n, Last: time.UnixMilli(c.last.Load())})
		}
	}
	if len(batch) == 0 {
		return nil
	}
	err := s.o.Store.AddUses(ctx, batch)
	if err == nil {
		return nil
	}
	lost := make(map[int64]Use, len(batch))
	for _, u := range batch {
		lost[u.TokenID] = u
	}
	for _, c := range taken {
		if u, ok := lost[c.id]; ok {
			delete(lost, c.id)
			c.count.Add(u.Count)
			if c.listed.CompareAndSwap(false, true) {
				s.uses.mu.Lock()
				s.uses.waiting = append(s.uses.waiting, c)
				s.uses.mu.Unlock()
			}
		}
	}
	return fmt.Errorf("storing last use of %d tokens: %w", len(batch), err)
}

// flushLoop stores use counts now and then.
func (s *Sessions) flushLoop() {
	defer s.running.Done()
	tick := time.NewTicker(s.o.Flush)
	defer tick.Stop()
	for {
		select {
		case <-s.background.Done():
			return
		case <-tick.C:
		}
		if err := s.FlushUses(s.background); err != nil && s.background.Err() == nil {
			s.o.Report(err)
		}
	}
}
