package cache

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestNobodyWaitsForWhatIsAnothers holds that a load that waits for what is its own caller's is left by those who joined it for
// somebody else, and by the loads that they are parts of, and that nobody joins it then but for its own.
func TestNobodyWaitsForWhatIsAnothers(t *testing.T) {
	for name, early := range map[string]bool{"who has joined": true, "who comes later": false} {
		t.Run(name, func(t *testing.T) {
			inner, _ := newCache(t)
			outer, _ := newCache(t)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			begun, waits, told, ends := make(chan int64, 9), make(chan struct{}), make(chan struct{}), make(chan struct{})
			get := func(by int64) chan answer {
				out := make(chan answer, 1)
				go func() {
					v, _, err := outer.GetBy(ctx, "key", by, 0, func(ctx context.Context) (string, bool, error) {
						return inner.GetBy(ctx, "above", by, 0, func(ctx context.Context) (string, bool, error) {
							begun <- by
							if by != 1 {
								return "own", true, nil
							}
							<-waits
							Waits(ctx)
							close(told)
							<-ends
							return "first", true, nil
						})
					})
					out <- answer{v, err}
				}()
				return out
			}
			first, second := get(1), get(1)
			<-begun
			waitFor(t, outer, 2)
			var other chan answer
			if early {
				other = get(2)
				waitFor(t, outer, 3)
			}
			close(waits)
			if <-told; !early {
				other = get(2)
			}
			if a := <-other; a.err != nil || a.value != "own" {
				t.Errorf("another: %+v", a)
			}
			if len(first)+len(second) > 0 {
				t.Error("what waits is answered")
			}
			close(ends)
			for _, c := range []chan answer{first, second} {
				if a := <-c; a.err != nil || a.value != "first" {
					t.Errorf("its own: %+v", a)
				}
			}
			if n := inner.Stats().Loads; n != 2 {
				t.Errorf("%d loads", n)
			}
		})
	}
}

// TestTwoWhoTakeTurns: loads that are for somebody alone are joined by him, whoever else has begun one since, and nobody asks for
// what has come meanwhile.
func TestTwoWhoTakeTurns(t *testing.T) {
	c, err := New[string, int](Options{Name: "turns", MaxEntries: 100, TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var loads atomic.Int64
	gate := make(chan struct{})
	load := func(ctx context.Context) (int, bool, error) {
		loads.Add(1)
		Waits(ctx)
		<-gate
		return 7, true, nil
	}
	waiting := func() (n int) {
		c.flights.mu.Lock()
		defer c.flights.mu.Unlock()
		for _, f := range c.flights.open {
			n += f.waiters
		}
		for own, f := range c.flights.parted {
			if c.flights.open[own.key] != f {
				n += f.waiters
			}
		}
		return n
	}
	var all sync.WaitGroup
	const gets = 60
	for i := range int64(gets) {
		all.Go(func() {
			if v, found, err := c.GetBy(t.Context(), "key", 1+i%3, 0, load); v != 7 || !found || err != nil {
				t.Errorf("%d %v %v", v, found, err)
			}
		})
	}
	for deadline := time.Now().Add(10 * time.Second); waiting() < gets; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d wait", waiting())
		}
	}
	if n := loads.Load(); n > 6 { // of three, each of whom may have joined another's first
		t.Errorf("%d loads", n)
	}
	close(gate)
	all.Wait()
	if len(c.flights.open)+len(c.flights.parted) != 0 {
		t.Errorf("%d and %d loads are left", len(c.flights.open), len(c.flights.parted))
	}
}
