package forge

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"patgate/fleet"
	"patgate/token"
)

// Fingerprint stands for a credential: a hash under a key that only this process knows. The zero value stands for no credential;
// any other has an odd second half.
type Fingerprint [2]uint64

// AttemptOptions bound wrong credentials.
type AttemptOptions struct {
	// Limit is how many different wrong credentials may come from one client address within Window, to all nodes of Fleet
	// together. The default is 10 within a minute.
	Limit  int
	Window time.Duration
	// Fleet is how many nodes share that; nil is this one alone.
	Fleet *fleet.Size
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Attempts bounds the wrong credentials that are tried out from one client address, so that patgate answers 429 itself before
// the forge bans patgate's own address, which all clients share. One wrong client does not lock out the others behind the same
// address: wrong credentials are counted by their value, and one that was accepted lately passes. It is safe for concurrent use.
type Attempts struct {
	all      int // the limit of all nodes
	fleet    *fleet.Size
	window   time.Duration
	now      func() time.Time
	key      [sha256.Size]byte
	accepted accepted

	tracked atomic.Int64
	mu      sync.Mutex
	byAddr  map[netip.Addr]*attempts
}

// attempts are those of one address within a window.
type attempts struct {
	since   time.Time
	wrong   int      // different credentials that were wrong
	failed  int      // times that one was
	beyond  bool     // the limit was reached
	spoiled int      // that had been accepted before
	trying  int      // requests under way with unknown credentials
	last    []uint32 // of the wrong ones, those that came last
	doubts  []uint32 // credentials that may be wrong; lockedOut of them count as one
	// paced is when the limit was reached, or a revocation was last let through beyond it, for each lane. A part of the
	// credential's fingerprint chooses the lane, so a client that polls fast takes its own lane, not all.
	paced [lanes]time.Time
}

const (
	// attemptAddresses and attemptValues bound what is remembered: together about 5 MiB.
	attemptAddresses = 8192
	attemptValues    = 128
	// lockedOut is how many times over the limit an address is before patgate's own tokens are not even looked up.
	lockedOut = 10
	// pace is how often a revocation with an unknown credential is let through beyond the limit, in each of the lanes.
	pace  = time.Second
	lanes = 32
)

// NewAttempts makes a bound. Zero fields get their defaults.
func NewAttempts(o AttemptOptions) *Attempts {
	if o.Limit <= 0 {
		o.Limit = 10
	}
	if o.Window <= 0 {
		o.Window = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &Attempts{all: o.Limit, fleet: o.Fleet, window: o.Window, now: o.Now, byAddr: map[netip.Addr]*attempts{}}
	a.accepted.start = o.Now()
	_, _ = rand.Read(a.key[:]) // it does not fail
	return a
}

// limit is this node's share of the limit.
func (a *Attempts) limit() int { return a.fleet.Share(a.all) }

// Fingerprint gives that of a credential, or of the parts of a request that are one together.
func (a *Attempts) Fingerprint(credential []byte) Fingerprint {
	var room [512]byte
	text := append(append(room[:0], a.key[:]...), credential...)
	sum := sha256.Sum256(text)
	clear(text)
	return fingerprint(sum[:])
}

// OfToken gives that of a patgate token.
func (a *Attempts) OfToken(hash token.Hash) Fingerprint {
	f := fingerprint(hash[:])
	f[0] ^= binary.LittleEndian.Uint64(a.key[:])
	return f
}

func fingerprint(sum []byte) Fingerprint {
	return Fingerprint{binary.LittleEndian.Uint64(sum), binary.LittleEndian.Uint64(sum[8:]) | 1}
}

// Accepted notes that a credential is right.
func (a *Attempts) Accepted(f Fingerprint) { a.accepted.note(f, a.now()) }

// WasAccepted tells whether a credential was right lately.
func (a *Attempts) WasAccepted(f Fingerprint) bool { return a.accepted.has(f, a.now()) }

// Wrong counts a wrong credential. One that was counted already within the window is not counted again.
func (a *Attempts) Wrong(client netip.Addr, f Fingerprint) {
	spoiled := a.accepted.drop(f)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.countLocked(client, f, spoiled)
}

// Doubtful counts a credential that may be wrong, or right but in a place where the forge does not look for one. lockedOut
// different ones count as one wrong credential.
func (a *Attempts) Doubtful(client netip.Addr, f Fingerprint) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.entryLocked(client)
	if slices.Contains(c.doubts, uint32(f[0])) {
		return
	}
	if c.doubts = append(c.doubts, uint32(f[0])); len(c.doubts) >= lockedOut {
		c.doubts = c.doubts[:0]
		a.countLocked(client, f, false)
	}
}

// entryLocked gives the attempts of an address, new ones when their window is over.
func (a *Attempts) entryLocked(client netip.Addr) *attempts {
	key, now := AttemptKey(client), a.now()
	c := a.byAddr[key]
	if c == nil {
		if len(a.byAddr) >= attemptAddresses {
			a.makeRoomLocked(now)
		}
		c = &attempts{since: now}
		a.byAddr[key] = c
		a.tracked.Store(int64(len(a.byAddr)))
	}
	if now.Sub(c.since) >= a.window {
		*c = attempts{since: now, trying: c.trying, last: c.last[:0], doubts: c.doubts[:0]}
	}
	return c
}

func (a *Attempts) countLocked(client netip.Addr, f Fingerprint, spoiled bool) {
	c := a.entryLocked(client)
	c.failed++
	if spoiled {
		c.spoiled++
	}
	if c.find(f) >= 0 {
		return
	}
	if c.wrong++; c.wrong >= a.limit() && !c.beyond {
		c.beyond = true
		for i := range c.paced {
			c.paced[i] = a.now()
		}
	}
	if len(c.last) >= min(lockedOut*a.limit(), attemptValues) {
		c.last = append(c.last[:0], c.last[1:]...)
	}
	c.last = append(c.last, uint32(f[0]))
}

// find gives where a credential stands among the wrong ones; negative: it does not.
func (c *attempts) find(f Fingerprint) int {
	for i, v := range c.last {
		if v == uint32(f[0]) {
			return i
		}
	}
	return -1
}

// presentLocked gives the attempts of an address within its window, and how long that lasts. Nil: there are none.
func (a *Attempts) presentLocked(client netip.Addr) (c *attempts, left time.Duration) {
	c = a.byAddr[AttemptKey(client)]
	if c == nil {
		return nil, 0
	}
	if left = a.window - a.now().Sub(c.since); left <= 0 {
		return nil, 0
	}
	return c, left
}

// Admit tells whether a credential may be tried out at the forge, or else for how long it may not. Beyond the limit, only one
// that was accepted lately may, unless such credentials turn out to be wrong too often. A credential that is known to be wrong is
// not tried again and again either.
func (a *Attempts) Admit(client netip.Addr, f Fingerprint) (wait time.Duration) {
	if a.tracked.Load() == 0 {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	c, left := a.presentLocked(client)
	if c == nil || a.admitsLocked(c, f) {
		return 0
	}
	return left
}

// Try is Admit, and counts an unknown credential as under way until Done: many attempts at once are no way around the limit.
func (a *Attempts) Try(client netip.Addr, f Fingerprint) (wait time.Duration, counted bool) {
	known := a.accepted.has(f, a.now())
	if known && a.tracked.Load() == 0 {
		return 0, false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if c, left := a.presentLocked(client); c != nil && !a.admitsLocked(c, f) {
		return left, false
	}
	if known {
		return 0, false
	}
	c := a.entryLocked(client)
	if c.trying >= lockedOut*a.limit() {
		return pace, false
	}
	c.trying++
	return 0, true
}

// Done ends a Try that was counted.
func (a *Attempts) Done(client netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.byAddr[AttemptKey(client)]; c != nil && c.trying > 0 {
		c.trying--
	}
}

func (a *Attempts) admitsLocked(c *attempts, f Fingerprint) bool {
	switch {
	case c.wrong >= a.limit():
		return c.spoiled < a.limit() && a.accepted.has(f, a.now())
	case c.failed >= a.limit():
		return c.find(f) < 0
	}
	return true
}

// AdmitToken is Admit for a patgate token, which costs the forge nothing: it is looked up until the address is far beyond the
// limit. wait tells for how long the address is beyond it, for the answer to a wrong token.
func (a *Attempts) AdmitToken(client netip.Addr, f Fingerprint) (admitted bool, wait time.Duration) {
	if a.tracked.Load() == 0 {
		return true, 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	c, left := a.presentLocked(client)
	if c == nil || c.wrong < a.limit() {
		return true, 0
	}
	return c.wrong < lockedOut*a.limit() || a.accepted.has(f, a.now()), left
}

// AdmitRevocation is Admit for a credential that comes to revoke something, or to sign in for that. Other clients' failures do
// not lock it out for long: beyond the limit, unknown credentials pass at a slow pace, in lanes that no client can choose.
func (a *Attempts) AdmitRevocation(client netip.Addr, f Fingerprint) (wait time.Duration) {
	if a.tracked.Load() == 0 {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.admitRevocationLocked(client, f)
}

func (a *Attempts) admitRevocationLocked(client netip.Addr, f Fingerprint) (wait time.Duration) {
	c, left := a.presentLocked(client)
	switch {
	case c == nil || a.admitsLocked(c, f):
		return 0
	case c.find(f) >= 0:
		return left // it is wrong
	}
	now, last := a.now(), &c.paced[f[1]>>1%lanes]
	if passed := now.Sub(*last); passed < pace {
		return pace - passed
	}
	*last = now
	return 0
}

// Begin is AdmitRevocation for a credential that counts as wrong from now on: many at once are no way around the limit. End
// takes that back.
func (a *Attempts) Begin(client netip.Addr, f Fingerprint) (wait time.Duration) {
	spoiled := a.accepted.has(f, a.now())
	a.mu.Lock()
	defer a.mu.Unlock()
	if wait = a.admitRevocationLocked(client, f); wait == 0 && !spoiled {
		a.countLocked(client, f, false)
	}
	return wait
}

// End ends what Begin began, with a credential that was not found to be wrong.
func (a *Attempts) End(client netip.Addr, f Fingerprint) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c, _ := a.presentLocked(client)
	if c == nil {
		return
	}
	if at := c.find(f); at >= 0 {
		c.last = append(c.last[:at], c.last[at+1:]...)
		c.wrong--
		c.failed--
	}
}

// makeRoomLocked forgets the addresses whose window is over, and where there are none, some of those with the fewest failures.
func (a *Attempts) makeRoomLocked(now time.Time) {
	for key, c := range a.byAddr {
		if now.Sub(c.since) >= a.window {
			delete(a.byAddr, key)
		}
	}
	for key, c := range a.byAddr {
		if len(a.byAddr) < attemptAddresses*7/8 {
			return
		}
		if c.wrong < a.limit() {
			delete(a.byAddr, key)
		}
	}
	for key := range a.byAddr {
		if len(a.byAddr) < attemptAddresses*7/8 {
			return
		}
		delete(a.byAddr, key)
	}
}

// AttemptKey is the address under which failures are counted: the address itself for IPv4, and the /64 network for IPv6, because
// one client has all of that.
func AttemptKey(client netip.Addr) netip.Addr {
	client = client.Unmap().WithZone("")
	if client.Is6() {
		if p, err := client.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return client
}
