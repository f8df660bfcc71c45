package console

import (
	"net/netip"
	"sync"
	"time"
)

// attempts counts wrong credentials for each client address, so that they are not tried out here, and the forge does not
// ban patgate's address for them. An attempt counts from when it begins: many at once are no way around it.
type attempts struct {
	most   int
	window time.Duration
	now    func() time.Time

	mu  sync.Mutex
	all map[netip.Addr]*attempt
}

type attempt struct {
	count int
	since time.Time
}

// addressesKept bounds the addresses that are remembered. Beyond it whoever is new is refused until some are forgotten.
const addressesKept = 100_000

func newAttempts(most int, window time.Duration, now func() time.Time) *attempts {
	return &attempts{most: most, window: window, now: now, all: map[netip.Addr]*attempt{}}
}

// of gives what is counted together: an address, or the /64 network of an IPv6 one.
func of(client netip.Addr) netip.Addr {
	if client.Is6() {
		if p, err := client.WithZone("").Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return client
}

// begin counts an attempt; wait tells for how long the client must stay away instead.
func (a *attempts) begin(client netip.Addr) (wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now, who := a.now(), of(client)
	t := a.all[who]
	if t != nil && now.Sub(t.since) >= a.window {
		t.count, t.since = 0, now
	}
	if t == nil {
		if len(a.all) >= addressesKept {
			for k, old := range a.all {
				if now.Sub(old.since) >= a.window {
					delete(a.all, k)
				}
			}
			if len(a.all) >= addressesKept {
				return a.window
			}
		}
		t = &attempt{since: now}
		a.all[who] = t
	}
	if t.count >= a.most {
		return max(a.window-now.Sub(t.since), time.Second)
	}
	t.count++
	return 0
}

// right takes back an attempt whose credential was good.
func (a *attempts) right(client netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t := a.all[of(client)]; t != nil && t.count > 0 {
		t.count--
	}
}
