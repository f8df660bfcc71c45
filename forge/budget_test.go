package forge

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestBudget(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	make := func(o BudgetOptions) *Budget {
		o.Now = func() time.Time { return now }
		return NewBudget(o)
	}
	take := func(t *testing.T, b *Budget, token, owner int64, times int) {
		t.Helper()
		for i := range times {
			if err := b.Take(token, owner); err != nil {
				t.Fatalf("question %d: %v", i+1, err)
			}
		}
	}
	refuse := func(t *testing.T, b *Budget, token, owner int64) time.Duration {
		t.Helper()
		err := b.Take(token, owner)
		if !errors.Is(err, ErrBudget) {
			t.Fatalf("Take = %v, want ErrBudget", err)
		}
		after, ok := RetryAfter(fmt.Errorf("resolving: %w", err))
		if !ok {
			t.Fatal("the error has no time")
		}
		return after
	}
	t.Run("a token has 30 questions at once, then 2 a second", func(t *testing.T) {
		b := make(BudgetOptions{})
		take(t, b, 1, 1, 30)
		if after := refuse(t, b, 1, 1); after != time.Second {
			t.Fatalf("try again in %s, want the smallest, 1 s", after)
		}
		now = now.Add(time.Second)
		take(t, b, 1, 1, 2)
		refuse(t, b, 1, 1)
	})
	t.Run("one token's spending leaves another of the same owner alone", func(t *testing.T) {
		b := make(BudgetOptions{})
		take(t, b, 1, 1, 30)
		refuse(t, b, 1, 1)
		take(t, b, 2, 1, 30)
	})
	t.Run("all tokens of an owner share the owner's allowance", func(t *testing.T) {
		b := make(BudgetOptions{OwnerBurst: 3, OwnerRate: 0.1})
		take(t, b, 1, 1, 2)
		take(t, b, 2, 1, 1)
		if after := refuse(t, b, 3, 1); after != 10*time.Second {
			t.Fatalf("try again in %s, want 10 s", after)
		}
		take(t, b, 4, 2, 1)
	})
	t.Run("a refusal charges nobody", func(t *testing.T) {
		b := make(BudgetOptions{TokenBurst: 1, OwnerBurst: 2})
		take(t, b, 1, 1, 1)
		for range 10 {
			refuse(t, b, 1, 1)
		}
		take(t, b, 2, 1, 1)
	})
	t.Run("the forge's 429 pauses all tokens of the owner until it is over", func(t *testing.T) {
		b := make(BudgetOptions{})
		err := b.Pause(1, 20*time.Second)
		if after, ok := RetryAfter(err); !ok || after != 20*time.Second || !errors.Is(err, ErrBudget) {
			t.Fatalf("Pause = %v (%s)", err, after)
		}
		if after := refuse(t, b, 7, 1); after != 20*time.Second {
			t.Fatalf("try again in %s, want 20 s", after)
		}
		take(t, b, 8, 2, 1)
		now = now.Add(20 * time.Second)
		take(t, b, 7, 1, 1)
	})
	t.Run("a forge cannot pause for longer than a minute", func(t *testing.T) {
		b := make(BudgetOptions{})
		_ = b.Pause(1, 24*time.Hour)
		now = now.Add(time.Minute)
		take(t, b, 1, 1, 1)
	})
	t.Run("buckets that are full again are dropped", func(t *testing.T) {
		b := make(BudgetOptions{})
		for id := range int64(sweepEvery * 2) {
			if err := b.Take(id, id); err != nil {
				t.Fatal(err)
			}
			now = now.Add(time.Second)
		}
		if n := len(b.tokens); n > sweepEvery {
			t.Fatalf("%d buckets are kept", n)
		}
	})
	t.Run("RetryAfter knows nothing of other errors", func(t *testing.T) {
		if _, ok := RetryAfter(ErrTimeout); ok {
			t.Fatal("a time for an error that is not about budgets")
		}
	})
}
