package share

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"patgate/fleet"
)

// inUse takes as many connections as somebody may have at once.
func inUse(s *Shares, b Borrower) (all []*Account) {
	for {
		a := s.Quickly(b)
		if a == nil {
			return all
		}
		all = append(all, a)
	}
}

// Nobody gets more than his share, and whoever comes next gets something.
func TestSharesLeaveSome(t *testing.T) {
	const most = 64
	for name, c := range map[string]struct {
		of   []Borrower
		want []int
	}{
		"one token":                 {[]Borrower{{[2]uint64{1}, 1}}, []int{32}},
		"two tokens of one owner":   {[]Borrower{{[2]uint64{1}, 1}, {[2]uint64{1}, 2}}, []int{32, 16}},
		"three tokens of one owner": {[]Borrower{{[2]uint64{1}, 1}, {[2]uint64{1}, 2}, {[2]uint64{1}, 3}}, []int{32, 16, 4}},
		"owners": {[]Borrower{{[2]uint64{1}, 1}, {[2]uint64{2}, 2}, {[2]uint64{3}, 3}, {[2]uint64{4}, 4}, {[2]uint64{5}, 5}, {[2]uint64{6}, 6}},
			[]int{32, 16, 8, 1, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			s := New(most, nil)
			for i, b := range c.of {
				if got := len(inUse(s, b)); got != c.want[i] {
					t.Errorf("number %d has %d, want %d", i, got, c.want[i])
				}
			}
			if a := s.Quickly(Borrower{[2]uint64{9}, 9}); a == nil {
				t.Error("another owner has none")
			}
		})
	}
	t.Run("a thousand tokens of one owner", func(t *testing.T) {
		s, got := New(most, nil), 0
		for token := range uint64(1000) {
			got += len(inUse(s, Borrower{[2]uint64{1}, token}))
		}
		if got > most*7/8 {
			t.Errorf("they have %d", got)
		}
		if s.Quickly(Borrower{[2]uint64{2}, 5000}) == nil {
			t.Error("another owner has none")
		}
	})
	for most := 1; most <= few; most++ {
		if got := len(inUse(New(most, nil), Borrower{[2]uint64{1}, 1})); got != most {
			t.Errorf("of %d, somebody alone gets %d", most, got)
		}
	}
}

// Who waits for his own share holds up nobody, is told so when it does not come, and gets it when something is given back.
func TestWhoWaitsForAShare(t *testing.T) {
	s := New(64, nil)
	greedy, other := Borrower{[2]uint64{1}, 1}, Borrower{[2]uint64{2}, 2}
	held := inUse(s, greedy)
	if _, err := s.Borrow(greedy, 10*time.Millisecond); !errors.Is(err, ErrShare) {
		t.Fatal(err)
	}
	got := make(chan error, 3)
	for range 3 {
		go func() {
			_, err := s.Borrow(greedy, time.Minute)
			got <- err
		}()
	}
	for s.waiters.Load() < 3 {
		time.Sleep(time.Millisecond)
	}
	if a := s.Quickly(other); a == nil {
		t.Error("another owner waits")
	}
	for i := range 3 {
		s.Release(held[i])
		if err := <-got; err != nil {
			t.Error(err)
		}
	}
	full := New(2, nil)
	inUse(full, other) // all
	if _, err := full.Borrow(greedy, 10*time.Millisecond); !errors.Is(err, ErrBusy) {
		t.Error(err)
	}
}

