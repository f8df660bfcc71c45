// Package usage gathers what tokens are used for, and stores it.
package usage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"patgate/audit"
	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
)

// Options say where a Use stands. Store, Table, Next and Report must be given.
type Options struct {
	Store  store.Store
	Table  func() *routes.Table
	Next   audit.Sink // that events go on to
	Report func(error)
	// WithoutUnits: it is not kept what tokens do, only how often they are used and from where.
	WithoutUnits bool
	// Keep is for how many days units are kept that were not seen again; learn.DaysKept when zero.
	Keep int
}

// Use is an audit.Sink that counts, for each token, what it was seen to do and from which addresses, on its way to another sink.
// Counts are gathered in memory and stored now and then; a crash loses those of at most 15 s. A request that was allowed is one
// use, wherever it is served; one that was denied is kept apart and is not a use. A request that only report mode let through
// is a use of the token, but not of any of its permissions.
type Use struct {
	o       Options
	lost    atomic.Int64
	damaged atomic.Int64
	mu      sync.Mutex
	kept    map[int64]*store.Use // uses that could not be stored
	parts   []*gathered          // by audit.Event.Part, so that event loops do not wait for one another

	begin sync.Once
	end   sync.Once
	stop  chan struct{}
	done  sync.WaitGroup
}

// gathered holds counts that are not stored yet.
type gathered struct {
	mu      sync.Mutex
	without bool // units
	most    int  // entries of each kind
	own     map[ownUnit]*usedCount
	others  map[string]*usedCount // by what appendUnit writes
	uses    map[int64]*store.Use  // by token: these are never lost for want of room
	from    map[usedAddress]*time.Time
	lost    int64
	scratch []byte

	_ [64]byte // what another processor writes is not on the same cache line
}

// ownUnit is what most requests of a token do: what the row itself does, on its own container, and it is allowed.
type ownUnit struct {
	token     int64
	row       *routes.Route
	boundary  routes.Boundary
	container int64
}

type usedAddress struct {
	token  int64
	client netip.Addr
}

type usedCount struct {
	unit learn.Unit
	id   int64 // of the subject or token
	n    int64
	last time.Time

	client   netip.Addr // that was last counted with it: most come again from where they came
	seen     *time.Time // when, in gathered.from
	networks []netip.Prefix
}

// mostNetworks bounds the networks that are told apart of one unit between two flushes.
const mostNetworks = 8

// from notes a network that a unit was seen from.
func (c *usedCount) from(network netip.Prefix) {
	if network.IsValid() && len(c.networks) < mostNetworks && !slices.Contains(c.networks, network) {
		c.networks = append(c.networks, network)
	}
}

const (
	// flushEvery is how often counts are stored. When that takes long it is done less often, so that it takes a flushShare-th of
	// the time, but never less often than flushAtLeast: what a crash may lose.
	flushEvery   = 5 * time.Second
	flushShare   = 25
	flushAtLeast = 12 * time.Second
	// mostGathered bounds what is gathered between two flushes; beyond it new addresses and units are not counted.
	mostGathered = 100_000
)

// New makes a sink in front of another.
func New(o Options) *Use {
	if o.Keep == 0 {
		o.Keep = learn.DaysKept
	}
	u := &Use{o: o, parts: make([]*gathered, runtime.GOMAXPROCS(0)+1), stop: make(chan struct{})}
	for i := range u.parts {
		u.parts[i] = newGathered(mostGathered / len(u.parts))
		u.parts[i].without = o.WithoutUnits
	}
	return u
}

func newGathered(most int) *gathered {
	return &gathered{
		most:   most,
		own:    map[ownUnit]*usedCount{},
		others: map[string]*usedCount{},
		uses:   map[int64]*store.Use{},
		from:   map[usedAddress]*time.Time{},
	}
}

// Decision counts a token's request once the next sink has taken it.
func (u *Use) Decision(e *audit.Event) error {
	if err := u.o.Next.Decision(e); err != nil {
		return err
	}
	if e.TokenID != 0 {
		u.parts[uint(e.Part)%uint(len(u.parts))].count(e, u.o.Table)
	}
	return nil
}

// Observed counts what a credential of the forge's own did. The event has the subject's id in the place of a token's. whole is
// false when its projects and groups are not known.
func (u *Use) Observed(e *audit.Event, whole bool) {
	if u.o.WithoutUnits {
		return
	}
	g := u.parts[0]
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.countOf(e, u.o.Table, !whole)
	if c == nil {
		g.lost++
		return
	}
	c.n++
	c.last = e.Start
	c.from(learn.NetworkOf(e.Client))
}

// Lost is how many requests are counted in no unit, because there were too many units or the store did not take them.
func (u *Use) Lost() int64 { return u.lost.Load() }

// Damaged is how many kept units could not be read when more was added to them, and began anew.
func (u *Use) Damaged() int64 { return u.damaged.Load() }

// Completion passes the event on.
func (u *Use) Completion(e *audit.Event) { u.o.Next.Completion(e) }

