package cache

import "sync/atomic"

// Stats counts what a cache has done since it was made.
type Stats struct {
	Name          string
	Hits          uint64 // served from the cache, "not found" included
	NegativeHits  uint64 // of these, "not found"
	Misses        uint64 // Gets that found nothing fresh
	Joins         uint64 // of these, answered by another's load
	Loads         uint64
	Reloads       uint64 // outcomes thrown away because an invalidation overtook their load
	Errors        uint64 // loads that failed
	Invalidations uint64
}

// hitShards spreads the counters of hits, which every request raises, over several cache lines.
const hitShards = 16

type hitCounter struct {
	hits, negative atomic.Uint64
	_              [48]byte // the rest of a cache line of 64 bytes
}

type counters struct {
	hits                                                 [hitShards]hitCounter
	misses, joins, loads, reloads, errors, invalidations atomic.Uint64
}

func (c *counters) hit(hash uint64, found bool) {
	shard := &c.hits[(hash>>32)%hitShards]
	shard.hits.Add(1)
	if !found {
		shard.negative.Add(1)
	}
}

// Stats reads the counters, each for itself.
func (c *Cache[K, V]) Stats() Stats {
	s := Stats{
		Name: c.name, Misses: c.counters.misses.Load(), Joins: c.counters.joins.Load(), Loads: c.counters.loads.Load(),
		Reloads: c.counters.reloads.Load(), Errors: c.counters.errors.Load(), Invalidations: c.counters.invalidations.Load(),
	}
	for i := range c.counters.hits {
		s.Hits += c.counters.hits[i].hits.Load()
		s.NegativeHits += c.counters.hits[i].negative.Load()
	}
	return s
}
