package cache

import (
	"math/rand/v2"
	"sync/atomic"
)

// front holds entries that were served lately, each in the one slot that its hash has, so that most hits need not go
// through ristretto: its maps, and what it notes of every hit, are several cache lines that little else needs. An entry
// is served from here under the same conditions as from there.
type front[K comparable, V any] [frontSlots]atomic.Pointer[entry[K, V]]

const (
	frontSlots = 1024
	// sampled is of how many hits from the front ristretto hears of one. It decides by them what to keep.
	sampled = 16
)

func (f *front[K, V]) slot(hash uint64) *atomic.Pointer[entry[K, V]] { return &f[hash>>32%frontSlots] }

// forget drops the entry of a key.
func (f *front[K, V]) forget(hash uint64, key K) {
	slot := f.slot(hash)
	if e := slot.Load(); e != nil && e.key == key {
		slot.CompareAndSwap(e, nil)
	}
}

// sweep drops the entries that are over.
func (f *front[K, V]) sweep(over func(*entry[K, V]) bool) {
	for i := range f {
		if e := f[i].Load(); e != nil && over(e) {
			f[i].CompareAndSwap(e, nil)
		}
	}
}

// sample tells ristretto of some hits from the front.
func (c *Cache[K, V]) sample(hash uint64) {
	if rand.Uint32()%sampled == 0 {
		c.entries.Get(hash)
	}
}
