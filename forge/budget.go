package forge

import (
	"maps"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// BudgetOptions limits how often the forge is asked on behalf of tokens. Only questions that no cache could answer count.
type BudgetOptions struct {
	// TokenBurst questions may come from one token at once, TokenRate a second afterwards. Default 30 and 2.
	TokenBurst int
	TokenRate  float64
	// OwnerBurst and OwnerRate are the same for all tokens of one owner together. Default 300 and 20.
	OwnerBurst int
	OwnerRate  float64
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// longestPause bounds what a forge can ask for with Retry-After.
const longestPause = time.Minute

// sweepEvery is the number of questions after which buckets that are full again are dropped.
const sweepEvery = 4096

// Budget keeps one token bucket for each token and each owner, so that a token that asks for thousands of things that
// it has never seen spends its own allowance and not the owner's rate limit at the forge. It is safe for concurrent use.
type Budget struct {
	options BudgetOptions

	mu     sync.Mutex
	tokens map[int64]*bucket
	owners map[int64]*bucket
	asked  int
}

// bucket is an allowance, and until when the forge wants to be left alone.
type bucket struct {
	*rate.Limiter
	paused time.Time
}

// NewBudget makes a budget. Zero fields get their defaults.
func NewBudget(o BudgetOptions) *Budget {
	if o.TokenBurst <= 0 {
		o.TokenBurst = 30
	}
	if o.TokenRate <= 0 {
		o.TokenRate = 2
	}
	if o.OwnerBurst <= 0 {
		o.OwnerBurst = 300
	}
	if o.OwnerRate <= 0 {
		o.OwnerRate = 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Budget{options: o, tokens: map[int64]*bucket{}, owners: map[int64]*bucket{}}
}

// Take takes one question from the allowances of a token and of its owner. When either is empty, neither is charged and
// the error wraps ErrBudget.
func (b *Budget) Take(tokenID, ownerID int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.options.Now()
	b.sweepLocked(now)
	own := of(b.owners, ownerID, b.options.OwnerBurst, b.options.OwnerRate)
	if wait := own.paused.Sub(now); wait > 0 {
		return &budgetError{who: "the forge's rate limit of the owner is used up", after: wait}
	}
	tok := of(b.tokens, tokenID, b.options.TokenBurst, b.options.TokenRate)
	if wait := tok.wait(now); wait > 0 {
		return &budgetError{who: "the token's allowance is used up", after: wait}
	}
	if wait := own.wait(now); wait > 0 {
		return &budgetError{who: "the owner's allowance is used up", after: wait}
	}
	tok.AllowN(now, 1)
	own.AllowN(now, 1)
	return nil
}

// Pause gives an owner's tokens nothing for a time (at most a minute), because the forge said 429. It returns the error
// for the question that the forge answered so.
func (b *Budget) Pause(ownerID int64, after time.Duration) error {
	after = min(max(after, time.Second), longestPause)
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.options.Now()
	own := of(b.owners, ownerID, b.options.OwnerBurst, b.options.OwnerRate)
	if end := now.Add(after); end.After(own.paused) {
		own.paused = end
	}
	return RateLimited(after)
}

// of gives the bucket of an id; a new one is full.
func of(buckets map[int64]*bucket, id int64, burst int, perSecond float64) *bucket {
	k := buckets[id]
	if k == nil {
		k = &bucket{Limiter: rate.NewLimiter(rate.Limit(perSecond), burst)}
		buckets[id] = k
	}
	return k
}

// wait is how long it takes for the bucket to hold one question; zero or less when it does.
func (k *bucket) wait(now time.Time) time.Duration {
	return time.Duration((1 - k.TokensAt(now)) / float64(k.Limit()) * float64(time.Second))
}

// sweepLocked drops buckets that are full by now: a new one says the same.
func (b *Budget) sweepLocked(now time.Time) {
	if b.asked++; b.asked%sweepEvery != 0 {
		return
	}
	for _, buckets := range []map[int64]*bucket{b.tokens, b.owners} {
		maps.DeleteFunc(buckets, func(_ int64, k *bucket) bool { return !k.paused.After(now) && k.TokensAt(now) >= float64(k.Burst()) })
	}
}
