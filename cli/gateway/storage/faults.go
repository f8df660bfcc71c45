package storage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"patgate/admin"
	"patgate/store"
)

// kinds are the faults that a store notices by itself, by their names in metrics and the log.
func kinds() map[string]error {
	return map[string]error{"moved": store.ErrMoved, "clock": store.ErrClock, "unreachable": store.ErrUnreachable,
		"full": store.ErrNoRoom, "damaged": store.ErrDamaged}
}

// faults tells what is wrong with the store's place now, by name.
func (s *Storage) faults() map[string]error {
	found := map[string]error{}
	if until, err := s.Sessions.Lost(); err != nil {
		if s.config.Store.Grace > 0 {
			err = fmt.Errorf("%w; tokens that were in use pass until %s (store.grace)", err, until.UTC().Format(time.RFC3339))
		}
		found["unreachable"] = err
	}
	faulty, ok := s.Store.(store.Faulty)
	if !ok {
		return found
	}
	for _, err := range faulty.Faults() {
		for name, kind := range kinds() {
			if errors.Is(err, kind) {
				found[name] = err
			}
		}
	}
	return found
}

// Check is what must hold of the store for requests to be served.
func (s *Storage) Check() admin.Check {
	return admin.Check{Name: "store", Ready: s.ready, Graced: s.graced, Limited: s.limited}
}

// ready tells, by an error, that the store cannot be relied upon now.
func (s *Storage) ready(ctx context.Context) error {
	if err := s.Sessions.Sync(ctx); err != nil {
		return err
	}
	found := s.faults()
	delete(found, "full") // tokens work, and another node would have the same store
	if errors.Is(found["damaged"], store.ErrPartly) {
		delete(found, "damaged") // likewise
	}
	return errors.Join(slices.Collect(maps.Values(found))...)
}

// limited tells, by an error, that nothing can be stored, or that something else is damaged, although tokens work.
func (s *Storage) limited() error {
	found := s.faults()
	if err := found["damaged"]; err != nil {
		return fmt.Errorf("%w; tokens work", err)
	}
	err := found["full"]
	if err == nil {
		return nil
	}
	if kept, wanted := s.reserve(); wanted > 0 {
		return fmt.Errorf("%w; tokens work, but nothing is stored except what revokes, pauses or narrows: %d KiB are kept for it",
			err, kept>>10)
	}
	return fmt.Errorf("%w; tokens work, but nothing is stored, revocations neither", err)
}

// reserve tells how many bytes of room the store keeps for revocations, and how many it should.
func (s *Storage) reserve() (kept, wanted int64) {
	if saving, ok := s.Store.(store.Saving); ok {
		return saving.Reserve()
	}
	return 0, 0
}

// graced tells that tokens pass for a while although the store is lost.
func (s *Storage) graced() bool {
	until, lost := s.Sessions.Lost()
	return lost != nil && time.Now().Before(until)
}
