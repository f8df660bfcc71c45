package store

import "patgate/cache"

// WentBack tells how often the store's change sequence went back.
func (s *Sessions) WentBack() int64 { return s.wentBack.Load() }

// Stats gives the counters of the caches.
func (s *Sessions) Stats() []cache.Stats { return []cache.Stats{s.known.Stats(), s.unknown.Stats()} }
