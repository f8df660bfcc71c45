package marks

import (
	"context"
	"sync"
	"time"

	"patgate/routes"
	"patgate/store"
)

const (
	// again is how old a judgement of what a token uses may be.
	again = 24 * time.Hour
	// pieces is how many tokens are judged at once.
	pieces = 100
	// pauses is how many times as long as it worked a keeper rests.
	pauses = 19
	// lookEvery is how often a keeper looks for what was changed, dueEvery how often for what has grown old.
	lookEvery = 5 * time.Second
	dueEvery  = time.Hour
)

// Keeper keeps what is to be said of tokens up to date. It is safe for concurrent use.
type Keeper struct {
	store store.Store
	table func() *routes.Table
	now   func() time.Time

	mu    sync.Mutex
	judge *Judge
}

// NewKeeper makes a keeper. Without a table it judges nothing.
func NewKeeper(st store.Store, table func() *routes.Table, now func() time.Time) *Keeper {
	return &Keeper{store: st, table: table, now: now}
}

// Judge gives the judge of the present table.
func (k *Keeper) Judge() *Judge {
	t := k.table()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.judge == nil || k.judge.table != t {
		k.judge = NewJudge(t)
	}
	return k.judge
}

// Changed judges some of the tokens that were changed, or first used, since they were judged. more: there are others.
func (k *Keeper) Changed(ctx context.Context) (more bool, err error) {
	if k.table == nil {
		return false, nil
	}
	list, err := k.store.Due(ctx, store.Due{}, pieces)
	if err != nil || len(list) == 0 {
		return false, err
	}
	return len(list) == pieces, k.Keep(ctx, list)
}

// Keep judges tokens and keeps it.
func (k *Keeper) Keep(ctx context.Context, list []store.Listed) error {
	now, j := k.now(), k.Judge()
	kept, err := k.store.ObservingSince(ctx, now)
	if err != nil {
		return err
	}
	all := make([]store.Judgement, 0, len(list))
	for i := range list {
		l := &list[i]
		made, err := j.judge(l, func() ([]store.PermissionUse, error) { return k.store.PermissionUses(ctx, l.ID) }, kept, now)
		if err != nil {
			return err
		}
		all = append(all, made)
	}
	return k.store.Judge(ctx, all)
}

// Watch keeps everything up to date until the context is done. It rests most of the time, so that it never takes more than a
// twentieth of a processor.
func (k *Keeper) Watch(ctx context.Context, report func(error)) {
	var by *Judge
	looked := k.now()
	for {
		var err error
		switch j := k.Judge(); {
		case by == nil || by.under != j.under:
			if err = k.walk(ctx, store.Due{Under: j.under}); err == nil {
				by = j
			}
		case k.now().Sub(looked) >= dueEvery:
			looked = k.now()
			err = k.due(ctx)
		default:
			err = k.walk(ctx, store.Due{})
		}
		if err != nil && ctx.Err() == nil {
			report(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookEvery):
		}
	}
}

// due judges the tokens anew of which it should be known again what they use.
func (k *Keeper) due(ctx context.Context) error {
	now := k.now()
	kept, err := k.store.ObservingSince(ctx, now)
	if err != nil || kept.IsZero() {
		return err
	}
	return k.walk(ctx, store.Due{UnusedBy: now.Add(again), JudgedBefore: now.Add(-again), Now: now})
}

// walk judges all tokens that are due, in pieces.
func (k *Keeper) walk(ctx context.Context, d store.Due) error {
	for {
		began := time.Now()
		list, err := k.store.Due(ctx, d, pieces)
		if err == nil && len(list) > 0 {
			err = k.Keep(ctx, list)
		}
		if err != nil || len(list) < pieces {
			return err
		}
		d.After = list[len(list)-1].ID
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pauses * time.Since(began)):
		}
	}
}
