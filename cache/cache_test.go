package cache

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clock is a clock that tests move by hand.
type clock struct{ nanos atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1_700_000_000, c.nanos.Load()) }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

// newCache makes a cache with a TTL of 30 s, a negative TTL of 3 s and a clock that stands still.
func newCache(t testing.TB) (*Cache[string, string], *clock) {
	t.Helper()
	clk := &clock{}
	c, err := New[string, string](Options{Name: "test", MaxEntries: 1000, TTL: 30 * time.Second, NegativeTTL: 3 * time.Second, Now: clk.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, clk
}

// source is a slower source that counts its reads.
type source struct {
	reads atomic.Int64
	value atomic.Pointer[string]
	err   error
}

func (s *source) load(context.Context) (string, bool, error) {
	s.reads.Add(1)
	if s.err != nil {
		return "", false, s.err
	}
	if v := s.value.Load(); v != nil {
		return *v, true, nil
	}
	return "", false, nil
}

func (s *source) set(v string) { s.value.Store(&v) }

func TestNewRefusesOptionsThatMakeNoSense(t *testing.T) {
	for name, o := range map[string]Options{
		"no entries":                       {MaxEntries: 0, TTL: time.Second},
		"no TTL":                           {MaxEntries: 1},
		"negative TTL below zero":          {MaxEntries: 1, TTL: time.Second, NegativeTTL: -1},
		"absence kept longer than a value": {MaxEntries: 1, TTL: time.Second, NegativeTTL: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := New[string, string](o); err == nil {
				c.Close()
				t.Fatalf("New(%+v) made a cache, want an error", o)
			}
		})
	}
}

func TestGet(t *testing.T) {
	ctx := context.Background()
	get := func(t *testing.T, c *Cache[string, string], s *source, maxAge time.Duration, want string, wantReads int64) {
		t.Helper()
		v, found, err := c.Get(ctx, "key", maxAge, s.load)
		if err != nil || v != want || found != (want != "") {
			t.Fatalf("Get = %q, %v, %v; want %q", v, found, err, want)
		}
		if n := s.reads.Load(); n != wantReads {
			t.Fatalf("the source was read %d times, want %d", n, wantReads)
		}
	}
	t.Run("a second Get within the TTL reads nothing", func(t *testing.T) {
		c, clk := newCache(t)
		s := &source{}
		s.set("a")
		get(t, c, s, 0, "a", 1)
		clk.advance(30 * time.Second)
		get(t, c, s, 0, "a", 1)
	})
	t.Run("after the TTL it loads again", func(t *testing.T) {
		c, clk := newCache(t)
		s := &source{}
		s.set("a")
		get(t, c, s, 0, "a", 1)
		s.set("b")
		clk.advance(30*time.Second + 1)
		get(t, c, s, 0, "b", 2)
	})
	t.Run("an entry older than maxAge is loaded again, and serves the next", func(t *testing.T) {
		c, clk := newCache(t)
		s := &source{}
		s.set("a")
		get(t, c, s, 30*time.Second, "a", 1)
		s.set("b")
		clk.advance(6 * time.Second)
		get(t, c, s, 30*time.Second, "a", 1)
		get(t, c, s, 5*time.Second, "b", 2)
		get(t, c, s, 5*time.Second, "b", 2)
	})
	t.Run("a maxAge above the TTL does not lengthen it", func(t *testing.T) {
		c, clk := newCache(t)
		s := &source{}
		s.set("a")
		get(t, c, s, time.Hour, "a", 1)
		clk.advance(31 * time.Second)
		get(t, c, s, time.Hour, "a", 2)
	})
	t.Run("a negative maxAge always loads", func(t *testing.T) {
		c, _ := newCache(t)
		s := &source{}
		s.set("a")
		get(t, c, s, -1, "a", 1)
		get(t, c, s, -1, "a", 2)
	})
	t.Run("the age counts from the beginning of the load", func(t *testing.T) {
		c, clk := newCache(t)
		slow := func(context.Context) (string, bool, error) { clk.advance(4 * time.Second); return "slow", true, nil }
		if v, _, err := c.Get(ctx, "key", 0, slow); v != "slow" || err != nil {
			t.Fatalf("Get = %q, %v", v, err)
		}
		clk.advance(2 * time.Second)
		s := &source{}
		s.set("new")
		get(t, c, s, 5*time.Second, "new", 1)
	})
	t.Run("an entry from the future is not served", func(t *testing.T) {
		c, clk := newCache(t)
		s := &source{}
		s.set("a")
		get(t, c, s, 0, "a", 1)
		clk.advance(-time.Second)
		get(t, c, s, 0, "a", 2)
	})
	t.Run("absence is kept for its own TTL only", func(t *testing.T) {
		c, clk := newCache(t)
		s := &source{}
		get(t, c, s, 0, "", 1)
		clk.advance(3 * time.Second)
		get(t, c, s, 0, "", 1)
		s.set("appeared")
		clk.advance(1)
		get(t, c, s, 0, "appeared", 2)
	})
	t.Run("absence is not kept without a negative TTL", func(t *testing.T) {
		c, err := New[string, string](Options{MaxEntries: 10, TTL: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		s := &source{}
		get(t, c, s, 0, "", 1)
		get(t, c, s, 0, "", 2)
	})
	t.Run("an error is returned and kept neither as value nor as absence", func(t *testing.T) {
		c, _ := newCache(t)
		s := &source{err: errors.New("source is down")}
		for want := int64(1); want <= 2; want++ {
			if _, found, err := c.Get(ctx, "key", 0, s.load); !errors.Is(err, s.err) || found {
				t.Fatalf("Get = %v, %v; want the source's error", found, err)
			}
			if n := s.reads.Load(); n != want {
				t.Fatalf("the source was read %d times, want %d", n, want)
			}
		}
		s.err = nil
		s.set("up")
		get(t, c, s, 0, "up", 3)
	})
	t.Run("an error does not bring an old value back", func(t *testing.T) {
		c, clk := newCache(t)
		s := &source{}
		s.set("a")
		get(t, c, s, 0, "a", 1)
		clk.advance(31 * time.Second)
		s.err = errors.New("source is down")
		if v, found, err := c.Get(ctx, "key", 0, s.load); err == nil || found || v != "" {
			t.Fatalf("Get = %q, %v, %v; want only the error", v, found, err)
		}
	})
	t.Run("a panic in the load is an error", func(t *testing.T) {
		c, _ := newCache(t)
		_, found, err := c.Get(ctx, "key", 0, func(context.Context) (string, bool, error) { panic("boom") })
		if found || err == nil || !strings.Contains(err.Error(), "boom") {
			t.Fatalf("Get = %v, %v; want an error that names the panic", found, err)
		}
	})
	t.Run("Peek gives what is kept and loads nothing", func(t *testing.T) {
		c, clk := newCache(t)
		if _, _, ok := c.Peek("key", 0); ok {
			t.Fatal("Peek found something in an empty cache")
		}
		s := &source{}
		s.set("a")
		get(t, c, s, 0, "a", 1)
		if v, found, ok := c.Peek("key", 0); !ok || !found || v != "a" {
			t.Fatalf("Peek = %q, %v, %v", v, found, ok)
		}
		clk.advance(6 * time.Second)
		if _, _, ok := c.Peek("key", 5*time.Second); ok {
			t.Fatal("Peek gave an entry older than maxAge")
		}
	})
	t.Run("after Close every Get loads", func(t *testing.T) {
		c, _ := newCache(t)
		s := &source{}
		s.set("a")
		get(t, c, s, 0, "a", 1)
		c.Close()
		get(t, c, s, 0, "a", 2)
		get(t, c, s, 0, "a", 3)
		c.Invalidate("key")
	})
}

func TestPut(t *testing.T) {
	t.Run("what was read on the side is served", func(t *testing.T) {
		c, _ := newCache(t)
		c.Put("key", c.Mark(), "side", true)
		if v, found, ok := c.Peek("key", 0); !ok || !found || v != "side" {
			t.Fatalf("Peek = %q, %v, %v", v, found, ok)
		}
	})
	t.Run("it is as old as its mark", func(t *testing.T) {
		c, clk := newCache(t)
		m := c.Mark()
		clk.advance(6 * time.Second)
		c.Put("key", m, "side", true)
		if _, _, ok := c.Peek("key", 5*time.Second); ok {
			t.Fatal("Peek gave a value whose read began longer ago than maxAge")
		}
	})
	t.Run("an invalidation after the mark drops it", func(t *testing.T) {
		c, _ := newCache(t)
		m := c.Mark()
		c.Invalidate("key")
		c.Put("key", m, "side", true)
		if _, _, ok := c.Peek("key", 0); ok {
			t.Fatal("Peek gave a value whose read began before an invalidation")
		}
	})
	t.Run("it does not replace a later value", func(t *testing.T) {
		c, clk := newCache(t)
		m := c.Mark()
		clk.advance(time.Second)
		c.Put("key", c.Mark(), "later", true)
		c.Put("key", m, "earlier", true)
		if v, _, ok := c.Peek("key", 0); !ok || v != "later" {
			t.Fatalf("Peek = %q, %v; want the later value", v, ok)
		}
	})
}

// TestTheCacheIsBounded fills a cache far beyond its size. Which entries stay is ristretto's choice.
func TestTheCacheIsBounded(t *testing.T) {
	const size = 64
	c, err := New[int, int](Options{MaxEntries: size, TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range 20 * size {
		v, found, err := c.Get(context.Background(), i, 0, func(context.Context) (int, bool, error) { return i * 2, true, nil })
		if err != nil || !found || v != i*2 {
			t.Fatalf("Get(%d) = %d, %v, %v", i, v, found, err)
		}
	}
	kept := 0
	for i := range 20 * size {
		if v, _, ok := c.Peek(i, 0); ok {
			kept++
			if v != i*2 {
				t.Fatalf("key %d has the value %d of another key", i, v)
			}
		}
	}
	if kept == 0 || kept > size {
		t.Fatalf("%d entries are kept, want between 1 and %d", kept, size)
	}
}

// TestAHashSharedByTwoKeysServesNeitherTheOthersValue plants an entry under a hash that is not its key's.
func TestAHashSharedByTwoKeysServesNeitherTheOthersValue(t *testing.T) {
	c, _ := newCache(t)
	c.Put("victim", c.Mark(), "victim's", true)
	e := &entry[string, string]{key: "attacker", value: "attacker's", found: true, at: c.now(), began: c.generations.now()}
	hash := hashOf(c, "victim")
	c.keep(hash, e)
	if v, _, ok := c.Peek("victim", 0); ok && v != "victim's" {
		t.Fatalf("Peek(victim) = %q", v)
	}
	s := &source{}
	s.set("victim's")
	if v, _, err := c.Get(context.Background(), "victim", 0, s.load); err != nil || v != "victim's" {
		t.Fatalf("Get(victim) = %q, %v", v, err)
	}
}

func TestStats(t *testing.T) {
	c, _ := newCache(t)
	ctx := context.Background()
	s := &source{}
	_, _, _ = c.Get(ctx, "absent", 0, s.load)
	_, _, _ = c.Get(ctx, "absent", 0, s.load)
	s.set("x")
	_, _, _ = c.Get(ctx, "present", 0, s.load)
	_, _, _ = c.Get(ctx, "present", 0, s.load)
	_, _, _ = c.Get(ctx, "present", 0, s.load)
	s.err = errors.New("down")
	_, _, _ = c.Get(ctx, "failing", 0, s.load)
	c.Invalidate("present")
	want := Stats{Name: "test", Hits: 3, NegativeHits: 1, Misses: 3, Loads: 3, Errors: 1, Invalidations: 1}
	if got := c.Stats(); got != want {
		t.Fatalf("Stats = %+v, want %+v", got, want)
	}
}

// TestAHitAllocatesNothing covers the shapes of keys that the gateway uses. Ristretto itself allocates 512 bytes for
// its access log every 64 hits at most, which the average rounds down.
func TestAHitAllocatesNothing(t *testing.T) {
	type idKey struct {
		owner, id int64
		kind      uint8
	}
	t.Run("hash of 32 bytes", func(t *testing.T) { hitAllocates(t, [32]byte{1, 2, 3}) })
	t.Run("pair of words", func(t *testing.T) { hitAllocates(t, [2]uint64{1, 2}) })
	t.Run("struct of ids", func(t *testing.T) { hitAllocates(t, idKey{1, 2, 3}) })
	t.Run("string", func(t *testing.T) { hitAllocates(t, "group/project") })
}

func hitAllocates[K comparable](t *testing.T, key K) {
	type session struct{ name string }
	c, err := New[K, *session](Options{MaxEntries: 100, TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx := context.Background()
	load := func(context.Context) (*session, bool, error) { return &session{"s"}, true, nil }
	if _, _, err := c.Get(ctx, key, 0, load); err != nil {
		t.Fatal(err)
	}
	before := c.Stats().Hits
	allocs := testing.AllocsPerRun(2000, func() {
		v, found, err := c.Get(ctx, key, 5*time.Second, load)
		if err != nil || !found || v.name != "s" {
			t.Fatal("no hit")
		}
	})
	if hits := c.Stats().Hits - before; hits < 2000 {
		t.Fatalf("only %d of the Gets were hits", hits)
	}
	if allocs != 0 {
		t.Fatalf("a hit allocates %v times", allocs)
	}
}

func TestConcurrentUseKeepsValuesApart(t *testing.T) {
	c, err := New[int, string](Options{MaxEntries: 32, TTL: time.Minute, NegativeTTL: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				key := (i*7 + g) % 100
				v, found, err := c.Get(context.Background(), key, 0, func(context.Context) (string, bool, error) {
					return fmt.Sprint(key), key%3 != 0, nil
				})
				if errors.Is(err, ErrContended) {
					continue
				}
				if err != nil || found != (key%3 != 0) || v != fmt.Sprint(key) {
					t.Errorf("Get(%d) = %q, %v, %v", key, v, found, err)
					return
				}
				if i%50 == 0 {
					c.Invalidate(key)
				}
				if i%200 == 0 {
					c.InvalidateAll()
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkHit(b *testing.B) {
	c, _ := New[[32]byte, *int](Options{MaxEntries: 100, TTL: time.Hour})
	defer c.Close()
	key, n := [32]byte{1}, 1
	load := func(context.Context) (*int, bool, error) { return &n, true, nil }
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, found, _ := c.Get(ctx, key, 5*time.Second, load); !found {
			b.Fatal("not found")
		}
	}
}
