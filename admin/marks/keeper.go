package marks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"patgate/routes"
	"patgate/store"
)

const (
	// again is how old a judgement may be that depends on a token's uses.
	again = 24 * time.Hour
	// pieces is how many tokens are judged at once.
	pieces = 100
	// A keeper rests pauses times as long as it worked or waited, and longestRest at most.
	pauses      = 49
	longestRest = 5 * time.Second
	// lookEvery is how often a keeper looks for what was changed, dueEvery how often for what has grown old.
	lookEvery = 5 * time.Second
	dueEvery  = time.Hour
	usedEvery = time.Minute // for first uses
	// fillPauses is pauses while room is made for tokens that were there before.
	fillPauses = 3
)

// Keeper keeps the marks of tokens up to date. It is safe for concurrent use.
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

// Judge gives the judge of the present table, if there is one.
func (k *Keeper) Judge() *Judge {
	var t *routes.Table
	if k.table != nil {
		t = k.table()
	}
	if t == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.judge == nil || k.judge.table != t {
		k.judge = NewJudge(t)
	}
	return k.judge
}

// Radius measures the blast radius of a token; nil where it is not known what permissions weigh.
func (k *Keeper) Radius(l *store.Listed) *Radius {
	judge := k.Judge()
	if judge == nil {
		return nil
	}
	radius := judge.Of(l)
	return &radius
}

// Changed judges some of the tokens that were changed since they were judged, the newest first. more: there are others.
func (k *Keeper) Changed(ctx context.Context) (more bool, err error) {
	if k.Judge() == nil {
		return false, nil
	}
	list, next, err := k.store.Due(ctx, store.Due{}, pieces)
	if err != nil || len(list) == 0 {
		return next != 0, err
	}
	return next != 0, k.Keep(ctx, list)
}

// Made judges a token that was made or changed just now, so that lists have it at once. What goes wrong with it is done later.
func (k *Keeper) Made(ctx context.Context, id int64) {
	if k.Judge() == nil {
		return
	}
	if l, err := k.store.Token(ctx, id); err == nil {
		_ = k.Keep(ctx, []store.Listed{l})
	}
}

// Keep judges tokens and keeps it.
func (k *Keeper) Keep(ctx context.Context, list []store.Listed) error {
	now, j := k.now(), k.Judge()
	kept, err := k.store.ObservingSince(ctx, now)
	if err != nil || j == nil {
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
// fiftieth of a processor, but while room is made.
func (k *Keeper) Watch(ctx context.Context, report func(error)) {
	var last turns
	for {
		if err := k.once(ctx, &last); err != nil && ctx.Err() == nil {
			report(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookEvery):
		}
	}
}

// Once does all at once that Watch does in its time.
func (k *Keeper) Once(ctx context.Context) error { return k.once(ctx, &turns{}) }

// turns is when a keeper last looked for what.
type turns struct {
	under     int64 // the words by which all were judged
	due, used time.Time
}

// once does what is due now. A panic ends neither the keeper nor the process.
func (k *Keeper) once(ctx context.Context, last *turns) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("a fault: %v", fault)
		}
	}()
	err = k.recount(ctx) // before what may take long; a fault in it holds up nothing else
	if j := k.Judge(); j != nil {
		err = errors.Join(err, k.turn(ctx, j, last), k.recount(ctx))
	}
	return err
}

// turn judges the tokens that are due now.
func (k *Keeper) turn(ctx context.Context, j *Judge, last *turns) error {
	now := k.now()
	if now.Sub(last.due) >= dueEvery || last.under != j.under {
		if err := k.all(ctx, j); err != nil {
			return err
		}
		last.due, last.under = now, j.under
	}
	if now.Sub(last.used) >= usedEvery {
		if err := k.walk(ctx, store.Due{FirstUsed: true}); err != nil {
			return err
		}
		last.used = now
	}
	if err := k.walk(ctx, store.Due{}); err != nil {
		return err
	}
	return k.fill(ctx)
}

// recount counts anew what changed, in pieces, so that readers of the numbers need not.
func (k *Keeper) recount(ctx context.Context) error {
	for {
		began := time.Now()
		more, err := k.store.Recount(ctx, k.now())
		if err != nil || !more {
			return err
		}
		if err := rest(ctx, fillPauses*time.Since(began)); err != nil {
			return err
		}
	}
}

// all looks for every token that was not judged, or not by this judge, or whose use must be looked at again.
func (k *Keeper) all(ctx context.Context, j *Judge) error {
	now := k.now()
	if err := k.store.MissMarks(ctx); err != nil {
		return err
	}
	if err := k.fill(ctx); err != nil {
		return err
	}
	if err := k.walk(ctx, store.Due{Under: j.under, Version: j.table.Version(), JudgedBefore: now.Add(-again)}); err != nil {
		return err
	}
	kept, err := k.store.ObservingSince(ctx, now)
	if err != nil || kept.IsZero() {
		return err
	}
	return k.walk(ctx, store.Due{UnusedBy: now.Add(again), JudgedBefore: now.Add(-again), Now: now})
}

// fill makes room, in pieces, for the marks of tokens of an older schema. Between the pieces it judges those that have room.
func (k *Keeper) fill(ctx context.Context) error {
	for {
		began := time.Now()
		more, err := k.store.FillMarks(ctx)
		if err != nil || !more {
			return err
		}
		if _, err := k.Changed(ctx); err != nil {
			return err
		}
		if err := rest(ctx, fillPauses*time.Since(began)); err != nil {
			return err
		}
	}
}

// walk judges all tokens that are due, in pieces. When there is more than one piece, it rests after each step, so that requests
// wait for no more than a step.
func (k *Keeper) walk(ctx context.Context, d store.Due) error {
	for {
		began := time.Now()
		list, next, err := k.store.Due(ctx, d, pieces)
		pause := func() error {
			if next == 0 {
				return nil
			}
			err := rest(ctx, pauses*time.Since(began))
			began = time.Now()
			return err
		}
		if err == nil {
			err = pause()
		}
		if err == nil && len(list) > 0 {
			if err = errors.Join(k.Keep(ctx, list), pause()); err == nil {
				_, _ = k.store.Recount(ctx, k.now()) // what is wrong with it is told once a turn
			}
		}
		if err != nil || next == 0 {
			return err
		}
		d.Before = next
		if err := pause(); err != nil {
			return err
		}
	}
}

func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(min(d, longestRest)):
		return nil
	}
}
