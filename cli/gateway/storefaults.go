package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"patgate/cli/gateway/logs"
	"patgate/store"
)

// storeFaults are the faults that a store notices by itself, by what metrics and log call them.
func storeFaults() map[string]error {
	return map[string]error{"moved": store.ErrMoved, "clock": store.ErrClock, "unreachable": store.ErrUnreachable,
		"full": store.ErrNoRoom, "damaged": store.ErrDamaged}
}

// faultsOf tells what is wrong with the store's place now, by name.
func (g *gateway) faultsOf() map[string]error {
	found := map[string]error{}
	if until, err := g.sessions.Lost(); err != nil {
		if g.config.Store.Grace > 0 {
			err = fmt.Errorf("%w; tokens that were in use pass until %s (store.grace)", err, until.UTC().Format(time.RFC3339))
		}
		found["unreachable"] = err
	}
	faulty, ok := g.store.(store.Faulty)
	if !ok {
		return found
	}
	for _, err := range faulty.Faults() {
		for name, kind := range storeFaults() {
			if errors.Is(err, kind) {
				found[name] = err
			}
		}
	}
	return found
}

// storeReady tells, by an error, that the store cannot be relied upon now.
func (g *gateway) storeReady(ctx context.Context) error {
	if err := g.sessions.Sync(ctx); err != nil {
		return err
	}
	found := g.faultsOf()
	delete(found, "full") // tokens work, and whoever would be sent elsewhere finds the same store there
	if errors.Is(found["damaged"], store.ErrPartly) {
		delete(found, "damaged") // likewise
	}
	return errors.Join(slices.Collect(maps.Values(found))...)
}

// storeLimited tells, by an error, that nothing can be stored, or that something else is damaged, although tokens work.
func (g *gateway) storeLimited() error {
	found := g.faultsOf()
	if err := found["damaged"]; err != nil {
		return fmt.Errorf("%w; tokens work", err)
	}
	err := found["full"]
	if err == nil {
		return nil
	}
	if kept, wanted := g.reserve(); wanted > 0 {
		return fmt.Errorf("%w; tokens work, but nothing is stored except what revokes, pauses or narrows: %d KiB are kept for it",
			err, kept>>10)
	}
	return fmt.Errorf("%w; tokens work, but nothing is stored, revocations neither", err)
}

// reserve tells how many bytes of room the store keeps for revocations, and how many it should.
func (g *gateway) reserve() (kept, wanted int64) {
	if saving, ok := g.store.(store.Saving); ok {
		return saving.Reserve()
	}
	return 0, 0
}

// reserveMetrics tell of the room that is kept for revocations.
func reserveMetrics(g *gateway) []prometheus.Collector {
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "patgate_store_reserve_bytes",
			Help: "Room that is kept beside a SQLite store, so that tokens can be revoked, paused and narrowed on a full disk."},
			func() float64 { kept, _ := g.reserve(); return float64(kept) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "patgate_store_reserve_wanted_bytes",
			Help: "How much room is to be kept; 0 with PostgreSQL, and where the file system cannot keep any."},
			func() float64 { _, wanted := g.reserve(); return float64(wanted) }),
	}
}

// storeGraced tells that tokens pass for a while although the store is lost.
func (g *gateway) storeGraced() bool {
	until, lost := g.sessions.Lost()
	return lost != nil && time.Now().Before(until)
}

// storeLooked is how often the store is asked for its faults, storeRetried how often a full one is tried, and storeTried how long
// that may take.
const (
	storeLooked  = 250 * time.Millisecond
	storeRetried = 3 * time.Second
	storeTried   = 2 * time.Second
)

// watchStore logs when a fault of the store's begins, once a minute while it goes on, and its end. It tries whether a full store
// has room again.
func (g *gateway) watchStore(ctx context.Context) {
	logged := map[string]*logs.Seldom{}
	tried := time.Now()
	tick := time.NewTicker(storeLooked)
	defer tick.Stop()
	for {
		found := g.faultsOf()
		g.faults.Store(&found)
		for name, err := range found {
			if logged[name] == nil {
				logged[name] = new(logs.Seldom)
			}
			if logged[name].Says(name) {
				g.logs.Error("fault of the store", zap.String("fault", name), zap.Error(err))
			}
		}
		if found["full"] != nil && time.Since(tried) >= storeRetried {
			g.retryStore(ctx)
			tried = time.Now()
		}
		for name := range logged {
			if found[name] == nil {
				delete(logged, name)
				g.logs.Info("the store's fault is over", zap.String("fault", name))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// storeInspected is how often a part of the store is read in search of damage until all of it has been, and storeInspectedAgain
// when that begins anew.
const (
	storeInspected      = 500 * time.Millisecond
	storeInspectedAgain = time.Hour
)

// inspectStore has the store find damage in itself, from the start on. What is met otherwise has it look again at once.
func (g *gateway) inspectStore(ctx context.Context) {
	inspected, ok := g.store.(store.Inspected)
	if !ok {
		return
	}
	next := time.Now()
	tick := time.NewTicker(storeInspected)
	defer tick.Stop()
	for {
		if inspected.Doubtful() || !time.Now().Before(next) {
			if inspected.Inspect(ctx) {
				next = time.Now().Add(storeInspectedAgain)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// retryStore has the store find out whether it has room again.
func (g *gateway) retryStore(ctx context.Context) {
	faulty, ok := g.store.(store.Faulty)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, storeTried)
	defer cancel()
	faulty.Retry(ctx)
}

// reportStore gives what logs that the store failed, once a minute while it fails in the same way. What watchStore says is not
// said twice.
func (g *gateway) reportStore() func(error) {
	var logged logs.Seldom
	return func(err error) {
		if said := g.faults.Load(); said != nil {
			for name := range *said {
				if errors.Is(err, storeFaults()[name]) {
					return
				}
			}
		}
		if logged.Says(err.Error()) {
			g.logs.Error("store", zap.Error(err))
		}
	}
}

// storeFaultMetrics tell which faults the store has.
func storeFaultMetrics(g *gateway) (all []prometheus.Collector) {
	for name := range storeFaults() {
		all = append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "patgate_store_fault",
			Help: "1 while this is wrong with the place where the store is: moved, its file was removed or replaced; " +
				"clock, its server's clock is more than 2 s from this machine's; " +
				"unreachable, its server does not answer or takes nothing; damaged, pages of it cannot be read; " +
				"full, there is no room left: tokens work, and nothing is stored but, with SQLite, what revokes, pauses or narrows them.",
			ConstLabels: prometheus.Labels{"fault": name}}, func() float64 {
			if g.faultsOf()[name] != nil {
				return 1
			}
			return 0
		}))
	}
	return all
}
