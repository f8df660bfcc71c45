package forge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"patgate/fleet"
)

func TestBudget(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	make := func(o BudgetOptions) *Budget {
		o.Now = func() time.Time { return now }
		return NewBudget(o)
	}
	// ask asks one question after the other.
	ask := func(t *testing.T, b *Budget, token, owner int64, times int, missed bool) {
		t.Helper()
		for i := range times {
			if err := b.Begin(context.Background(), token, owner); err != nil {
				t.Fatalf("question %d: %v", i+1, err)
			}
			b.Spend(owner)
			b.End(token, missed)
		}
	}
	refuse := func(t *testing.T, b *Budget, token, owner int64, kind error) time.Duration {
		t.Helper()
		err := b.Begin(context.Background(), token, owner)
		if !errors.Is(err, kind) || !errors.Is(err, ErrBudget) || BudgetOf(err) != kind {
			t.Fatalf("Begin = %v, want %v", err, kind)
		}
		after, ok := RetryAfter(fmt.Errorf("resolving: %w", err))
		if !ok {
			t.Fatal("the error has no time")
		}
		return after
	}
	t.Run("a token misses 30 times at once, then twice a second", func(t *testing.T) {
		b := make(BudgetOptions{})
		ask(t, b, 1, 1, 30, true)
		if after := refuse(t, b, 1, 1, ErrTokenBudget); after != time.Second {
			t.Fatalf("try again in %s, want the smallest, 1 s", after)
		}
		now = now.Add(time.Second)
		ask(t, b, 1, 1, 2, true)
		refuse(t, b, 1, 1, ErrTokenBudget)
	})
	t.Run("of three nodes each asks a third, and the rest when the others are gone", func(t *testing.T) {
		var size fleet.Size
		b := make(BudgetOptions{Fleet: &size, OwnerBurst: 90, OwnerRate: 9})
		ask(t, b, 1, 1, 5, true)
		for token := range int64(8) {
			ask(t, b, 100+token, 9, 10, false) // all but ten of owner 9's
		}
		size.Set(3)
		ask(t, b, 1, 1, 10, true) // of 25 that it still had
		refuse(t, b, 1, 1, ErrTokenBudget)
		ask(t, b, 2, 2, 10, true) // a new one
		refuse(t, b, 2, 2, ErrTokenBudget)
		ask(t, b, 200, 9, 10, false)
		refuse(t, b, 200, 9, ErrOwnerBudget)
		ask(t, b, 201, 8, 30, false)
		refuse(t, b, 201, 8, ErrOwnerBudget)
		lists := 0
		for b.Listed(7) == nil {
			lists++
		}
		if lists != 90/4/3 {
			t.Errorf("%d lists", lists)
		}
		now = now.Add(3 * time.Second)
		ask(t, b, 1, 1, 2, true) // 2 a second of all three
		refuse(t, b, 1, 1, ErrTokenBudget)
		size.Set(1)
		b.Spend(7) // whatever is asked next
		now = now.Add(3 * time.Second)
		ask(t, b, 1, 1, 6, true)
		refuse(t, b, 1, 1, ErrTokenBudget)
		now = now.Add(time.Minute)
		ask(t, b, 1, 1, 30, true)
		size.Set(1000)
		ask(t, b, 3, 3, 1, true) // one at least
		refuse(t, b, 3, 3, ErrTokenBudget)
	})
	t.Run("what is there costs a token nothing", func(t *testing.T) {
		b := make(BudgetOptions{})
		ask(t, b, 1, 1, 150, false)
		ask(t, b, 1, 1, 30, true)
		refuse(t, b, 1, 1, ErrTokenBudget)
	})
	t.Run("what led to a denial costs as much as what is not there", func(t *testing.T) {
		b := make(BudgetOptions{})
		ask(t, b, 1, 1, 20, false)
		b.Denied(1, 20)
		ask(t, b, 1, 1, 10, true)
		refuse(t, b, 1, 1, ErrTokenBudget)
		b.Denied(1, 5) // of questions that were under way: it owes them
		if after := refuse(t, b, 1, 1, ErrTokenBudget); after != 3*time.Second {
			t.Fatalf("try again in %s, want 3 s", after)
		}
	})
	t.Run("one token's spending leaves another of the same owner alone", func(t *testing.T) {
		b := make(BudgetOptions{})
		ask(t, b, 1, 1, 30, true)
		refuse(t, b, 1, 1, ErrTokenBudget)
		ask(t, b, 2, 1, 30, true)
	})
	t.Run("all tokens of an owner share the owner's allowance", func(t *testing.T) {
		b := make(BudgetOptions{OwnerBurst: 3, OwnerRate: 0.1})
		ask(t, b, 1, 1, 2, false)
		ask(t, b, 2, 1, 1, true)
		if after := refuse(t, b, 3, 1, ErrOwnerBudget); after != 10*time.Second {
			t.Fatalf("try again in %s, want 10 s", after)
		}
		ask(t, b, 4, 2, 1, false)
	})
	t.Run("the lists of a token take a quarter of its owner's allowance", func(t *testing.T) {
		b := make(BudgetOptions{})
		list := func(token int64, times int) (err error) {
			for range times {
				if err = b.Listed(token); err != nil {
					return err
				}
				b.Spend(1)
			}
			return nil
		}
		if err := list(1, 75); err != nil {
			t.Fatal(err)
		}
		err := list(1, 1)
		after, _ := RetryAfter(err)
		if !errors.Is(err, ErrListBudget) || BudgetOf(err) != ErrListBudget || after != 15*time.Second {
			t.Fatalf("%v (%s), want that of lists, until a whole list can be paid for", err, after)
		}
		ask(t, b, 1, 1, 30, true) // what it names is another thing
		if err := list(2, 75); err != nil {
			t.Fatalf("another token's lists: %v", err)
		}
		ask(t, b, 3, 1, 100, false)
		now = now.Add(time.Second)
		if err := list(1, 5); err != nil {
			t.Fatal(err)
		}
		if err := list(1, 1); err == nil {
			t.Fatal("more than a quarter of the owner's rate")
		}
	})
	t.Run("a refusal charges nobody", func(t *testing.T) {
		b := make(BudgetOptions{TokenBurst: 1, OwnerBurst: 2})
		ask(t, b, 1, 1, 1, true)
		for range 10 {
			refuse(t, b, 1, 1, ErrTokenBudget)
		}
		ask(t, b, 2, 1, 1, false)
	})
	t.Run("buckets that are full again are dropped", func(t *testing.T) {
		b := make(BudgetOptions{})
		for id := range int64(sweepEvery * 2) {
			ask(t, b, id, id, 1, true)
			if err := b.Listed(id); err != nil {
				t.Fatal(err)
			}
			now = now.Add(time.Second)
		}
		if n := max(len(b.tokens), len(b.lists)); n > sweepEvery {
			t.Fatalf("%d buckets are kept", n)
		}
	})
	t.Run("RetryAfter knows nothing of other errors", func(t *testing.T) {
		if _, ok := RetryAfter(ErrTimeout); ok {
			t.Fatal("a time for an error that is not about budgets")
		}
	})
}

