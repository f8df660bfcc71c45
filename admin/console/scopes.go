package console

import (
	"context"
	"sync"
	"time"

	"patgate/admin/console/rows"
	"patgate/admin/tokens"
)

const (
	// scopesShown is how many scopes of a token a table shows at once.
	scopesShown = 5
	// namesAsked bounds how many paths the forge is asked for one page, and namesWait for how long.
	namesAsked = 25
	namesWait  = 3 * time.Second
)

// names finds the paths of what tokens name, as the signed-in owner sees it. What the forge does not tell in time is
// shown by its id.
func (q *request) names(list []tokens.Inspected) rows.Names {
	var wanted []tokens.Place
	for i := range list {
		if list[i].Owner.UserID != q.caller.UserID() {
			continue // not this person's business
		}
		wanted = append(wanted, rows.PlacesOf(list[i].Scopes)...)
	}
	return q.paths(wanted)
}

// paths gives the paths of places, as far as whoever is signed in sees them and the forge answers in time.
func (q *request) paths(places []tokens.Place) rows.Names {
	found, wanted := rows.Names{}, []tokens.Place{}
	now := q.o.Now()
	for _, p := range places {
		if _, have := found[p]; have {
			continue
		}
		found[p] = ""
		if path, known := q.session.Known(p, now); known {
			found[p] = path
			continue
		}
		wanted = append(wanted, p)
	}
	ctx, cancel := context.WithTimeout(q.ctx(), namesWait)
	defer cancel()
	var mu sync.Mutex
	var group sync.WaitGroup
	turns := make(chan struct{}, 4)
	for _, p := range wanted[:min(len(wanted), namesAsked)] {
		group.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			path, err := q.o.Tokens.Path(ctx, q.caller, p)
			if err != nil || path == "" {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			found[p] = path
			q.session.Remember(p, path, now)
		})
	}
	group.Wait()
	return found
}

// scopes shows the scopes of a token.
func (q *request) scopes(t *tokens.Inspected, n rows.Names) []rows.Scope {
	return rows.Scopes(t, n, q.catalog.Load(q.o.Tokens.Table()), q.o.Now())
}

// instant gives a time in words.
func (q *request) instant(t time.Time) rows.Moment { return rows.At(t, q.o.Now()) }

// row shows a token.
func (q *request) row(t *tokens.Inspected, n rows.Names) rows.Token {
	return rows.Of(t, q.caller.UserID(), n, q.catalog.Load(q.o.Tokens.Table()), q.o.Now())
}
