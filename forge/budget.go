package forge

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"patgate/fleet"
)

// BudgetOptions limits how often the forge is asked on behalf of tokens, by all nodes of a fleet together, each with a share.
// Only questions that no cache could answer count.
type BudgetOptions struct {
	// TokenBurst questions that end in "not there", or in a denial, may come from one token at once, TokenRate a second
	// afterwards. Default 30 and 2.
	TokenBurst int
	TokenRate  float64
	// OwnerBurst questions, however they end, may come from all tokens of one owner together at once, OwnerRate a second
	// afterwards. Default 300 and 20.
	OwnerBurst int
	OwnerRate  float64
	// Fleet is how many nodes there are; nil is this one alone.
	Fleet *fleet.Size
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// listShare is the part of an owner's allowance that the lists of one token may take.
const listShare = 4

// sweepEvery is the number of questions after which buckets that are full again are dropped.
const sweepEvery = 4096

// Budget keeps one token bucket for each token and each owner, so that a token that asks for thousands of things that
// it does not reach spends its own allowance and not the owner's rate limit at the forge. What a token does reach costs it
// nothing: a bot may walk through all the projects of its group. It is safe for concurrent use.
//
// The outcome of a question is known late. So a token has no more questions under way than it could pay for; further ones wait.
type Budget struct {
	options BudgetOptions

	mu       sync.Mutex
	allotted allotments // to this node
	tokens   map[int64]*allowance
	lists    map[int64]*rate.Limiter // of tokens
	owners   map[int64]*rate.Limiter
	limits   map[limitKey]*limit
	asked    int
}

// allowance is a token's.
type allowance struct {
	*rate.Limiter
	asking  int             // questions under way; each may cost one
	waiting []chan struct{} // for one of them to end
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
	return &Budget{options: o, allotted: o.allotments(1), tokens: map[int64]*allowance{}, lists: map[int64]*rate.Limiter{},
		owners: map[int64]*rate.Limiter{}, limits: map[limitKey]*limit{}}
}

// Begin begins a question of a token. It waits while the token has as many questions under way as it could pay for. When the
// allowance of the token or of its owner is used up, the error wraps ErrBudget. Without an error, End must be called.
func (b *Budget) Begin(ctx context.Context, tokenID, ownerID int64) error {
	for {
		turn, err := b.enter(tokenID, ownerID)
		if turn == nil {
			return err
		}
		select {
		case <-turn:
		case <-ctx.Done():
			b.giveUp(tokenID, turn)
			return ctx.Err()
		}
	}
}

// giveUp ends the wait for a turn. When the turn has come all the same, it passes to another waiter.
func (b *Budget) giveUp(tokenID int64, turn chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.tokens[tokenID]
	if k == nil {
		return // the turn has come, nobody else waits, and the allowance was full and dropped
	}
	if at := slices.Index(k.waiting, turn); at >= 0 {
		k.waiting = slices.Delete(k.waiting, at, at+1)
	} else {
		k.wake()
	}
}

// enter begins a question, or gives the channel to wait on.
func (b *Budget) enter(tokenID, ownerID int64) (turn chan struct{}, err error) {
	now := b.lock()
	defer b.mu.Unlock()
	b.sweepLocked(now)
	k := b.tokens[tokenID]
	if k == nil {
		k = &allowance{Limiter: b.allotted.token.limiter()}
		b.tokens[tokenID] = k
	}
	if k.TokensAt(now)-float64(k.asking) < 1 {
		if k.asking > 0 {
			turn = make(chan struct{}, 1)
			k.waiting = append(k.waiting, turn)
			return turn, nil
		}
		k.wake()
		return nil, &budgetError{ErrTokenBudget, wait(k.Limiter, now, 1)}
	}
	k.wake()
	if after := wait(b.owner(ownerID), now, 1); after > 0 {
		return nil, &budgetError{ErrOwnerBudget, after}
	}
	k.asking++
	return nil, nil
}

// End ends a question. missed tells that what was asked for is not there, or not for the owner: that costs the token one.
func (b *Budget) End(tokenID int64, missed bool) {
	now := b.lock()
	defer b.mu.Unlock()
	k := b.tokens[tokenID]
	k.asking--
	if missed {
		k.ReserveN(now, 1)
	}
	k.wake()
}

// Denied charges a token for questions whose answers led to a denial. It may owe them then.
func (b *Budget) Denied(tokenID int64, questions int) {
	now := b.lock()
	defer b.mu.Unlock()
	if k := b.tokens[tokenID]; k != nil {
		for range questions {
			k.ReserveN(now, 1)
		}
	}
}

// Listed takes a question about the entries of a list, or a further page of it, from a token's allowance for lists, whatever the
// outcome. Such questions are not the token's choice, and their number depends on the list. So an entry that the token does not
// reach costs no more than one that it reaches, and lists do not use up the allowance of the owner's other tokens. The error
// wraps ErrListBudget, with the time after which a whole list may be asked for again.
func (b *Budget) Listed(tokenID int64) error {
	now := b.lock()
	defer b.mu.Unlock()
	b.sweepLocked(now)
	k := b.lists[tokenID]
	if k == nil {
		k = b.allotted.list.limiter()
		b.lists[tokenID] = k
	}
	if wait(k, now, 1) > 0 {
		return &budgetError{ErrListBudget, wait(k, now, k.Burst())}
	}
	k.ReserveN(now, 1)
	return nil
}

// Spend takes a question from an owner's allowance.
func (b *Budget) Spend(ownerID int64) {
	now := b.lock()
	defer b.mu.Unlock()
	b.owner(ownerID).ReserveN(now, 1)
}

// owner gives an owner's allowance; a new one is full. b.mu is held.
func (b *Budget) owner(id int64) *rate.Limiter {
	k := b.owners[id]
	if k == nil {
		k = b.allotted.owner.limiter()
		b.owners[id] = k
	}
	return k
}

// wake gives the one that has waited longest a turn.
func (k *allowance) wake() {
	if len(k.waiting) > 0 {
		k.waiting[0] <- struct{}{}
		k.waiting = slices.Delete(k.waiting, 0, 1)
	}
}

// wait is how long it takes for an allowance to hold so many questions; zero or less when it does.
func wait(k *rate.Limiter, now time.Time, questions int) time.Duration {
	return time.Duration((float64(questions) - k.TokensAt(now)) / float64(k.Limit()) * float64(time.Second))
}

// sweepLocked drops what says no more than a new one would: allowances that are full, and limits that are over for long.
func (b *Budget) sweepLocked(now time.Time) {
	if b.asked++; b.asked%sweepEvery != 0 {
		return
	}
	full := func(k *rate.Limiter) bool { return k.TokensAt(now) >= float64(k.Burst()) }
	maps.DeleteFunc(b.tokens, func(_ int64, k *allowance) bool { return k.asking == 0 && len(k.waiting) == 0 && full(k.Limiter) })
	for _, all := range []map[int64]*rate.Limiter{b.lists, b.owners} {
		maps.DeleteFunc(all, func(_ int64, k *rate.Limiter) bool { return full(k) })
	}
	maps.DeleteFunc(b.limits, func(_ limitKey, l *limit) bool { return now.Sub(l.last) > longestPause })
}
