// Package usage gathers what tokens are used for, and stores it.
package usage

import (
	"context"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"patgate/audit"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
)

// Use is an audit.Sink that counts, for each token, which permissions were used and from which addresses, on its way to
// another sink. Counts are gathered in memory and stored now and then; a crash loses those of a few seconds.
type Use struct {
	next   audit.Sink
	store  store.Store
	table  func() *routes.Table
	report func(error)
	parts  []*gathered // by audit.Event.Part, so that event loops do not wait for one another

	begin sync.Once
	end   sync.Once
	stop  chan struct{}
	done  sync.WaitGroup
}

// gathered is what is not stored yet.
type gathered struct {
	mu     sync.Mutex
	most   int // entries of each kind
	rows   map[usedRow]*usedCount
	counts map[usedSet]*usedCount
	from   map[usedAddress]*time.Time

	_ [64]byte // what another processor writes is not on the same cache line
}

// usedRow is what most requests of a token needed: a row's own permissions, by their address.
type usedRow struct {
	token int64
	row   *routes.PermissionSet
}

// usedSet is what the others needed.
type usedSet struct {
	token int64
	set   routes.PermissionSet
}

type usedAddress struct {
	token  int64
	client netip.Addr
}

type usedCount struct {
	n    int64
	last time.Time

	client netip.Addr // that was last counted with it: most come again from where they came
	seen   *time.Time // when, in gathered.from
}

const (
	// flushEvery is how often counts are stored.
	flushEvery = 5 * time.Second
	// mostGathered bounds what is gathered between two flushes; beyond it new addresses and permissions are not counted.
	mostGathered = 100_000
)

// New makes a sink in front of another.
func New(st store.Store, table func() *routes.Table, next audit.Sink, report func(error)) *Use {
	u := &Use{
		next:   next,
		store:  st,
		table:  table,
		report: report,
		parts:  make([]*gathered, runtime.GOMAXPROCS(0)+1),
		stop:   make(chan struct{}),
	}
	for i := range u.parts {
		u.parts[i] = newGathered(mostGathered / len(u.parts))
	}
	return u
}

func newGathered(most int) *gathered {
	return &gathered{
		most:   most,
		rows:   map[usedRow]*usedCount{},
		counts: map[usedSet]*usedCount{},
		from:   map[usedAddress]*time.Time{},
	}
}

// Decision counts an allowed request of a token once the next sink has taken it.
func (u *Use) Decision(e *audit.Event) error {
	if err := u.next.Decision(e); err != nil {
		return err
	}
	if e.Verdict == policy.Allow && e.TokenID != 0 {
		u.parts[uint(e.Part)%uint(len(u.parts))].count(e)
	}
	return nil
}

// Completion passes the event on.
func (u *Use) Completion(e *audit.Event) { u.next.Completion(e) }

func (g *gathered) count(e *audit.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.countOf(e)
	if c != nil {
		c.n++
		c.last = e.Start
	}
	switch {
	case !e.Client.IsValid():
	case c != nil && c.client == e.Client:
		*c.seen = e.Start
	default:
		seen := g.seenFrom(usedAddress{e.TokenID, e.Client})
		if seen == nil {
			return
		}
		*seen = e.Start
		if c != nil {
			c.client, c.seen = e.Client, seen
		}
	}
}

// countOf gives the counter for what a request needed; nil when that was nothing, or there are too many.
func (g *gathered) countOf(e *audit.Event) *usedCount {
	full := len(g.rows)+len(g.counts) >= g.most
	switch {
	case e.Used == nil:
		return nil
	case e.Route != nil && e.Used == &e.Route.NeedSet:
		key := usedRow{e.TokenID, e.Used}
		c := g.rows[key]
		if c == nil && !full {
			c = &usedCount{}
			g.rows[key] = c
		}
		return c
	}
	key := usedSet{e.TokenID, *e.Used} // it is the request's, and will be another's
	c := g.counts[key]
	if c == nil && !full {
		c = &usedCount{}
		g.counts[key] = c
	}
	return c
}

// seenFrom gives the place for when a token was last used from an address; nil when there are too many.
func (g *gathered) seenFrom(key usedAddress) *time.Time {
	seen := g.from[key]
	if seen == nil && len(g.from) < g.most {
		seen = new(time.Time)
		g.from[key] = seen
	}
	return seen
}

// Start begins to store what is gathered.
func (u *Use) Start() {
	u.begin.Do(func() {
		u.done.Go(func() {
			tick := time.NewTicker(flushEvery)
			defer tick.Stop()
			for {
				select {
				case <-u.stop:
					return
				case <-tick.C:
				}
				if err := u.Flush(context.Background()); err != nil {
					u.report(err)
				}
			}
		})
	})
}

// take takes what was gathered out.
func (g *gathered) take() *gathered {
	taken := newGathered(g.most)
	g.mu.Lock()
	defer g.mu.Unlock()
	taken.rows, g.rows = g.rows, taken.rows
	taken.counts, g.counts = g.counts, taken.counts
	taken.from, g.from = g.from, taken.from
	return taken
}

// add adds what another part has gathered, which is not used any more.
func (g *gathered) add(o *gathered) {
	addCounts(g.rows, o.rows)
	addCounts(g.counts, o.counts)
	for key, seen := range o.from {
		if mine := g.from[key]; mine == nil || mine.Before(*seen) {
			g.from[key] = seen
		}
	}
}

func addCounts[K comparable](to, from map[K]*usedCount) {
	for key, c := range from {
		mine := to[key]
		if mine == nil {
			to[key] = c
			continue
		}
		mine.n += c.n
		if mine.last.Before(c.last) {
			mine.last = c.last
		}
	}
}

// Flush stores what was gathered. What could not be stored is lost: it decides nothing.
func (u *Use) Flush(ctx context.Context) error {
	all := newGathered(0)
	for _, part := range u.parts {
		all.add(part.take())
	}
	var details []store.Detail
	catalogue := u.table().Catalogue()
	add := func(token int64, set *routes.PermissionSet, c *usedCount) {
		for _, name := range catalogue.NamesOf(set) {
			details = append(details, store.Detail{TokenID: token, Permission: name, Count: c.n, Last: c.last})
		}
	}
	for key, c := range all.rows {
		add(key.token, key.row, c)
	}
	for key, c := range all.counts {
		add(key.token, &key.set, c)
	}
	for key, last := range all.from {
		details = append(details, store.Detail{TokenID: key.token, Address: key.client.String(), Last: *last})
	}
	return u.store.AddDetails(ctx, details)
}

// Close stores the rest. The next sink and the store stay open.
func (u *Use) Close() error {
	u.end.Do(func() { close(u.stop) })
	u.done.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), flushEvery)
	defer cancel()
	return u.Flush(ctx)
}