func (g *gathered) count(e *audit.Event, table func() *routes.Table) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e.Verdict != policy.Deny {
		addUse(g.uses, &store.Use{TokenID: e.TokenID, Count: 1, Last: e.Start})
	}
	var c *usedCount
	if !g.without {
		c = g.countOf(e, table, false)
	}
	switch {
	case c != nil:
		c.n++
		c.last = e.Start
	case e.Route != nil && !g.without:
		g.lost++
	}
	switch {
	case !e.Client.IsValid() || e.Verdict == policy.Deny:
	case c != nil && c.client == e.Client:
		*c.seen = e.Start
	default:
		if c != nil {
			c.from(learn.NetworkOf(e.Client))
		}
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

// addUse adds to how often a token was used.
func addUse(uses map[int64]*store.Use, more *store.Use) {
	use := uses[more.TokenID]
	if use == nil {
		use = &store.Use{TokenID: more.TokenID}
		uses[more.TokenID] = use
	}
	use.Count += more.Count
	if use.Last.Before(more.Last) {
		use.Last = more.Last
	}
}

// countOf gives the counter for what a request did; nil when there are too many, and for what no row of the table says.
func (g *gathered) countOf(e *audit.Event, table func() *routes.Table, collapsed bool) *usedCount {
	if e.Route == nil || e.Verdict != policy.Deny && len(e.Acts) == 0 && e.Used == nil {
		return nil // nothing that a grant decides
	}
	if key, ok := ownUnitOf(e); ok && !collapsed {
		c := g.own[key]
		if c == nil && len(g.own)+len(g.others) < g.most {
			c = &usedCount{id: e.TokenID, unit: unitOf(e, table().Catalogue())}
			g.own[key] = c
		}
		return c
	}
	g.scratch = append(appendUnit(g.scratch[:0], e), flag(collapsed))
	c := g.others[string(g.scratch)]
	if c == nil && len(g.own)+len(g.others) < g.most {
		c = &usedCount{id: e.TokenID, unit: unitOf(e, table().Catalogue())}
		if collapsed {
			c.unit = c.unit.Collapse()
		}
		g.others[string(g.scratch)] = c
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
			next := time.NewTimer(flushEvery)
			defer next.Stop()
			for {
				select {
				case <-u.stop:
					return
				case <-next.C:
				}
				begun := time.Now()
				if err := u.Flush(context.Background()); err != nil {
					u.o.Report(err)
				}
				next.Reset(pause(time.Since(begun)))
			}
		})
		u.done.Go(u.forget)
	})
}

// pause is how long to gather after a flush that took some time.
func pause(flush time.Duration) time.Duration {
	return min(max(flushEvery, (flushShare-1)*flush), flushAtLeast)
}

// forgetEvery is how often what was seen too long ago is dropped.
const forgetEvery = 6 * time.Hour

// forget drops what was seen too long ago, now and then.
func (u *Use) forget() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-u.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	tick := time.NewTicker(forgetEvery)
	defer tick.Stop()
	for {
		if err := u.o.Store.ForgetSeen(ctx, learn.DayOf(time.Now())-learn.Day(u.o.Keep)+1); err != nil && ctx.Err() == nil {
			u.o.Report(err)
		}
		select {
		case <-u.stop:
			return
		case <-tick.C:
		}
	}
}

// take takes what was gathered out.
func (g *gathered) take() *gathered {
	taken := newGathered(g.most)
	g.mu.Lock()
	defer g.mu.Unlock()
	taken.own, g.own = g.own, taken.own
	taken.others, g.others = g.others, taken.others
	taken.uses, g.uses = g.uses, taken.uses
	taken.lost, g.lost = g.lost, 0
	taken.from, g.from = g.from, taken.from
	return taken
}

// add adds what another part has gathered, which is not used any more.
func (g *gathered) add(o *gathered) {
	addCounts(g.own, o.own)
	addCounts(g.others, o.others)
	g.lost += o.lost
	for _, use := range o.uses {
		addUse(g.uses, use)
	}
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
		for _, network := range c.networks {
			mine.from(network)
		}
	}
}

// Flush stores what was gathered. What could not be stored is lost: it decides nothing. The times of last use are not: they are
// stored with the next ones.
func (u *Use) Flush(ctx context.Context) error {
	all := newGathered(0)
	for _, part := range u.parts {
		all.add(part.take())
	}
	var seen []learn.Seen
	counted := func(c *usedCount) {
		seen = append(seen, learn.Seen{Subject: c.id, Unit: c.unit, Count: c.n, Last: c.last, Networks: c.networks})
	}
	for _, c := range all.own {
		counted(c)
	}
	for _, c := range all.others {
		counted(c)
	}
	var details []store.Detail
	for key, last := range all.from {
		details = append(details, store.Detail{TokenID: key.token, Address: key.client.String(), Last: *last})
	}
	// In the order of a store, so that what one transaction changes lies together.
	slices.SortFunc(seen, func(a, b learn.Seen) int { return cmp.Compare(a.Subject, b.Subject) })
	slices.SortFunc(details, func(a, b store.Detail) int { return cmp.Compare(a.TokenID, b.TokenID) })
	lost, damaged, err := u.o.Store.AddSeen(ctx, seen)
	u.lost.Add(all.lost + lost)
	if u.damaged.Add(damaged); damaged > 0 {
		err = errors.Join(err, fmt.Errorf("%w: %d of them, which begin anew", learn.ErrDamaged, damaged))
	}
	return errors.Join(u.addUses(ctx, all.uses), err, u.o.Store.AddDetails(ctx, details))
}

// addUses stores how often tokens were used. What could not be stored is kept for the next time.
func (u *Use) addUses(ctx context.Context, uses map[int64]*store.Use) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, use := range u.kept {
		addUse(uses, use)
	}
	batch := make([]store.Use, 0, len(uses))
	for _, use := range uses {
		batch = append(batch, *use)
	}
	slices.SortFunc(batch, func(a, b store.Use) int { return cmp.Compare(a.TokenID, b.TokenID) })
	if u.kept = nil; len(batch) == 0 {
		return nil
	}
	err := u.o.Store.AddUses(ctx, batch)
	if err != nil {
		u.kept = uses
	}
	return err
}

// Close stores the rest. The next sink and the store stay open.
func (u *Use) Close() error {
	u.end.Do(func() { close(u.stop) })
	u.done.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), flushEvery)
	defer cancel()
	return u.Flush(ctx)
}
