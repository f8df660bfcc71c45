package forge

import (
	"time"

	"golang.org/x/time/rate"
)

// allotment is what this node may ask of one limit.
type allotment struct {
	rate  rate.Limit
	burst int
}

// allot gives each of so many nodes the same part of a limit, and one question at once at least.
func allot(perSecond float64, burst, nodes int) allotment {
	return allotment{rate.Limit(perSecond / float64(nodes)), max(1, burst/nodes)}
}

// limiter makes a limiter, which is full.
func (a allotment) limiter() *rate.Limiter { return rate.NewLimiter(a.rate, a.burst) }

// adjust has a limiter go on with this allotment. What it holds beyond that is lost.
func (a allotment) adjust(l *rate.Limiter, now time.Time) {
	l.SetLimitAt(now, a.rate)
	l.SetBurstAt(now, a.burst)
}

// allotments are those of all limits of a budget, as of so many nodes.
type allotments struct {
	nodes              int
	token, list, owner allotment
}

// allotments shares the limits among so many nodes.
func (o *BudgetOptions) allotments(nodes int) allotments {
	return allotments{nodes: nodes, token: allot(o.TokenRate, o.TokenBurst, nodes),
		list: allot(o.OwnerRate/listShare, o.OwnerBurst/listShare, nodes), owner: allot(o.OwnerRate, o.OwnerBurst, nodes)}
}

// lock locks the budget, and has it go on with what this node may ask now. It gives the time.
func (b *Budget) lock() time.Time {
	b.mu.Lock()
	now := b.options.Now()
	nodes := b.options.Fleet.Nodes()
	if nodes == b.allotted.nodes {
		return now
	}
	b.allotted = b.options.allotments(nodes)
	for _, k := range b.tokens {
		b.allotted.token.adjust(k.Limiter, now)
	}
	for _, k := range b.lists {
		b.allotted.list.adjust(k, now)
	}
	for _, k := range b.owners {
		b.allotted.owner.adjust(k, now)
	}
	return now
}
