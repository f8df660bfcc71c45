package names

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
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
	// Report is called when names could not be stored or were too many.
	Report func(error)
	Now    func() time.Time // nil is the clock
}

const (
	// flushEvery is how often names are stored.
	flushEvery = 2 * time.Second
	// again is how often it is stored that a place is still called the same.
	again = 5 * time.Minute
	// mostWaiting bounds the names that wait to be stored, and mostOfOne those that one user saw. Names beyond that are dropped,
	// and stored when they are seen once more.
	mostWaiting = 4096
	mostOfOne   = mostWaiting / 2
	// atOnce bounds the names that are stored in one transaction.
	atOnce = 200
	// nameWithin is how long the answer about a new token waits for the names of its places to be stored.
	nameWithin = 300 * time.Millisecond
	// forgetEvery is how often names of places are dropped that no token names any more, and forgetAfter how long after they
	// were last seen: as long as an edit can be undone.
	forgetEvery = 24 * time.Hour
	forgetAfter = store.UndoWithin
	// fillPause lies between the transactions that note what older tokens name, and fillAgain is when that is tried again.
	fillPause = 200 * time.Millisecond
	fillAgain = time.Minute
	// closeWithin bounds Close.
	closeWithin = 5 * time.Second
)

// Keeper stores what the forge says about places while requests are served, in the background and within bounded memory. It is
// safe for concurrent use.
type Keeper struct {
	o    Options
	seed maphash.Seed

	mu      sync.Mutex
	known   memory
	waiting map[eyed]store.Sighting
	waits   map[int64]int // how many of them a user saw
	lost    int
	told    chan struct{} // closed when what waits now was tried to be stored

	flushing sync.Mutex
	begin    sync.Once
	ctx      context.Context
	stop     context.CancelFunc
	wake     chan struct{}
	running  sync.WaitGroup
}

// eyed is a place as a user of the forge sees it.
type eyed struct {
	userID int64
	place  store.Place
}

// NewKeeper makes a keeper.
func NewKeeper(o Options) *Keeper {
	if o.Now == nil {
		o.Now = time.Now
	}
	k := &Keeper{o: o, seed: maphash.MakeSeed(), known: memory{of: map[int64]map[store.Place]last{}},
		waiting: map[eyed]store.Sighting{}, waits: map[int64]int{}, told: make(chan struct{}), wake: make(chan struct{}, 1)}
	k.ctx, k.stop = context.WithCancel(context.Background())
	return k
}

// Saw notes what the forge has just told a user: the container that a reference names, or that it does not exist. It does not
// wait.
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
	now, hash := k.o.Now(), maphash.String(k.seed, path)
	k.mu.Lock()
	defer k.mu.Unlock()
	if was, ok := k.known.of[userID][p]; ok && was.path == hash && now.Sub(was.at) < again {
		return
	}
	k.put(store.Sighting{UserID: userID, Place: p, Path: path, At: now}, hash)
}

// put has a name wait to be stored, unless too many do or a newer one does. The caller holds mu.
func (k *Keeper) put(s store.Sighting, hash uint64) {
	key := eyed{s.UserID, s.Place}
	was, there := k.waiting[key]
	switch {
	case there && was.At.After(s.At):
		return
	case there:
	case len(k.waiting) >= mostWaiting || k.waits[s.UserID] >= mostOfOne:
		k.lost++
		k.known.drop(s.UserID, s.Place)
		return
	default:
		k.waits[s.UserID]++
	}
	k.known.put(s.UserID, s.Place, last{hash, s.At})
	k.waiting[key] = s
}

// Keep is the Keep of a gateway. It waits a moment for the names to be stored, so that the token is found by them once the answer
// is there. When the store is slow, it leaves them to the background.
func (k *Keeper) Keep(_ context.Context, seen []store.Sighting) error {
	k.mu.Lock()
	for i := range seen {
		k.put(seen[i], maphash.String(k.seed, seen[i].Path))
	}
	told := k.told
	k.mu.Unlock()
	select {
	case k.wake <- struct{}{}:
	default: // it is awake
	}
	patience := time.NewTimer(nameWithin)
	defer patience.Stop()
	select {
	case <-told:
	case <-k.ctx.Done():
	case <-patience.C:
	}
	return nil
}

// Start begins to store in the background, until Close.
func (k *Keeper) Start() {
	k.begin.Do(func() {
		k.running.Go(k.run)
		k.running.Go(k.fill)
	})
}

// fill notes what tokens name that were there before it was noted.
func (k *Keeper) fill() {
	for {
		err := store.FillPlaces(k.ctx, k.o.Store, fillPause)
		if err == nil || k.ctx.Err() != nil {
			return
		}
		k.o.Report(err)
		select {
		case <-k.ctx.Done():
			return
		case <-time.After(fillAgain):
		}
	}
}

func (k *Keeper) run() {
	flush, forget := time.NewTicker(flushEvery), time.NewTicker(forgetEvery)
	defer flush.Stop()
	defer forget.Stop()
	err := k.o.Store.ForgetPlaces(k.ctx, k.o.Now().Add(-forgetAfter))
	for {
		if err != nil && k.ctx.Err() == nil {
			k.o.Report(err)
		}
		select {
		case <-k.ctx.Done():
			return
		case <-flush.C:
			err = k.Flush(k.ctx)
		case <-k.wake:
			err = k.Flush(k.ctx)
		case <-forget.C:
			err = k.o.Store.ForgetPlaces(k.ctx, k.o.Now().Add(-forgetAfter))
		}
	}
}

// Flush stores what waits, until something cannot be stored: that and the rest wait for the next time.
func (k *Keeper) Flush(ctx context.Context) error {
	k.flushing.Lock()
	defer k.flushing.Unlock()
	k.mu.Lock()
	all := make([]store.Sighting, 0, len(k.waiting))
	for _, s := range k.waiting {
		all = append(all, s)
	}
	clear(k.waiting)
	clear(k.waits)
	lost, told := k.lost, k.told
	k.lost, k.told = 0, make(chan struct{})
	k.mu.Unlock()
	defer close(told)
	var err error
	if lost > 0 {
		err = fmt.Errorf("names of projects and groups came faster than they could be stored: %d dropped", lost)
	}
	for len(all) > 0 {
		some := all[:min(len(all), atOnce)]
		late, failed := k.o.Store.SeePlaces(ctx, k.o.Origin, some)
		if failed != nil {
			k.back(all)
			return errors.Join(err, failed)
		}
		k.forget(some, late)
		all = all[len(some):]
	}
	return err
}

// back has what was not stored wait again, unless newer things do.
func (k *Keeper) back(all []store.Sighting) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range all {
		k.put(s, maphash.String(k.seed, s.Path))
	}
}

// forget has noted once more, when it is seen again, where another node stored something else that it saw later.
func (k *Keeper) forget(some []store.Sighting, late []int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, i := range late {
		k.known.drop(some[i].UserID, some[i].Place)
	}
}

// Close ends what Start began and stores what waits, for no more than 5 s in all.
func (k *Keeper) Close() error {
	k.stop()
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		k.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return k.Flush(ctx)
	case <-ctx.Done():
		return fmt.Errorf("storing the names of places: %w", ctx.Err())
	}
}
