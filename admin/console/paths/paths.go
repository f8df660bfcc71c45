package paths

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"patgate/admin/console/session"
	"patgate/admin/names"
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

// Look puts the names of places that were not seen for longer than age into named: those that the session remembers, and, within
// bounds, what the forge answers to ask. A place that is not there, or not told of in time, is left as it is.
func Look(ctx context.Context, s *session.Session, places []store.Place, named store.Named, age time.Duration, now time.Time,
	ask func(context.Context, store.Place) string) {
	var wanted []store.Place
	for _, p := range slices.Compact(slices.SortedFunc(slices.Values(places), compare)) {
		if n, known := s.Known(p, now); known && n.Seen.After(named[p].Seen) && n.Seen.After(named[p].Gone) {
			named[p] = n
		}
		if n := named[p]; now.Sub(n.Seen) >= age && now.Sub(n.Gone) >= age {
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
			path := ask(ctx, p)
			if path == "" {
				return
			}
			n := store.Name{Path: names.Clean(path), Seen: now}
			s.Remember(p, n)
			mu.Lock()
			defer mu.Unlock()
			named[p] = n
		})
	}
	group.Wait()
}

func compare(a, b store.Place) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}
