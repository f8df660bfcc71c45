package forge

import (
	"sync/atomic"
	"time"
)

const (
	// acceptedSlots bounds the credentials that are remembered as accepted: 128 KiB.
	acceptedSlots = 1 << 14
	// acceptedFor is how long one is.
	acceptedFor = time.Hour
)

// accepted remembers credentials that were right, each in the slot that its fingerprint says. When two share a slot, the later
// one stays; the other is remembered again with its next request. A slot holds the minute and 48 bits of the fingerprint.
// Together with the number of the slot, these are not hit by chance.
type accepted struct {
	start time.Time
	slots [acceptedSlots]atomic.Uint64
}

// minute gives the time in minutes, in 16 bits; never zero in the first month and a half.
func (a *accepted) minute(now time.Time) uint64 {
	return uint64(now.Sub(a.start)/time.Minute+1) & 0xffff
}

func (a *accepted) slot(f Fingerprint) *atomic.Uint64 { return &a.slots[f[1]>>1%acceptedSlots] }

func (a *accepted) note(f Fingerprint, now time.Time) {
	slot, value := a.slot(f), f[0]&^0xffff|a.minute(now)
	if slot.Load() != value { // a write would take the cache line from the other processors
		slot.Store(value)
	}
}

func (a *accepted) has(f Fingerprint, now time.Time) bool {
	value := a.slot(f).Load()
	return value&^0xffff == f[0]&^0xffff && value != 0 && time.Duration((a.minute(now)-value)&0xffff)*time.Minute <= acceptedFor
}

// drop forgets one, and tells whether it was there.
func (a *accepted) drop(f Fingerprint) bool {
	slot := a.slot(f)
	value := slot.Load()
	return value != 0 && value&^0xffff == f[0]&^0xffff && slot.CompareAndSwap(value, 0)
}