// TestQuestionsAtOnce: however many come at the same time, no more misses reach the forge than the token can pay for, and what is
// there is never refused for them.
func TestQuestionsAtOnce(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	storm := func(missed bool) (asked, refused, most int64) {
		b := NewBudget(BudgetOptions{OwnerBurst: 10_000, Now: func() time.Time { return now }})
		var under, peak, asks, refusals atomic.Int64
		var all sync.WaitGroup
		for range 600 {
			all.Go(func() {
				if err := b.Begin(context.Background(), 1, 1); err != nil {
					refusals.Add(1)
					return
				}
				asks.Add(1)
				for n, p := under.Add(1), peak.Load(); n > p && !peak.CompareAndSwap(p, n); p = peak.Load() {
				}
				time.Sleep(time.Millisecond)
				under.Add(-1)
				b.End(1, missed)
			})
		}
		all.Wait()
		if k := b.tokens[1]; k.asking != 0 || len(k.waiting) != 0 {
			t.Errorf("%d are under way, %d wait", k.asking, len(k.waiting))
		}
		return asks.Load(), refusals.Load(), peak.Load()
	}
	if asked, refused, most := storm(false); asked != 600 || refused != 0 || most > 30 {
		t.Errorf("of 600 questions about what is there %d were asked, %d refused, %d at a time", asked, refused, most)
	}
	if asked, refused, _ := storm(true); asked != 30 || refused != 570 {
		t.Errorf("of 600 questions about what is not there %d were asked, %d refused", asked, refused)
	}
}

