package cache

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// held tells whether ristretto or the front still holds anything for a key, whatever may be served of it.
func held(c *Cache[string, string], key string) bool {
	_, ok := c.entries.Get(hashOf(c, key))
	return ok || inFront(c, key)
}

func inFront(c *Cache[string, string], key string) bool {
	e := c.front.slot(hashOf(c, key)).Load()
	return e != nil && e.key == key
}

func TestWhatIsOverIsDropped(t *testing.T) {
	put := func(c *Cache[string, string], key string, found bool) {
		c.Put(key, c.Mark(), "secret", found)
	}
	t.Run("a value leaves at the second sweep after its TTL began, not before its TTL is over", func(t *testing.T) {
		c, clk := newCache(t)
		put(c, "a", true)
		clk.advance(30 * time.Second)
		c.sweep()
		if !held(c, "a") {
			t.Error("dropped within its TTL")
		}
		clk.advance(30 * time.Second)
		c.sweep()
		if held(c, "a") {
			t.Error("still held after two TTLs")
		}
	})
	t.Run("an absence leaves too", func(t *testing.T) {
		c, clk := newCache(t)
		put(c, "a", false)
		c.sweep()
		clk.advance(4 * time.Second)
		c.sweep()
		if held(c, "a") {
			t.Error("still held")
		}
	})
	t.Run("a value that was loaded again stays, and leaves later", func(t *testing.T) {
		c, clk := newCache(t)
		put(c, "a", true)
		c.sweep()
		clk.advance(31 * time.Second)
		put(c, "a", true)
		c.sweep()
		if _, _, ok := c.Peek("a", 0); !ok {
			t.Error("the fresh value was dropped")
		}
		clk.advance(31 * time.Second)
		c.sweep()
		if held(c, "a") {
			t.Error("still held")
		}
	})
	t.Run("more values than a half holds leave early", func(t *testing.T) {
		c, err := New[string, string](Options{MaxEntries: 1000, TTL: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.leaving.mu.Lock()
		c.leaving.limit = 8
		c.leaving.mu.Unlock()
		put(c, "first", true)
		if !held(c, "first") {
			t.Fatal("not held at first")
		}
		deadline := time.Now().Add(10 * time.Second)
		for i := 0; held(c, "first"); i++ {
			if time.Now().After(deadline) {
				t.Fatal("still held")
			}
			put(c, fmt.Sprint(i%500), true)
			c.leaving.mu.Lock()
			if n := len(c.leaving.young) + len(c.leaving.old); n > 4*8 {
				t.Errorf("%d hashes are remembered", n)
			}
			c.leaving.mu.Unlock()
		}
	})
}

// Entries that are loaded again and again within the cache's own time, because callers ask for younger ones, stay, although their
// hashes fill the halves.
func TestEntriesThatAreLoadedAgainStay(t *testing.T) {
	var ahead atomic.Int64
	start := time.Now()
	now := func() time.Time { return start.Add(time.Duration(ahead.Load())) }
	c, err := New[int, int](Options{Name: "x", MaxEntries: 1000, TTL: 11 * time.Minute, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const many = 200 // a fifth of what may be kept
	for minute := range 20 {
		if minute > 0 {
			ahead.Add(int64(time.Minute + time.Second))
		}
		for k := range many {
			_, _, _ = c.Get(t.Context(), k, time.Minute, func(context.Context) (int, bool, error) { return k, true, nil })
		}
		time.Sleep(20 * time.Millisecond) // for a turn
		kept := 0
		for k := range many {
			if _, _, ok := c.Peek(k, time.Minute); ok {
				kept++
			}
		}
		if kept < many*9/10 {
			t.Errorf("minute %d: %d of %d that were just read are kept", minute, kept, many)
		}
	}
}
