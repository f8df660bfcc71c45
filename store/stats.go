package store

import (
	"time"

	"patgate/cache"
)

// WentBack tells how often the store's change sequence went back.
func (s *Sessions) WentBack() int64 { return s.wentBack.Load() }

// Lost tells why the store cannot be reached, and until when Grace lets pass what was fresh before; nil when it can.
func (s *Sessions) Lost() (until time.Time, err error) {
	found := s.lost.Load()
	if found == nil {
		return time.Time{}, nil
	}
	return s.start.Add(time.Duration(s.polled.Load()) + s.o.FreshWithin + s.o.Grace), *found
}

// Graced tells how many sessions were given although the store could not be reached.
func (s *Sessions) Graced() int64 { return s.graced.Load() }

// Stats gives the counters of the caches.
func (s *Sessions) Stats() []cache.Stats { return []cache.Stats{s.known.Stats(), s.unknown.Stats()} }