func TestWhoWaitsForATurnMayGiveUp(t *testing.T) {
	b := NewBudget(BudgetOptions{TokenBurst: 1})
	if err := b.Begin(context.Background(), 1, 1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := b.Begin(ctx, 1, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("err = %v", err)
	}
	b.End(1, false)
	if err := b.Begin(context.Background(), 1, 1); err != nil {
		t.Fatalf("the turn of one who gave up is lost: %v", err)
	}
}

// TestWhoGivesUpAsTheTurnComes: between the end of the wait and its note, the question that was waited for ends, which gives the turn,
// and a sweep drops the allowance, which is full.
func TestWhoGivesUpAsTheTurnComes(t *testing.T) {
	b := NewBudget(BudgetOptions{TokenBurst: 1})
	if err := b.Begin(context.Background(), 1, 1); err != nil {
		t.Fatal(err)
	}
	turn, err := b.enter(1, 1)
	if turn == nil {
		t.Fatalf("no wait: %v", err)
	}
	b.End(1, false)
	b.mu.Lock()
	b.asked = sweepEvery - 1
	b.sweepLocked(time.Now())
	b.mu.Unlock()
	if b.tokens[1] != nil {
		t.Fatal("the allowance is still there")
	}
	b.giveUp(1, turn)
	if err := b.Begin(context.Background(), 1, 1); err != nil {
		t.Fatal(err)
	}
}

func TestTheForgesOwnLimit(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	fresh := func() *Budget { return NewBudget(BudgetOptions{Now: func() time.Time { return now }}) }
	t.Run("one 429 holds for its question alone", func(t *testing.T) {
		b := fresh()
		b.Answered(1, "projects", true, 20*time.Second)
		if err := b.Limited(1, "projects"); err != nil {
			t.Error(err)
		}
		b.Answered(1, "projects", false, 0)
		b.Answered(1, "projects", true, 20*time.Second)
		if err := b.Limited(1, "projects"); err != nil {
			t.Errorf("a good answer was forgotten: %v", err)
		}
	})
	t.Run("two in a row are believed, of that owner and part of the API", func(t *testing.T) {
		b := fresh()
		b.Answered(1, "projects", true, 20*time.Second)
		b.Answered(1, "projects", true, 20*time.Second)
		err := b.Limited(1, "projects")
		if after, _ := RetryAfter(err); !errors.Is(err, ErrRateLimited) || after != 20*time.Second {
			t.Errorf("%v (%s)", err, after)
		}
		if b.Limited(2, "projects") != nil || b.Limited(1, "groups") != nil {
			t.Error("it holds for others too")
		}
		now = now.Add(20 * time.Second)
		if err := b.Limited(1, "projects"); err != nil {
			t.Errorf("it does not end: %v", err)
		}
	})
	t.Run("a forge cannot pause for longer than a minute", func(t *testing.T) {
		b := fresh()
		b.Answered(1, "projects", true, 24*time.Hour)
		b.Answered(1, "projects", true, 24*time.Hour)
		now = now.Add(time.Minute)
		if err := b.Limited(1, "projects"); err != nil {
			t.Error(err)
		}
	})
}
