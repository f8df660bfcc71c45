package tokens

import (
	"context"
	"net/netip"
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

	mu     sync.Mutex
	rows   map[usedRow]*usedCount
	counts map[usedSet]*usedCount
	from   map[usedAddress]*time.Time

	begin sync.Once
	end   sync.Once
	stop  chan struct{}
	done  sync.WaitGroup
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
	seen   *time.Time // when, in Use.from
}

const (
	// flushEvery is how often counts are stored.
	flushEvery = 5 * time.Second
	// mostGathered bounds what is gathered between two flushes; beyond it new addresses and permissions are not counted.
	mostGathered = 100_000
)

// NewUse makes a sink in front of another.
func NewUse(st store.Store, table func() *routes.Table, next audit.Sink, report func(error)) *Use {
	u := &Use{next: next, store: st, table: table, report: report, stop: make(chan struct{})}
	u.reset()
	return u
}

func (u *Use) reset() {
	u.rows, u.counts, u.from = map[usedRow]*usedCount{}, map[usedSet]*usedCount{}, map[usedAddress]*time.Time{}
}

// Decision counts an allowed request of a token once the next sink has taken it.
func (u *Use) Decision(e *audit.Event) error {
	if err := u.next.Decision(e); err != nil {
		return err
	}
	if e.Verdict == policy.Allow && e.TokenID != 0 {
		u.count(e)
	}
	return nil
}

// Completion passes the event on.
func (u *Use) Completion(e *audit.Event) { u.next.Completion(e) }

func (u *Use) count(e *audit.Event) {
	u.mu.Lock()
	defer u.mu.Unlock()
	c := u.countOf(e)
	if c != nil {
		c.n++
		c.last = e.Start
	}
	switch {
	case !e.Client.IsValid():
	case c != nil && c.client == e.Client:
		*c.seen = e.Start
	default:
		seen := u.seenFrom(usedAddress{e.TokenID, e.Client})
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
func (u *Use) countOf(e *audit.Event) *usedCount {
	full := len(u.rows)+len(u.counts) >= mostGathered
	switch {
	case e.Used == nil:
		return nil
	case e.Route != nil && e.Used == &e.Route.NeedSet:
		key := usedRow{e.TokenID, e.Used}
		c := u.rows[key]
		if c == nil && !full {
			c = &usedCount{}
			u.rows[key] = c
		}
		return c
	}
	key := usedSet{e.TokenID, *e.Used} // it is the request's, and will be another's
	c := u.counts[key]
	if c == nil && !full {
		c = &usedCount{}
		u.counts[key] = c
	}
	return c
}

// seenFrom gives the place for when a token was last used from an address; nil when there are too many.
func (u *Use) seenFrom(key usedAddress) *time.Time {
	seen := u.from[key]
	if seen == nil && len(u.from) < mostGathered {
		seen = new(time.Time)
		u.from[key] = seen
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

// Flush stores what was gathered. What could not be stored is lost: it decides nothing.
func (u *Use) Flush(ctx context.Context) error {
	u.mu.Lock()
	rows, counts, from := u.rows, u.counts, u.from
	u.reset()
	u.mu.Unlock()
	var details []store.Detail
	catalogue := u.table().Catalogue()
	add := func(token int64, set *routes.PermissionSet, c *usedCount) {
		for _, name := range namesOf(catalogue, set) {
			details = append(details, store.Detail{TokenID: token, Permission: name, Count: c.n, Last: c.last})
		}
	}
	for key, c := range rows {
		add(key.token, key.row, c)
	}
	for key, c := range counts {
		add(key.token, &key.set, c)
	}
	for key, last := range from {
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
