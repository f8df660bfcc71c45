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
	counts map[usedSet]*usedCount
	from   map[usedAddress]time.Time

	begin sync.Once
	end   sync.Once
	stop  chan struct{}
	done  sync.WaitGroup
}

// usedSet is what a token's requests needed: a row's own permissions, by their address, or any others by themselves.
type usedSet struct {
	token int64
	row   *routes.PermissionSet
	other routes.PermissionSet
}

type usedAddress struct {
	token  int64
	client netip.Addr
}

type usedCount struct {
	n    int64
	last time.Time
}

const (
	// flushEvery is how often counts are stored.
	flushEvery = 5 * time.Second
	// mostGathered bounds what is gathered between two flushes; beyond it new addresses and permissions are not counted.
	mostGathered = 100_000
)

// NewUse makes a sink in front of another.
func NewUse(st store.Store, table func() *routes.Table, next audit.Sink, report func(error)) *Use {
	return &Use{next: next, store: st, table: table, report: report, counts: map[usedSet]*usedCount{}, from: map[usedAddress]time.Time{}, stop: make(chan struct{})}
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
	if e.Used != nil {
		key := usedSet{token: e.TokenID, row: e.Used}
		if e.Route == nil || e.Used != &e.Route.NeedSet { // it is the request's, and will be another's
			key = usedSet{token: e.TokenID, other: *e.Used}
		}
		c := u.counts[key]
		if c == nil && len(u.counts) < mostGathered {
			c = &usedCount{}
			u.counts[key] = c
		}
		if c != nil {
			c.n++
			c.last = e.Start
		}
	}
	if e.Client.IsValid() {
		key := usedAddress{e.TokenID, e.Client}
		if _, known := u.from[key]; known || len(u.from) < mostGathered {
			u.from[key] = e.Start
		}
	}
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
	counts, from := u.counts, u.from
	u.counts, u.from = map[usedSet]*usedCount{}, map[usedAddress]time.Time{}
	u.mu.Unlock()
	var details []store.Detail
	catalogue := u.table().Catalogue()
	for key, c := range counts {
		set := key.row
		if set == nil {
			set = &key.other
		}
		for _, name := range namesOf(catalogue, set) {
			details = append(details, store.Detail{TokenID: key.token, Permission: name, Count: c.n, Last: c.last})
		}
	}
	for key, last := range from {
		details = append(details, store.Detail{TokenID: key.token, Address: key.client.String(), Last: last})
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