// Whatever is borrowed, waited for and given back at the same time: never more than there may be, nobody is forgotten, and at the
// end nothing is in use.
func TestSharesAtOnce(t *testing.T) {
	const most = 8
	s := New(most, nil)
	var now, peak, served, refused atomic.Int64
	var all sync.WaitGroup
	for worker := range 64 {
		all.Go(func() {
			for range 400 {
				b := Borrower{[2]uint64{uint64(worker % 5)}, uint64(worker%5*3 + rand.IntN(3))}
				a, err := s.Quickly(b), error(nil)
				if a == nil {
					a, err = s.Borrow(b, time.Duration(rand.IntN(3000))*time.Microsecond)
				}
				if err != nil {
					refused.Add(1)
					continue
				}
				n := now.Add(1)
				for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
				}
				if rand.IntN(4) == 0 {
					time.Sleep(100 * time.Microsecond)
				}
				served.Add(1)
				now.Add(-1)
				s.Release(a)
			}
		})
	}
	all.Wait()
	if peak.Load() > most || s.lent.Load() != 0 || s.waiters.Load() != 0 || len(s.waiting) != 0 {
		t.Errorf("%d at once, %d left, %d wait, %d queues", peak.Load(), s.lent.Load(), s.waiters.Load(), len(s.waiting))
	}
	if served.Load() == 0 || refused.Load() == 0 {
		t.Errorf("%d were served and %d refused", served.Load(), refused.Load())
	}
	// Patient ones are all served.
	for range 32 {
		all.Go(func() {
			for range 200 {
				a, err := s.Borrow(Borrower{[2]uint64{1}, uint64(rand.IntN(3))}, time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				s.Release(a)
			}
		})
	}
	all.Wait()
}

// Made-up credentials leave no account behind.
func TestAccountsAreDropped(t *testing.T) {
	s := New(64, nil)
	kept := s.draw(Borrower{[2]uint64{7, 7}, 0})
	for i := range uint64(300_000) {
		a := s.Quickly(Borrower{[2]uint64{i, 1}, 0})
		if a == nil {
			t.Fatal("refused")
		}
		s.Release(a)
	}
	accounts := 0
	for i := range s.drawers {
		accounts += len(s.drawers[i].tokens) + len(s.drawers[i].others)
	}
	if accounts > leastRoom*drawers || len(s.owners.all) != accounts {
		t.Errorf("%d accounts of %d owners are left", accounts, len(s.owners.all))
	}
	if again := s.draw(Borrower{[2]uint64{7, 7}, 0}); again != kept {
		t.Error("an account in use was dropped")
	}
}

// However many wait, on however many accounts, others find a connection as quickly as ever.
func BenchmarkQuicklyBesideManyWhoWait(b *testing.B) {
	for _, many := range []int{0, 1, 1000, 3000} {
		b.Run(fmt.Sprint(many), func(b *testing.B) {
			s := New(512, nil)
			for token := range uint64(2000) {
				inUse(s, Borrower{[2]uint64{1}, token + 1})
			}
			for i := range many {
				go func() { _, _ = s.Borrow(Borrower{[2]uint64{1}, uint64(5000 + i)}, time.Second*10) }()
			}
			for int(s.waiters.Load()) < many {
				time.Sleep(time.Millisecond)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				a := s.Quickly(Borrower{[2]uint64{2}, 1 << 40})
				if a == nil {
					b.Fatal("refused")
				}
				s.Release(a)
			}
		})
	}
}

// Borrowers that come at the same moment do not keep each other back.
func TestWhoComesAtOnce(t *testing.T) {
	for range 200 {
		s := New(2, nil)
		var all sync.WaitGroup
		for token := range uint64(3) {
			for range 4 {
				all.Go(func() {
					a, err := s.Borrow(Borrower{[2]uint64{1}, token + 1}, 30*time.Second)
					if err != nil {
						t.Error(err)
						return
					}
					s.Release(a)
				})
			}
		}
		all.Wait()
	}
}

// Of several nodes each has its part. What is in use beyond it is not taken away, and nothing more is given before that is.
func TestSharesOfAFleet(t *testing.T) {
	var size fleet.Size
	s := New(64, &size)
	one, other := Borrower{[2]uint64{1}, 1}, Borrower{[2]uint64{2}, 2}
	held := inUse(s, one)
	if len(held) != 32 {
		t.Fatalf("of one node: %d", len(held))
	}
	size.Set(4)
	if s.Quickly(other) != nil {
		t.Error("more than a fourth is in use")
	}
	for _, a := range held[:31] {
		s.Release(a)
	}
	if got := len(inUse(s, other)) + 1; got > 16 || got < 4 {
		t.Errorf("of four nodes: %d are in use", got)
	}
	if n := testing.AllocsPerRun(100, func() {
		if a := s.Quickly(Borrower{[2]uint64{3}, 3}); a != nil {
			s.Release(a)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	size.Set(1000)
	few := New(64, &size)
	if got := len(inUse(few, one)); got != 1 {
		t.Errorf("of a thousand nodes: %d", got)
	}
}
