package proxy

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// failures counts wrong credentials by client address, so that patgate answers 429 itself before the forge bans the
// address that all clients share: patgate's own. It holds a bounded number of addresses.
type failures struct {
	limit  int
	window time.Duration
	now    func() time.Time

	tracked atomic.Int64
	mu      sync.Mutex
	byAddr  map[netip.Addr]*failureCount
}

type failureCount struct {
	start time.Time
	n     int
}

// maxFailureAddresses bounds the table: about 1 MiB.
const maxFailureAddresses = 8192

func newFailures(limit int, window time.Duration, now func() time.Time) *failures {
	return &failures{limit: limit, window: window, now: now, byAddr: map[netip.Addr]*failureCount{}}
}

// add counts a wrong credential.
func (f *failures) add(client netip.Addr) {
	key := clientKey(client)
	now := f.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.byAddr[key]
	if c == nil {
		if len(f.byAddr) >= maxFailureAddresses {
			f.makeRoomLocked(now)
		}
		c = &failureCount{start: now}
		f.byAddr[key] = c
		f.tracked.Store(int64(len(f.byAddr)))
	}
	if now.Sub(c.start) >= f.window {
		*c = failureCount{start: now}
	}
	c.n++
}

// over tells how many times the limit a client has reached: 0 below it. wait is the time until it is forgiven.
func (f *failures) over(client netip.Addr) (times int, wait time.Duration) {
	if f.tracked.Load() == 0 {
		return 0, 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.byAddr[clientKey(client)]
	if c == nil {
		return 0, 0
	}
	passed := f.now().Sub(c.start)
	if passed >= f.window {
		return 0, 0
	}
	return c.n / f.limit, f.window - passed
}

// makeRoomLocked forgets who is forgiven anyway, and where that is nobody, some of those with the fewest failures.
func (f *failures) makeRoomLocked(now time.Time) {
	for key, c := range f.byAddr {
		if now.Sub(c.start) >= f.window {
			delete(f.byAddr, key)
		}
	}
	for key, c := range f.byAddr {
		if len(f.byAddr) < maxFailureAddresses*7/8 {
			return
		}
		if c.n < f.limit {
			delete(f.byAddr, key)
		}
	}
	for key := range f.byAddr {
		if len(f.byAddr) < maxFailureAddresses*7/8 {
			return
		}
		delete(f.byAddr, key)
	}
}

// clientKey is the address itself for IPv4, and the /64 network for IPv6, which one client has to itself.
func clientKey(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}
