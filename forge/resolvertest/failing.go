package resolvertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
)

func failing(t *testing.T, fixture func(t *testing.T) *Fixture) {
	ctx := context.Background()
	expect := func(t *testing.T, f *Fixture, want error) {
		t.Helper()
		c, err := f.Resolver.Resolve(ctx, f.Session, byID(routes.RefProject, f.Outside), 0)
		if !errors.Is(err, want) || c.Boundary != routes.BoundaryNone {
			t.Fatalf("Resolve = %+v, %v; want %v", c, err, want)
		}
	}
	for _, status := range []int{500, 502, 503} {
		t.Run(fmt.Sprintf("status %d is unavailable, and not kept", status), func(t *testing.T) {
			f := fixture(t)
			undo := f.Fail(status)
			expect(t, f, forge.ErrUnavailable)
			undo()
			if c := resolve(t, f, f.Session, byID(routes.RefProject, f.Outside), 0); c.ID != f.Outside.ID {
				t.Fatalf("%+v: the failure was taken for absence", c)
			}
		})
	}
	t.Run("status 429 is the budget, with a time, and not absence", func(t *testing.T) {
		f := fixture(t)
		undo := f.Fail(429)
		expect(t, f, forge.ErrBudget)
		_, err := f.Resolver.Resolve(ctx, f.Session, byID(routes.RefProject, f.Outside), 0)
		after, ok := forge.RetryAfter(err)
		if !ok || after < time.Second {
			t.Fatalf("RetryAfter = %s, %v", after, ok)
		}
		undo()
		before := f.Asked()
		expect(t, f, forge.ErrBudget)
		if f.Asked() != before {
			t.Fatal("the forge was asked again although it had said to wait")
		}
		f.Advance(time.Minute)
		if c := resolve(t, f, f.Session, byID(routes.RefProject, f.Outside), 0); c.ID != f.Outside.ID {
			t.Fatalf("%+v: the failure was taken for absence", c)
		}
	})
	t.Run("an answer that cannot be read is unavailable", func(t *testing.T) {
		f := fixture(t)
		undo := f.Garble()
		expect(t, f, forge.ErrUnavailable)
		undo()
		resolve(t, f, f.Session, byID(routes.RefProject, f.Outside), 0)
	})
	t.Run("no answer is a timeout", func(t *testing.T) {
		f := fixture(t)
		undo := f.Hang()
		defer undo()
		began := time.Now()
		expect(t, f, forge.ErrTimeout)
		if passed := time.Since(began); passed > 5*time.Second {
			t.Fatalf("it took %s", passed)
		}
	})
	t.Run("a caller that gives up gets its own context's error", func(t *testing.T) {
		f := fixture(t)
		undo := f.Hang()
		defer undo()
		short, cancel := context.WithCancel(ctx)
		time.AfterFunc(20*time.Millisecond, cancel)
		_, err := f.Resolver.Resolve(short, f.Session, byID(routes.RefProject, f.Outside), 0)
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("err = %v", err)
		}
	})
	t.Run("what is known is not served past its limit because the forge fails", func(t *testing.T) {
		f := fixture(t)
		resolve(t, f, f.Session, byID(routes.RefProject, f.Outside), 0)
		undo := f.Fail(500)
		defer undo()
		resolve(t, f, f.Session, byID(routes.RefProject, f.Outside), 0) // still young
		f.Advance(f.TTL + time.Millisecond)
		expect(t, f, forge.ErrUnavailable)
	})
	t.Run("a refused credential is named as such", func(t *testing.T) {
		f := fixture(t)
		f.Refuse()
		expect(t, f, forge.ErrCredential)
		if _, err := f.Resolver.Identify(ctx, f.Session.Credential); !errors.Is(err, forge.ErrCredential) {
			t.Fatalf("Identify: %v", err)
		}
	})
}

func budget(t *testing.T, fixture func(t *testing.T) *Fixture) {
	ctx := context.Background()
	t.Run("a token that asks for unknown things is stopped, others are not", func(t *testing.T) {
		f := fixture(t)
		known := byID(routes.RefProject, f.Outside)
		resolve(t, f, f.Session, known, 0)
		before, refused := f.Asked(), 0
		for i := range 3 * f.Burst {
			_, err := f.Resolver.Resolve(ctx, f.Session, reference(t, routes.RefProject, fmt.Sprintf("guess/number-%d", i)), 0)
			if errors.Is(err, forge.ErrBudget) {
				refused++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if asked := f.Asked() - before; asked > f.Burst {
			t.Fatalf("the forge was asked %d times, the budget is %d", asked, f.Burst)
		}
		if refused < 2*f.Burst {
			t.Fatalf("only %d questions were refused", refused)
		}
		if c := resolve(t, f, f.Session, known, 0); c.ID != f.Outside.ID {
			t.Fatal("what is known costs nothing")
		}
		second := *f.Session
		second.TokenID++
		if c := resolve(t, f, &second, byID(routes.RefProject, f.Inherited), 0); c.ID != f.Inherited.ID {
			t.Fatal("another token of the owner has its own budget")
		}
	})
	t.Run("a token that is refused does not fail another that waits for the same", func(t *testing.T) {
		f := fixture(t)
		for i := range f.Burst {
			_, _ = f.Resolver.Resolve(ctx, f.Session, reference(t, routes.RefProject, fmt.Sprintf("guess/number-%d", i)), 0)
		}
		second := *f.Session
		second.TokenID++
		undo := f.SlowDown(30 * time.Millisecond)
		defer undo()
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if _, err := f.Resolver.Resolve(ctx, f.Session, byID(routes.RefProject, f.Outside), 0); err != nil &&
					!errors.Is(err, forge.ErrBudget) {
					t.Errorf("the spent token: %v", err)
				}
			})
			wg.Go(func() {
				c, err := f.Resolver.Resolve(ctx, &second, byID(routes.RefProject, f.Outside), 0)
				if err != nil || c.ID != f.Outside.ID {
					t.Errorf("the other token: %+v, %v", c, err)
				}
			})
		}
		wg.Wait()
	})
}

func singleFlight(t *testing.T, fixture func(t *testing.T) *Fixture) {
	f := fixture(t)
	ref := byID(routes.RefProject, f.Outside)
	// How many requests one question needs.
	before := f.Asked()
	resolve(t, f, f.Session, ref, 0)
	one := f.Asked() - before
	f.Advance(f.TTL + time.Millisecond)
	before = f.Asked()
	undo := f.SlowDown(100 * time.Millisecond)
	defer undo()
	var wg sync.WaitGroup
	for i := range 50 {
		s := *f.Session
		s.TokenID = 1000 + int64(i)
		wg.Go(func() {
			c, err := f.Resolver.Resolve(context.Background(), &s, ref, 0)
			if err != nil || c.Access != policy.OwnerMember {
				t.Errorf("%+v, %v", c, err)
			}
		})
	}
	wg.Wait()
	if n := f.Asked() - before; n != one {
		t.Fatalf("50 questions for one project made %d requests, one question needs %d", n, one)
	}
}
