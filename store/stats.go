package store

import "patgate/cache"

// Stats gives the counters of the caches.
func (s *Sessions) Stats() []cache.Stats { return []cache.Stats{s.known.Stats(), s.unknown.Stats()} }
