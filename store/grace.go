package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"patgate/cache"
	"patgate/routes"
	"patgate/token"
)

// ErrGrace: the store is lost, and what was known of it goes on for a while.
var ErrGrace = errors.New("the store is lost")

// kept is how much longer than their lifetime sessions are kept for a time without the store.
func (o *SessionOptions) kept() time.Duration {
	if o.Grace == 0 {
		return 0
	}
	return o.FreshWithin + o.Grace
}

// lost tells since when the store could not be polled, and whether that is more than FreshWithin, and Grace lasts still.
func (s *Sessions) lost(now time.Time) (since time.Duration, grace bool) {
	since = now.Sub(s.start) - time.Duration(s.polled.Load())
	return since, s.o.Grace > 0 && since > s.o.FreshWithin && since <= s.o.kept()
}

// inGrace gives a session that was fresh at the last good poll, while the store is lost and Grace lasts; nil when there is none.
// It must have been made under the present route table, and its validity is judged by the clock as ever. A caller who does not
// wait is given none, so that every such request takes the way on which it is marked.
func (s *Sessions) inGrace(ctx context.Context, hash token.Hash, now time.Time, table *routes.Catalogue) (*token.Session, error) {
	since, ok := s.lost(now)
	if !ok || cache.MayNotLoad(ctx) {
		return nil, nil
	}
	e, found, ok := s.known.PeekAt(hash, s.o.TTL+since, now)
	if !ok || !found || e.catalogue != table {
		return nil, nil
	}
	if err := e.usable(&hash, now); err != nil {
		return e.shown(err), err
	}
	marked := e.Session
	marked.Grace = true
	return &marked, nil
}

// Ready polls the store, which tells whether it can be. While Grace lasts the error is ErrGrace too.
func (s *Sessions) Ready(ctx context.Context) error {
	err := s.Sync(ctx)
	if err == nil {
		return nil
	}
	since, grace := s.lost(s.o.Now())
	if !grace {
		return err
	}
	left := (s.o.kept() - since).Round(time.Second)
	return fmt.Errorf("%w: grants that were fresh go on for %s; what other nodes change, revocations too, is not seen: %w",
		ErrGrace, left, err)
}
