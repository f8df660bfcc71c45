package names

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"

	"patgate/policy"
	"patgate/routes"
	"patgate/store"
)

// Options say where a Keeper stands. Store, Origin and Report are required.
type Options struct {
	Store  store.Names
	Origin string // the forge's address
	// Report is told of names that could not be stored or were too many.
	Report func(error)
	Now    func() time.Time // nil is the clock
}

const (
	// flushEvery is how often names are stored.
	flushEvery = 2 * time.Second
	// again is how often it is stored that a place is still called the same.
	again = time.Hour
	// mostWaiting bounds the names that wait to be stored. Beyond it they are dropped, and stored when they are seen once more.
	mostWaiting = 4096
	// mostKnown bounds of how many places it is remembered what was stored last. Beyond it all are stored anew.
	mostKnown = 65_536
	// atOnce bounds the names that are stored in one transaction.
	atOnce = 200
	// forgetEvery is how often the names of what no token names any more are dropped, and forgetAfter how long after they were last
	// seen: as long as an edit can be undone.
	forgetEvery = 24 * time.Hour
	forgetAfter = store.UndoWithin
)

// Keeper stores what the forge says of places while requests are served, in the background and within bounded memory. It is safe
// for concurrent use.
type Keeper struct {
	o    Options
	seed maphash.Seed

	mu      sync.Mutex
	known   map[eyed]last
	waiting map[eyed]store.Sighting
	lost    int

	flushing sync.Mutex
	begin    sync.Once
	stop     chan struct{}
	end      sync.Once
	running  sync.WaitGroup
}

// eyed is a place as a user of the forge sees it.
type eyed struct {
	userID int64
	place  store.Place
}

// last is what was last seen of a place.
type last struct {
	path uint64 // a hash
	at   time.Time
}

// NewKeeper makes a keeper.
func NewKeeper(o Options) *Keeper {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Keeper{o: o, seed: maphash.MakeSeed(), known: map[eyed]last{}, waiting: map[eyed]store.Sighting{},
		stop: make(chan struct{})}
}

// Saw is told what the forge has just said to a user: the container that a reference names, or that there is none. It waits for
// nothing.
func (k *Keeper) Saw(userID int64, ref routes.Reference, c policy.Container) {
	if userID <= 0 {
		return
	}
	p, found := placeOf(&c)
	switch {
	case found && c.Access == policy.OwnerNone:
		return
	case found && c.Path != "":
		k.note(userID, p, Clean(c.Path))
		// The answer about a container says whose it is, so the group right above is called by the rest of its path.
		if above := strings.LastIndexByte(c.Path, '/'); above > 0 && len(c.Ancestors) > 0 {
			k.note(userID, store.Place{Kind: routes.RefGroup, ID: c.Ancestors[0]}, Clean(c.Path[:above]))
		}
	case c.Boundary == routes.BoundaryNone && ref.ID > 0 && (ref.Kind == routes.RefProject || ref.Kind == routes.RefGroup):
		k.note(userID, store.Place{Kind: ref.Kind, ID: ref.ID}, "")
	}
}

// note has a name stored, unless it was stored lately.
func (k *Keeper) note(userID int64, p store.Place, path string) {
	key, now, hash := eyed{userID, p}, k.o.Now(), maphash.String(k.seed, path)
	k.mu.Lock()
	defer k.mu.Unlock()
	if was, ok := k.known[key]; ok && was.path == hash && now.Sub(was.at) < again {
		return
	}
	if _, waits := k.waiting[key]; !waits && len(k.waiting) >= mostWaiting {
		k.lost++
		return
	}
	if len(k.known) >= mostKnown {
		clear(k.known)
	}
	k.known[key] = last{hash, now}
	k.waiting[key] = store.Sighting{UserID: userID, Place: p, Path: path, At: now}
}

// Start begins to store in the background, until Close.
func (k *Keeper) Start() {
	k.begin.Do(func() { k.running.Go(k.run) })
}

func (k *Keeper) run() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	flush, forget := time.NewTicker(flushEvery), time.NewTicker(forgetEvery)
	defer flush.Stop()
	defer forget.Stop()
	err := k.o.Store.ForgetPlaces(ctx, k.o.Now().Add(-forgetAfter))
	for {
		if err != nil {
			k.o.Report(err)
		}
		select {
		case <-k.stop:
			return
		case <-flush.C:
			err = k.Flush(ctx)
		case <-forget.C:
			err = k.o.Store.ForgetPlaces(ctx, k.o.Now().Add(-forgetAfter))
		}
	}
}

// Flush stores what waits. What cannot be stored is dropped, and stored when it is seen once more.
func (k *Keeper) Flush(ctx context.Context) error {
	k.flushing.Lock()
	defer k.flushing.Unlock()
	k.mu.Lock()
	all := make([]store.Sighting, 0, len(k.waiting))
	for _, s := range k.waiting {
		all = append(all, s)
	}
	clear(k.waiting)
	lost := k.lost
	k.lost = 0
	k.mu.Unlock()
	var failed []error
	if lost > 0 {
		failed = append(failed, fmt.Errorf("%d names of projects and groups came faster than they are stored, and were dropped", lost))
	}
	for some := range slices.Chunk(all, atOnce) {
		if err := k.o.Store.SeePlaces(ctx, k.o.Origin, some); err != nil {
			failed = append(failed, err)
			k.forget(some)
		}
	}
	return errors.Join(failed...)
}

// forget has what could not be stored noted when it comes again.
func (k *Keeper) forget(some []store.Sighting) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range some {
		delete(k.known, eyed{some[i].UserID, some[i].Place})
	}
}

// closeWithin bounds the last Flush.
const closeWithin = 5 * time.Second

// Close ends what Start began and stores what waits.
func (k *Keeper) Close() error {
	k.end.Do(func() { close(k.stop) })
	k.running.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	return k.Flush(ctx)
}
