package cache

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"
)

func TestTheFrontServesWhatTheCacheWould(t *testing.T) {
	served := func(t *testing.T, c *Cache[string, string]) {
		t.Helper()
		c.Put("a", c.Mark(), "1", true)
		for range 2 { // from ristretto, and from the front
			if v, found, ok := c.Peek("a", 0); v != "1" || !found || !ok {
				t.Fatalf("%q, %v, %v", v, found, ok)
			}
		}
		if !inFront(c, "a") {
			t.Fatal("a hit does not bring it to the front")
		}
	}
	t.Run("not past its TTL", func(t *testing.T) {
		c, clk := newCache(t)
		served(t, c)
		clk.advance(31 * time.Second)
		if _, _, ok := c.Peek("a", 0); ok {
			t.Error("served")
		}
		c.sweep()
		if inFront(c, "a") {
			t.Error("held after a sweep")
		}
	})
	t.Run("not older than the caller wants", func(t *testing.T) {
		c, clk := newCache(t)
		served(t, c)
		clk.advance(10 * time.Second)
		if _, _, ok := c.Peek("a", 5*time.Second); ok {
			t.Error("served")
		}
		c.Put("a", c.Mark(), "2", true)
		if v, _, ok := c.Peek("a", 5*time.Second); v != "2" || !ok {
			t.Errorf("%q, %v: the newer one is not served", v, ok)
		}
	})
	t.Run("not after a newer one was loaded", func(t *testing.T) {
		c, clk := newCache(t)
		served(t, c)
		clk.advance(6 * time.Second)
		absent := func(context.Context) (string, bool, error) { return "", false, nil }
		if _, found, err := c.Get(context.Background(), "a", 5*time.Second, absent); found || err != nil {
			t.Fatalf("%v, %v", found, err)
		}
		if v, found, _ := c.Peek("a", 0); found { // by a caller to whom the older one would be young enough
			t.Errorf("%q is served, and was found to be gone", v)
		}
	})
	t.Run("not after it was invalidated", func(t *testing.T) {
		c, _ := newCache(t)
		served(t, c)
		c.Invalidate("a")
		if _, _, ok := c.Peek("a", 0); ok || inFront(c, "a") {
			t.Error("served or held")
		}
	})
	t.Run("not after everything was", func(t *testing.T) {
		c, _ := newCache(t)
		served(t, c)
		c.InvalidateAll()
		if _, _, ok := c.Peek("a", 0); ok {
			t.Error("served")
		}
		c.sweep()
		if inFront(c, "a") {
			t.Error("held after a sweep")
		}
	})
	t.Run("not after the end", func(t *testing.T) {
		c, _ := newCache(t)
		served(t, c)
		c.Close()
		if inFront(c, "a") {
			t.Error("held")
		}
	})
	t.Run("not another key's", func(t *testing.T) {
		c, _ := newCache(t)
		for i := range 5 * frontSlots {
			key := strconv.Itoa(i)
			c.Put(key, c.Mark(), "of "+key, true)
			if v, _, ok := c.Peek(key, 0); ok && v != "of "+key {
				t.Fatalf("%s: %q", key, v)
			}
		}
	})
}

// However loads and look-ups run beside each other, what is left in the front is the newest.
func TestTheFrontEndsWithTheNewest(t *testing.T) {
	c, clk := newCache(t)
	for round := range 200 {
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 50 {
					c.Peek("a", 0)
				}
			})
		}
		newest := ""
		for i := range 10 {
			clk.advance(time.Microsecond)
			newest = strconv.Itoa(10*round + i)
			c.Put("a", c.Mark(), newest, true)
		}
		all.Wait()
		if v, _, ok := c.Peek("a", 0); ok && v != newest { // ristretto may have kept none
			t.Fatalf("%q is served, the newest is %q", v, newest)
		}
	}
}
