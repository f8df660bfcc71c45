package wire

import "slices"

// shareless is how many connections a holder has in any case.
const shareless = 4

// borrower is for whom a connection is in use.
type borrower struct {
	holder Holder
	token  uint64
}

func (by Claim) borrower() borrower { return borrower{holder: by.Holder, token: by.Token} }

// lend notes for whom a connection is used from now on.
func (c *Upstream) lend(by Claim) {
	if c.token.Load() != by.Token { // a store costs more than a load
		c.token.Store(by.Token)
	}
	if c.client.Load() != by.Client {
		c.client.Store(by.Client)
	}
}

// mayHaveLocked tells whether one more connection is within the borrower's share: a holder may have as many as are free, and of
// them each of its tokens as many as are free to the holder. So one holder alone comes to have half of all, two come to have a
// third each, and there is always one left for whoever comes next; and one token alone leaves as much to the holder's others as
// it takes. p.mu is held.
func (p *Pool) mayHaveLocked(b borrower) bool {
	if len(p.all) < p.max/4 {
		return true
	}
	free, ofHolder, ofToken := p.max-len(p.all), 0, 0
	for c := range p.all {
		if c.holder == b.holder {
			ofHolder++
			if c.token.Load() == b.token {
				ofToken++
			}
		}
	}
	for _, list := range p.idle { // what is idle is nobody's
		list.mu.Lock()
		for c := list.all.oldest; c != nil; c = c.beside[ofAll].newer {
			free++
			if c.holder == b.holder {
				ofHolder--
				if c.token.Load() == b.token {
					ofToken--
				}
			}
		}
		list.mu.Unlock()
	}
	return ofHolder < shareless || ofHolder <= free && ofToken <= free-ofHolder
}

// turn is what one who waits for a connection is told by.
type turn struct {
	of     borrower
	share  bool // it waits for its own share to be free, not for any
	signal chan struct{}
}

// wakeLocked gives a turn to one that waits: to the one that has waited longest for any connection, else to one that waits for
// its share, first to one of the holder who gave a connection back. Who finds nothing waits again, behind the others.
func (p *Pool) wakeLocked(given Holder) {
	at := slices.IndexFunc(p.waiting, func(t *turn) bool { return !t.share })
	if at < 0 {
		at = slices.IndexFunc(p.waiting, func(t *turn) bool { return t.of.holder == given })
	}
	if at < 0 && len(p.waiting) > 0 {
		at = 0
	}
	if at >= 0 {
		p.waiting[at].signal <- struct{}{}
		p.waiting = slices.Delete(p.waiting, at, at+1)
		p.waiters.Add(-1)
	}
}
