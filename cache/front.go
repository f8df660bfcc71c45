package cache

import (
	"math/rand/v2"
	"sync/atomic"
)

// front holds entries that were served lately, each in the one slot that its hash has, so that most hits need not go
// through ristretto: its maps, and its notes about every hit, take several cache lines that little else needs. An entry is
// served from here under the same conditions as from there.
type front[K comparable, V any] [frontSlots]atomic.Pointer[entry[K, V]]

const (
	frontSlots = 4096
	// sampled: ristretto hears of one in so many hits from the front. It decides by them what to keep.
	sampled = 64
	// turns is after how many hits, on average, an entry takes the place of another key's that stands in its way.
	turns = 16
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

// admit puts an entry into its slot. When another key that is in use has the slot, taking turns would cost more than it brings:
// mostly the other key keeps it.
func (f *front[K, V]) admit(slot *atomic.Pointer[entry[K, V]], e *entry[K, V]) (admitted bool) {
	if has := slot.Load(); has != nil && has.key != e.key && rand.Uint32()%turns != 0 {
		return false
	}
	slot.Store(e)
	return true
}

// sample tells ristretto of some hits from the front.
func (c *Cache[K, V]) sample(hash uint64) {
	if rand.Uint32()%sampled == 0 {
		c.entries.Get(hash)
	}
}
