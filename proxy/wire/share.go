package wire

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// few is how many connections any token may use, whatever the shares, while an eighth of all is free.
const few = 4

// shares bound how many of a pool's connections one token, and all tokens of one holder, use at a time, so that nobody can take them
// all: a token may use as many as it leaves free, a holder three times as many. So one token alone comes to use half of all, one
// holder alone three quarters, and whoever comes next finds some. Who may have none now waits; those who wait for the same take
// turns with the others.
type shares struct {
	most    int64
	lent    atomic.Int64 // connections in use
	drawers [drawers]drawer
	waiters atomic.Int64 // those in queues, or about to be: who gives something back looks after it has done so

	mu     sync.Mutex
	queues []*queue // the next one first

	owners struct {
		sync.Mutex
		all map[Holder]*owner
	}
}

// Accounts are kept in so many parts, with room for so many in each at least.
const (
	drawers   = 64
	leastRoom = 64
)

// drawer is a part of the accounts.
type drawer struct {
	mu     sync.Mutex
	tokens map[uint64]*account // each is one holder's
	others map[Holder]*account
	room   int      // when there are more, those that are not in use are dropped
	_      [64]byte // what another processor writes is not on the same cache line
}

// borrower is one token of a holder's; holders without tokens have one.
type borrower struct {
	holder Holder
	token  uint64
}

// account counts the connections in use for a borrower.
type account struct {
	owner *owner
	lent  atomic.Int64
	queue *queue // of those who wait for it; nil is none. Guarded by shares.mu
}

// owner counts those of all tokens of a holder.
type owner struct {
	holder   Holder
	lent     atomic.Int64
	accounts int // of his; guarded by shares.owners
}

// queue is those who wait for the same account.
type queue struct {
	of    *account
	turns []chan struct{}
}

func newShares(most int) *shares {
	s := &shares{most: int64(most)}
	for i := range s.drawers {
		d := &s.drawers[i]
		d.tokens, d.others, d.room = map[uint64]*account{}, map[Holder]*account{}, leastRoom
	}
	s.owners.all = map[Holder]*owner{}
	return s
}

// draw gives a borrower's account, with one more in use there, so that it is not dropped.
func (s *shares) draw(b borrower) *account {
	var a *account
	d := &s.drawers[b.token%drawers]
	if b.token == 0 {
		d = &s.drawers[b.holder.slot()%drawers]
		d.mu.Lock()
		a = d.others[b.holder]
	} else {
		d.mu.Lock()
		a = d.tokens[b.token]
	}
	if a == nil {
		a = s.open(d, b)
	}
	a.lent.Add(1)
	d.mu.Unlock()
	return a
}

// open makes a borrower's account. The drawer's lock is held.
func (s *shares) open(d *drawer, b borrower) *account {
	if len(d.tokens)+len(d.others) >= d.room {
		s.sweep(d)
		d.room = max(leastRoom, 2*(len(d.tokens)+len(d.others)))
	}
	a := &account{owner: s.ownerOf(b.holder)}
	if b.token == 0 {
		d.others[b.holder] = a
	} else {
		d.tokens[b.token] = a
	}
	return a
}

// ownerOf gives the account of a holder, for one more of his borrowers.
func (s *shares) ownerOf(h Holder) *owner {
	s.owners.Lock()
	defer s.owners.Unlock()
	o := s.owners.all[h]
	if o == nil {
		o = &owner{holder: h}
		s.owners.all[h] = o
	}
	o.accounts++
	return o
}

// sweep drops the accounts that are not in use. The drawer's lock is held.
func (s *shares) sweep(d *drawer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owners.Lock()
	defer s.owners.Unlock()
	over := func(a *account) bool {
		if a.queue != nil || a.lent.Load() != 0 {
			return false
		}
		if a.owner.accounts--; a.owner.accounts == 0 {
			delete(s.owners.all, a.owner.holder)
		}
		return true
	}
	maps.DeleteFunc(d.tokens, func(_ uint64, a *account) bool { return over(a) })
	maps.DeleteFunc(d.others, func(_ Holder, a *account) bool { return over(a) })
}

// admit takes a connection into use on an account that has counted it. False: that would be too many, and it is still counted there.
func (s *shares) admit(a *account) bool {
	used, ofOwner, all := a.lent.Load(), a.owner.lent.Add(1), s.lent.Add(1)
	free := s.most - all
	some := used <= few && free >= s.most/8
	if free >= 0 && (some || used <= free+1 && ofOwner <= 3*(free+1)) {
		return true
	}
	a.owner.lent.Add(-1)
	s.lent.Add(-1)
	return false
}

// quickly is borrow for who cannot wait. Nil: it would have to.
func (s *shares) quickly(b borrower) *account {
	a := s.draw(b)
	if s.admit(a) {
		return a
	}
	a.lent.Add(-1)
	if s.waiters.Load() > 0 { // what was counted for a moment may have kept somebody back
		s.wake()
	}
	return nil
}

// borrow takes a connection into use, and waits for that. The error is ErrBusy when all connections are in use when the time is
// over, and else ErrShare.
func (s *shares) borrow(b borrower, limit time.Duration) (*account, error) {
	a := s.draw(b)
	turn := s.join(a)
	if turn == nil {
		return a, nil
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-turn:
		return a, nil
	case <-timer.C:
	}
	if !s.leave(a, turn) {
		return a, nil // the turn has come meanwhile
	}
	if s.lent.Load() < s.most {
		return nil, ErrShare
	}
	return nil, ErrBusy
}

// release ends the use of a connection.
func (s *shares) release(a *account) {
	a.lent.Add(-1)
	a.owner.lent.Add(-1)
	s.lent.Add(-1)
	if s.waiters.Load() > 0 {
		s.wake()
	}
}

// join admits an account, or has it wait for its turn.
func (s *shares) join(a *account) (turn chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiters.Add(1) // from now on, whoever gives something back sees it
	if a.queue == nil {
		if s.admit(a) {
			s.waiters.Add(-1)
			return nil
		}
		a.queue = &queue{of: a}
		s.queues = append(s.queues, a.queue)
	}
	a.lent.Add(-1) // until its turn
	turn = make(chan struct{}, 1)
	a.queue.turns = append(a.queue.turns, turn)
	return turn
}

// leave ends a wait. False: the turn has come.
func (s *shares) leave(a *account, turn chan struct{}) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := a.queue
	if q == nil {
		return false
	}
	at := slices.Index(q.turns, turn)
	if at < 0 {
		return false
	}
	q.turns = slices.Delete(q.turns, at, at+1)
	s.waiters.Add(-1)
	if len(q.turns) == 0 {
		a.queue = nil
		s.queues = slices.Delete(s.queues, slices.Index(s.queues, q), slices.Index(s.queues, q)+1)
	}
	return true
}

// wake gives turns to those who wait, as far as their shares allow, one after the other.
func (s *shares) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := 0; at < len(s.queues); {
		q := s.queues[at]
		q.of.lent.Add(1)
		if !s.admit(q.of) {
			q.of.lent.Add(-1)
			at++
			continue
		}
		q.turns[0] <- struct{}{}
		q.turns = slices.Delete(q.turns, 0, 1)
		s.waiters.Add(-1)
		s.queues = slices.Delete(s.queues, at, at+1)
		if len(q.turns) > 0 {
			s.queues = append(s.queues, q)
		} else {
			q.of.queue = nil
		}
	}
}
