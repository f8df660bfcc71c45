package cache

import (
	"context"
	"errors"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func hashOf(c *Cache[string, string], key string) uint64 { return maphash.Comparable(c.seed, key) }

// gate is a load that stops until it is let go.
type gate struct {
	started chan struct{}
	release chan string
	loads   atomic.Int64
}

func newGate() *gate { return &gate{started: make(chan struct{}, 100), release: make(chan string)} }

func (g *gate) load(ctx context.Context) (string, bool, error) {
	g.loads.Add(1)
	g.started <- struct{}{}
	select {
	case v := <-g.release:
		return v, true, nil
	case <-ctx.Done():
		return "", false, ctx.Err()
	}
}

// answer is the outcome of a Get in a goroutine.
type answer struct {
	value string
	err   error
}

func goGet(ctx context.Context, c *Cache[string, string], maxAge time.Duration, load Load[string]) <-chan answer {
	out := make(chan answer, 1)
	go func() {
		v, _, err := c.Get(ctx, "key", maxAge, load)
		out <- answer{v, err}
	}()
	return out
}

// waitFor waits until n Gets wait for the load of "key".
func waitFor(t *testing.T, c *Cache[string, string], n int) {
	t.Helper()
	for range 2000 {
		c.flights.mu.Lock()
		f := c.flights.open["key"]
		waiting := f != nil && f.waiters == n
		c.flights.mu.Unlock()
		if waiting {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("never saw %d waiters", n)
}

func TestSingleFlight(t *testing.T) {
	ctx := context.Background()
	t.Run("many Gets of an absent key make one load", func(t *testing.T) {
		c, _ := newCache(t)
		g := newGate()
		var outs []<-chan answer
		for range 50 {
			outs = append(outs, goGet(ctx, c, 0, g.load))
		}
		<-g.started
		waitFor(t, c, 50)
		g.release <- "once"
		for _, out := range outs {
			if a := <-out; a.err != nil || a.value != "once" {
				t.Fatalf("Get = %q, %v", a.value, a.err)
			}
		}
		if n := g.loads.Load(); n != 1 {
			t.Fatalf("%d loads, want 1", n)
		}
	})
	t.Run("a waiter whose context ends leaves alone", func(t *testing.T) {
		c, _ := newCache(t)
		g := newGate()
		stays := goGet(ctx, c, 0, g.load)
		<-g.started
		short, cancel := context.WithCancel(ctx)
		leaves := goGet(short, c, 0, g.load)
		waitFor(t, c, 2)
		cancel()
		if a := <-leaves; !errors.Is(a.err, context.Canceled) {
			t.Fatalf("the waiter that left got %q, %v", a.value, a.err)
		}
		g.release <- "v"
		if a := <-stays; a.err != nil || a.value != "v" {
			t.Fatalf("the waiter that stayed got %q, %v", a.value, a.err)
		}
	})
	t.Run("the Get that began the load may leave, the others are still answered", func(t *testing.T) {
		c, _ := newCache(t)
		g := newGate()
		first, cancel := context.WithCancel(ctx)
		leaves := goGet(first, c, 0, g.load)
		<-g.started
		stays := goGet(ctx, c, 0, g.load)
		waitFor(t, c, 2)
		cancel()
		if a := <-leaves; !errors.Is(a.err, context.Canceled) {
			t.Fatalf("the Get that began it got %v", a.err)
		}
		g.release <- "v"
		if a := <-stays; a.err != nil || a.value != "v" {
			t.Fatalf("the waiter got %q, %v", a.value, a.err)
		}
		if n := g.loads.Load(); n != 1 {
			t.Fatalf("%d loads, want 1", n)
		}
	})
	t.Run("when all have left the load is cancelled and nobody joins it", func(t *testing.T) {
		c, _ := newCache(t)
		cancelled := make(chan struct{})
		started := make(chan struct{})
		short, cancel := context.WithCancel(ctx)
		out := goGet(short, c, 0, func(ctx context.Context) (string, bool, error) {
			close(started)
			<-ctx.Done()
			close(cancelled)
			return "", false, ctx.Err()
		})
		<-started
		cancel()
		<-out
		<-cancelled
		s := &source{}
		s.set("fresh")
		if v, _, err := c.Get(ctx, "key", 0, s.load); err != nil || v != "fresh" {
			t.Fatalf("Get = %q, %v", v, err)
		}
	})
	t.Run("a context that has ended loads nothing", func(t *testing.T) {
		c, _ := newCache(t)
		ended, cancel := context.WithCancel(ctx)
		cancel()
		s := &source{}
		if _, _, err := c.Get(ended, "key", 0, s.load); !errors.Is(err, context.Canceled) || s.reads.Load() != 0 {
			t.Fatalf("err = %v after %d reads", err, s.reads.Load())
		}
	})
	t.Run("a Get does not join a load that began longer ago than its maxAge", func(t *testing.T) {
		c, clk := newCache(t)
		g := newGate()
		old := goGet(ctx, c, 0, g.load)
		<-g.started
		clk.advance(6 * time.Second)
		s := &source{}
		s.set("new")
		if v, _, err := c.Get(ctx, "key", 5*time.Second, s.load); err != nil || v != "new" {
			t.Fatalf("Get = %q, %v", v, err)
		}
		g.release <- "old"
		if a := <-old; a.value != "old" || a.err != nil {
			t.Fatalf("the earlier Get got %q, %v", a.value, a.err)
		}
		if v, _, ok := c.Peek("key", 0); !ok || v != "new" {
			t.Fatalf("kept is %q, %v; the slower, older load must not replace it", v, ok)
		}
	})
	t.Run("an error reaches all who wait", func(t *testing.T) {
		c, _ := newCache(t)
		down := errors.New("down")
		started, release := make(chan struct{}), make(chan struct{})
		load := func(context.Context) (string, bool, error) { close(started); <-release; return "", false, down }
		a := goGet(ctx, c, 0, load)
		<-started
		b := goGet(ctx, c, 0, load)
		waitFor(t, c, 2)
		close(release)
		if x, y := <-a, <-b; !errors.Is(x.err, down) || !errors.Is(y.err, down) {
			t.Fatalf("errors are %v and %v", x.err, y.err)
		}
	})
}

func TestInvalidate(t *testing.T) {
	ctx := context.Background()
	for name, invalidate := range map[string]func(*Cache[string, string]){
		"one key":  func(c *Cache[string, string]) { c.Invalidate("key") },
		"all keys": func(c *Cache[string, string]) { c.InvalidateAll() },
	} {
		t.Run(name+": what was kept is loaded again", func(t *testing.T) {
			c, _ := newCache(t)
			s := &source{}
			s.set("old")
			_, _, _ = c.Get(ctx, "key", 0, s.load)
			s.set("new")
			invalidate(c)
			if v, _, err := c.Get(ctx, "key", 0, s.load); err != nil || v != "new" {
				t.Fatalf("Get = %q, %v", v, err)
			}
		})
		t.Run(name+": a load that began before reaches no Get, not even one that was waiting", func(t *testing.T) {
			c, _ := newCache(t)
			g := newGate()
			waiting := goGet(ctx, c, 0, g.load)
			<-g.started
			invalidate(c)
			// A Get that begins now must not join the load under way.
			later := goGet(ctx, c, 0, g.load)
			<-g.started
			// Released in either order, "old" may come only from the first load.
			g.release <- "value"
			g.release <- "value"
			// Whoever got the outcome of the first load is loading again; let it.
			done := make(chan struct{})
			go func() {
				for {
					select {
					case g.release <- "value":
					case <-done:
						return
					}
				}
			}()
			for _, out := range []<-chan answer{waiting, later} {
				if a := <-out; a.err != nil || a.value != "value" {
					t.Fatalf("Get = %q, %v", a.value, a.err)
				}
			}
			close(done)
			if c.Stats().Reloads == 0 {
				t.Fatal("the outcome of the overtaken load was served")
			}
		})
	}
	t.Run("another key keeps its value", func(t *testing.T) {
		c, _ := newCache(t)
		c.Put("key", c.Mark(), "v", true)
		// Pick a key of another stripe: those of the same stripe are reloaded too.
		other := "other"
		for hashOf(c, other)%stripes == hashOf(c, "key")%stripes {
			other += "x"
		}
		c.Invalidate(other)
		if _, _, ok := c.Peek("key", 0); !ok {
			t.Fatal("the value of an untouched key is gone")
		}
	})
	t.Run("when every load is overtaken nothing is served", func(t *testing.T) {
		c, _ := newCache(t)
		loads := 0
		v, found, err := c.Get(ctx, "key", 0, func(context.Context) (string, bool, error) {
			loads++
			c.Invalidate("key")
			return "stale", true, nil
		})
		if !errors.Is(err, ErrContended) || found || v != "" {
			t.Fatalf("Get = %q, %v, %v; want ErrContended", v, found, err)
		}
		if loads != MaxReloads {
			t.Fatalf("%d loads, want %d", loads, MaxReloads)
		}
	})
}

// TestNothingOldIsServedAfterInvalidate has a writer that raises a number and invalidates, and readers that must never
// see a number lower than the one that was written before their Get began.
func TestNothingOldIsServedAfterInvalidate(t *testing.T) {
	for _, all := range []bool{false, true} {
		c, err := New[string, int64](Options{Name: "race", MaxEntries: 16, TTL: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		var truth, invalidated atomic.Int64
		load := func(context.Context) (int64, bool, error) {
			v := truth.Load()
			time.Sleep(20 * time.Microsecond) // a window in which the truth moves on
			return v, true, nil
		}
		stop := make(chan struct{})
		var wg sync.WaitGroup
		var served atomic.Int64
		for range 4 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					floor := invalidated.Load()
					v, _, err := c.Get(context.Background(), "key", 0, load)
					if errors.Is(err, ErrContended) {
						continue
					}
					if err != nil || v < floor {
						t.Errorf("Get = %d, %v; %d was invalidated before it began", v, err, floor)
						return
					}
					served.Add(1)
				}
			})
		}
		for i := int64(1); i <= 2000; i++ {
			truth.Store(i)
			if all {
				c.InvalidateAll()
			} else {
				c.Invalidate("key")
			}
			invalidated.Store(i)
			if i%4 == 0 {
				time.Sleep(50 * time.Microsecond)
			}
		}
		close(stop)
		wg.Wait()
		c.Close()
		if served.Load() == 0 {
			t.Error("no Get was served, so nothing was tested")
		}
	}
}

// TestDroppedSets shows that a cache that keeps nothing is slow and right.
func TestDroppedSets(t *testing.T) {
	c, _ := newCache(t)
	c.entries.Close() // every Set is now dropped, every Get misses
	defer c.closed.Store(true)
	s := &source{}
	for i, v := range []string{"a", "b"} {
		s.set(v)
		got, found, err := c.Get(context.Background(), "key", 0, s.load)
		if err != nil || !found || got != v || s.reads.Load() != int64(i+1) {
			t.Fatalf("Get = %q, %v, %v after %d reads", got, found, err, s.reads.Load())
		}
	}
}

// TestADeadlineEndsTheWait shows that a waiter's deadline ends its wait even when the load hangs.
func TestADeadlineEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clk := &clock{}
		c, err := New[string, string](Options{MaxEntries: 10, TTL: time.Minute, Now: clk.now})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		began := time.Now()
		_, _, err = c.Get(ctx, "key", 0, func(ctx context.Context) (string, bool, error) { <-ctx.Done(); return "", false, ctx.Err() })
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Fatalf("err = %v after %s", err, time.Since(began))
		}
		synctest.Wait()
	})
}
