package paths

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"patgate/store"
)

const (
	// ListAge is how old a name may be in a list of many tokens.
	ListAge = 24 * time.Hour
	// asked bounds how many places the forge is asked about for one page, and wait for how long.
	asked = 25
	wait  = 3 * time.Second
	// atOnce is how many questions are put at a time.
	atOnce = 4
)

// Memory remembers for a while the forge's names of places. A session implements it.
type Memory interface {
	// Known gives what is remembered of a place, if that is not too old.
	Known(p store.Place, now time.Time) (store.Name, bool)
	// Remember keeps what the forge told about a place.
	Remember(p store.Place, n store.Name)
}

// Look puts the names of places that were not seen for longer than age into named: the names that the session remembers, and,
// within bounds, those that the forge answers to ask. A place that no longer exists is marked as gone. When the forge gives no
// answer in time, the name is left as it is.
func Look(ctx context.Context, m Memory, places []store.Place, named store.Named, age time.Duration, now time.Time,
	ask func(context.Context, store.Place) (store.Name, bool)) {
	var wanted []store.Place
	put := func(p store.Place, n store.Name) {
		if had := named[p]; n.Path == "" {
			n.Path, n.Seen = had.Path, had.Seen
			if !had.Gone.IsZero() {
				n.Gone = had.Gone
			}
		}
		named[p] = n
	}
	for _, p := range slices.Compact(slices.SortedFunc(slices.Values(places), compare)) {
		at := latest(named[p])
		if n, known := m.Known(p, now); known && latest(n).After(at) {
			put(p, n)
			at = latest(n)
		}
		if now.Sub(at) >= age {
			wanted = append(wanted, p)
		}
	}
	slices.SortStableFunc(wanted, func(a, b store.Place) int { return named[a].Seen.Compare(named[b].Seen) }) // never seen first
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	var mu sync.Mutex
	var group sync.WaitGroup
	turns := make(chan struct{}, atOnce)
	for _, p := range wanted[:min(len(wanted), asked)] {
		group.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			n, ok := ask(ctx, p)
			if !ok {
				return
			}
			m.Remember(p, n)
			mu.Lock()
			defer mu.Unlock()
			put(p, n)
		})
	}
	group.Wait()
}

// latest is when something was last said about a place.
func latest(n store.Name) time.Time {
	if n.Gone.After(n.Seen) {
		return n.Gone
	}
	return n.Seen
}

func compare(a, b store.Place) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}
