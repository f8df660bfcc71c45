package cache

import "sync/atomic"

// stripes is how many counters stand for all keys. An invalidation of one key costs the others of its stripe a reload.
const stripes = 4096

// generations orders loads and invalidations. Every invalidation takes the next number of one sequence and writes it to
// the stripe of its key (or for all keys); a load remembers the number that the sequence had when it began. A load is
// overtaken when its stripe has seen a higher number since.
//
// A load that begins between the taking and the writing of a number begins after the invalidation was called, so it
// reads what the invalidation is about and is rightly not overtaken.
type generations struct {
	sequence atomic.Uint64
	all      atomic.Uint64
	stripe   [stripes]atomic.Uint64
}

// now is the generation at which a load begins.
func (g *generations) now() uint64 { return g.sequence.Load() }

// overtaken tells whether a load of a key with this hash, begun at that generation, may no longer be served.
func (g *generations) overtaken(hash, began uint64) bool {
	return g.stripe[hash%stripes].Load() > began || g.all.Load() > began
}

// bump overtakes every load of the keys with this hash.
func (g *generations) bump(hash uint64) { raise(&g.stripe[hash%stripes], g.sequence.Add(1)) }

// bumpAll overtakes every load.
func (g *generations) bumpAll() { raise(&g.all, g.sequence.Add(1)) }

// raise sets v to at least n; concurrent invalidations may arrive in any order.
func raise(v *atomic.Uint64, n uint64) {
	for {
		old := v.Load()
		if old >= n || v.CompareAndSwap(old, n) {
			return
		}
	}
}
