package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"patgate/token"
)

// Change runs f, which changes the store, and returns when the change is in force on this node.
func (s *Sessions) Change(ctx context.Context, f func(context.Context, Store) error) error {
	err := f(ctx, s.o.Store)
	// Whatever f says, it may have changed something. Once it has, the caller's context no longer matters.
	syncCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if syncErr := s.Sync(syncCtx); syncErr != nil {
		s.o.Report(syncErr)
		if s.o.Grace > 0 && errors.Is(err, ErrUnreachable) && errors.Is(syncErr, ErrUnreachable) {
			s.doubt() // the change was not confirmed, and for a while the cache may be all there is
			return err
		}
		s.known.InvalidateAll()
		s.unknown.InvalidateAll()
	}
	return err
}

// doubt has nothing cached count as fresh until the next good poll.
func (s *Sessions) doubt() {
	least := int64(s.o.Now().Sub(s.start)-s.o.FreshWithin) - 1
	for polled := s.polled.Load(); polled > least && !s.polled.CompareAndSwap(polled, least); polled = s.polled.Load() {
	}
}

// Sync reads what was changed since the last time and drops it from the caches. When it returns without error, every
// change that was stored before the call is in force on this node.
func (s *Sessions) Sync(ctx context.Context) error {
	s.polling.Lock()
	defer s.polling.Unlock()
	return s.syncLocked(ctx)
}

func (s *Sessions) syncLocked(ctx context.Context) error {
	began := s.o.Now().Sub(s.start)
	c, err := s.o.Store.Changes(ctx, s.sequence)
	if err != nil {
		return fmt.Errorf("reading what changed in the store: %w", err)
	}
	back := c.Sequence < s.sequence
	if back { // another server has taken over that lacks what was changed last: what is cached may be newer, or of another store
		s.wentBack.Add(1)
		s.o.Report(fmt.Errorf("%w from %d to %d: everything cached is dropped; changes that were made last, revocations "+
			"among them, may be lost", ErrWentBack, s.sequence, c.Sequence))
	}
	if s.keysRead = s.keysRead && c.Sequence == s.sequence; !s.keysRead {
		// The keys may have changed. What is sealed for clients must not wait until a credential is read.
		if err := s.o.Keyring.Reload(); err != nil {
			s.o.Report(fmt.Errorf("reading the sealing keys again: %w", err))
		} else {
			s.keysRead = true
		}
	}
	switch {
	case c.All || back:
		s.known.InvalidateAll()
		s.unknown.InvalidateAll()
	default:
		for _, hash := range c.Hashes {
			s.drop(hash)
		}
	}
	s.sequence = c.Sequence
	s.polled.Store(int64(began))
	s.lost.Store(nil)
	return nil
}

// drop forgets one token in both caches.
func (s *Sessions) drop(hash token.Hash) {
	s.known.Invalidate(hash)
	s.unknown.Invalidate(hash)
}

// pollLoop keeps the caches in step with other processes.
func (s *Sessions) pollLoop() {
	defer s.running.Done()
	tick := time.NewTicker(s.o.Poll)
	defer tick.Stop()
	for {
		select {
		case <-s.background.Done():
			return
		case <-tick.C:
		}
		s.poll()
	}
}

// poll is a Sync that finds out whether the store can be reached. It has as long as a read has.
func (s *Sessions) poll() {
	s.polling.Lock()
	defer s.polling.Unlock()
	ctx, cancel := context.WithTimeout(s.background, s.o.Patience)
	defer cancel()
	err := s.syncLocked(ctx)
	if err == nil || s.background.Err() != nil {
		return
	}
	s.lost.Store(nil)
	if errors.Is(err, ErrUnreachable) {
		s.lost.Store(&err)
	}
	s.o.Report(err)
}
