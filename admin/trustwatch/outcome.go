package trustwatch

import (
	"slices"
	"sync"
	"time"

	"patgate/trust/exchange"
)

// Outcome counts the ID tokens for a trust that had the same outcome on this node: how many there were, and when the last came.
// They share an entry, so one sender of many pushes nobody else's out.
type Outcome struct {
	Reason string // from a closed set; empty: a token was given
	Claim  string // the claim that did not match, or the rule that refused it
	Direct bool   // the ID token was the credential
	Times  int64
	Last   time.Time
	Claims string // those that matched, the last time
}

// mostOutcomes bounds the outcomes of a trust; there are fewer reasons and claims than that.
const mostOutcomes = 64

// kindOf is what like outcomes have in common.
type kindOf struct {
	reason, claim string
	direct        bool
}

// outcomes are those of each trust.
type outcomes struct {
	mu  sync.Mutex
	all map[string]map[kindOf]*Outcome
}

// add notes an event of a trust, and drops those of trusts that no longer exist.
func (o *outcomes) add(e exchange.Event, now time.Time, is func(name string) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	of := o.all[e.Trust]
	if of == nil {
		for name := range o.all {
			if !is(name) {
				delete(o.all, name)
			}
		}
		if o.all == nil {
			o.all = map[string]map[kindOf]*Outcome{}
		}
		of = map[kindOf]*Outcome{}
		o.all[e.Trust] = of
	}
	k := kindOf{e.Reason, e.Claim, e.Direct}
	if of[k] == nil {
		if len(of) >= mostOutcomes {
			return
		}
		of[k] = &Outcome{Reason: e.Reason, Claim: e.Claim, Direct: e.Direct}
	}
	of[k].Times, of[k].Last, of[k].Claims = of[k].Times+1, now, e.Claims
}

// of gives the outcomes of a trust, the latest first.
func (o *outcomes) of(name string) (all []Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, one := range o.all[name] {
		all = append(all, *one)
	}
	slices.SortFunc(all, func(a, b Outcome) int { return b.Last.Compare(a.Last) })
	return all
}
