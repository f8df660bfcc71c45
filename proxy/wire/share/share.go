// Package share bounds how many connections one borrower has in use at a time, so that nobody can take them all.
package share

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Errors of Borrow.
var (
	ErrBusy  = errors.New("all connections to the forge are in use")
	ErrShare = errors.New("the share of the connections to the forge is in use")
)

// few is how many connections any token may use, whatever the shares, while an eighth of all is free.
const few = 4

// Shares bound how many of a pool's connections one token, and all tokens of one holder, use at a time: a token may use as many as it leaves free, a holder three times as many. So one token alone comes to use half of all, one
// holder alone three quarters, and whoever comes next finds some. Who may have none now waits; those who wait for the same take
// turns with the others.
type Shares struct {
	most    int64
	lent    atomic.Int64 // connections in use
	drawers [drawers]drawer
	waiters atomic.Int64 // those in queues, or about to be: who gives something back looks after it has done so

	mu     sync.Mutex
	queues []*queue // the next one first

	owners struct {
		sync.Mutex
		all map[[2]uint64]*owner
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
	tokens map[uint64]*Account // each is one holder's
	others map[[2]uint64]*Account
	room   int      // when there are more, those that are not in use are dropped
	_      [64]byte // what another processor writes is not on the same cache line
}

// Borrower is one token of a holder's, or a holder without tokens.
type Borrower struct {
	Holder [2]uint64
	Token  uint64 // 0 is none; each is one holder's
}

// Account counts the connections in use for a borrower.
type Account struct {
	owner *owner
	drawn atomic.Int64 // by those who use a connection, or want to
	lent  atomic.Int64
	queue *queue // of those who wait for it; nil is none. Guarded by Shares.mu
}

// owner counts those of all tokens of a holder.
type owner struct {
	holder   [2]uint64
	lent     atomic.Int64
	accounts int // of his; guarded by Shares.owners
}

// queue is those who wait for the same account.
type queue struct {
	of    *Account
	turns []chan struct{}
}

// New shares out so many connections.
func New(most int) *Shares {
	s := &Shares{most: int64(most)}
	for i := range s.drawers {
		d := &s.drawers[i]
		d.tokens, d.others, d.room = map[uint64]*Account{}, map[[2]uint64]*Account{}, leastRoom
	}
	s.owners.all = map[[2]uint64]*owner{}
	return s
}

// draw gives a borrower's account, which is not dropped as long as it counts as drawn.
func (s *Shares) draw(b Borrower) *Account {
	var a *Account
	d := &s.drawers[b.Token%drawers]
	if b.Token == 0 {
		d = &s.drawers[b.Holder[1]%drawers]
		d.mu.Lock()
		a = d.others[b.Holder]
	} else {
		d.mu.Lock()
		a = d.tokens[b.Token]
	}
	if a == nil {
		a = s.open(d, b)
	}
	a.drawn.Add(1)
	d.mu.Unlock()
	return a
}

// open makes a borrower's account. The drawer's lock is held.
func (s *Shares) open(d *drawer, b Borrower) *Account {
	if len(d.tokens)+len(d.others) >= d.room {
		s.sweep(d)
		d.room = max(leastRoom, 2*(len(d.tokens)+len(d.others)))
	}
	a := &Account{owner: s.ownerOf(b.Holder)}
	if b.Token == 0 {
		d.others[b.Holder] = a
	} else {
		d.tokens[b.Token] = a
	}
	return a
}

// ownerOf gives the account of a holder, for one more of his borrowers.
func (s *Shares) ownerOf(h [2]uint64) *owner {
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
func (s *Shares) sweep(d *drawer) {
	s.owners.Lock()
	defer s.owners.Unlock()
	over := func(a *Account) bool {
		if a.drawn.Load() != 0 {
			return false
		}
		if a.owner.accounts--; a.owner.accounts == 0 {
			delete(s.owners.all, a.owner.holder)
		}
		return true
	}
	maps.DeleteFunc(d.tokens, func(_ uint64, a *Account) bool { return over(a) })
	maps.DeleteFunc(d.others, func(_ [2]uint64, a *Account) bool { return over(a) })
}

// admit takes a connection into use. False: that would be too many.
func (s *Shares) admit(a *Account) bool {
	used, ofOwner, all := a.lent.Add(1), a.owner.lent.Add(1), s.lent.Add(1)
	free := s.most - all
	some := used <= few && free >= s.most/8
	if free >= 0 && (some || used <= free+1 && ofOwner <= 3*(free+1)) {
		return true
	}
	s.undo(a)
	return false
}

// undo counts one less.
func (s *Shares) undo(a *Account) {
	a.lent.Add(-1)
	a.owner.lent.Add(-1)
	s.lent.Add(-1)
}

// Quickly is Borrow for who cannot wait. Nil: it would have to.
func (s *Shares) Quickly(b Borrower) *Account {
	a := s.draw(b)
	if (s.waiters.Load() == 0 || !s.waitedFor(a)) && s.admit(a) {
		return a
	}
	a.drawn.Add(-1)
	if s.waiters.Load() > 0 { // what was counted for a moment may have kept somebody back
		s.wake()
	}
	return nil
}

// waitedFor tells whether somebody waits for an account: he comes first.
func (s *Shares) waitedFor(a *Account) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return a.queue != nil
}

// Borrow takes a connection into use, and waits for that. The error is ErrBusy when all connections are in use when the time is
// over, and else ErrShare.
func (s *Shares) Borrow(b Borrower, limit time.Duration) (*Account, error) {
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
	a.drawn.Add(-1)
	if s.lent.Load() < s.most {
		return nil, ErrShare
	}
	return nil, ErrBusy
}

// Release ends the use of a connection.
func (s *Shares) Release(a *Account) {
	s.undo(a)
	a.drawn.Add(-1)
	if s.waiters.Load() > 0 {
		s.wake()
	}
}

// join admits an account, or has it wait for its turn.
func (s *Shares) join(a *Account) (turn chan struct{}) {
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
	turn = make(chan struct{}, 1)
	a.queue.turns = append(a.queue.turns, turn)
	return turn
}

// leave ends a wait. False: the turn has come.
func (s *Shares) leave(a *Account, turn chan struct{}) bool {
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
func (s *Shares) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := 0; at < len(s.queues); {
		q := s.queues[at]
		if !s.admit(q.of) {
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
