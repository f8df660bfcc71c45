// Package share bounds how many connections to the forge one borrower has in use at a time, so that nobody can take them all:
// those that carry requests, and those on which patgate itself asks about them.
package share

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"patgate/fleet"
)

// Errors of Borrow.
var (
	ErrBusy  = errors.New("all connections to the forge are in use")
	ErrShare = errors.New("the share of the connections to the forge is in use")
)

// few is how many connections any token may use beside those of its owner's others.
const few = 4

// Accounts are kept in so many parts, with room for so many in each at least.
const (
	drawers   = 64
	leastRoom = 1024
)

// Shares bound how many of a pool's connections one token, and all tokens of one holder, use at a time. A token may use as many
// as it leaves free, a holder three times as many, and a few for each token that has none: so one token alone comes to use half
// of all. The last eighth is for holders that use none yet, one for each. Who may have none now waits; those who wait for the
// same take turns with the others. With fewer than eight connections there is not much to share: up to four are anybody's.
type Shares struct {
	all     int // connections of all nodes
	fleet   *fleet.Size
	_       [64]byte     // what another processor writes is not on the same cache line
	lent    atomic.Int64 // connections in use
	_       [64]byte
	waiters atomic.Int64 // those who wait, or are about to: who gives something back looks after it has done so
	_       [64]byte
	drawers [drawers]drawer

	mu      sync.Mutex
	waiting []*owner // whose accounts are waited for, the next one first

	owners struct {
		sync.Mutex
		all map[[2]uint64]*owner
	}
}

// drawer is a part of the accounts.
type drawer struct {
	mu     sync.Mutex
	tokens map[uint64]*Account // each is one holder's
	others map[[2]uint64]*Account
	room   int // when there are more, those that are not in use are dropped
	_      [64]byte
}

// Borrower is one token of a holder's, or a holder without tokens.
type Borrower struct {
	Holder [2]uint64
	Token  uint64 // 0 is none; each is one holder's
}

// Account counts the connections in use for a borrower.
type Account struct {
	owner  *owner
	drawn  atomic.Int64 // by those who use a connection, or want to
	lent   atomic.Int64
	waited atomic.Bool     // somebody waits for it
	turns  []chan struct{} // of those who do; guarded by Shares.mu
}

// owner counts those of all tokens of a holder.
type owner struct {
	holder   [2]uint64
	lent     atomic.Int64
	accounts int        // of his; guarded by Shares.owners
	waiting  []*Account // those that are waited for, the next one first; guarded by Shares.mu
}

// New shares out this node's part of so many connections.
func New(all int, f *fleet.Size) *Shares {
	s := &Shares{all: all, fleet: f}
	for i := range s.drawers {
		d := &s.drawers[i]
		d.tokens, d.others, d.room = map[uint64]*Account{}, map[[2]uint64]*Account{}, leastRoom
	}
	s.owners.all = map[[2]uint64]*owner{}
	return s
}

// most is how many connections may be in use on this node now.
func (s *Shares) most() int64 { return int64(s.fleet.Share(s.all)) }

// draw gives a borrower's account, which is not dropped as long as it counts as drawn.
func (s *Shares) draw(b Borrower) *Account {
	var a *Account
	d := &s.drawers[b.Token%drawers]
	if b.Token == 0 {
		d = &s.drawers[b.Holder[0]%drawers]
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

// verdict is why somebody may have no connection now.
type verdict uint8

const (
	admitted   verdict = iota
	full               // all are in use
	ofOwner            // the holder's share is in use
	ofBorrower         // the token's own share is
)

// judge tells whether somebody may use so many, his holder so many, and all together so many.
func (s *Shares) judge(used, owned, all int64) verdict {
	most := s.most()
	switch free := most - all; {
	case free < 0:
		return full
	case owned == 1:
		return admitted
	case free < most/8:
		return ofOwner
	case used <= few:
		return admitted
	case used > free+1:
		return ofBorrower
	case owned > 3*(free+1):
		return ofOwner
	}
	return admitted
}

// admit takes a connection into use, if that is not too many.
func (s *Shares) admit(a *Account) verdict {
	v := s.judge(a.lent.Add(1), a.owner.lent.Add(1), s.lent.Add(1))
	if v != admitted {
		s.undo(a)
	}
	return v
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
	if a.waited.Load() { // they come first
		a.drawn.Add(-1)
		return nil
	}
	if s.admit(a) == admitted {
		return a
	}
	a.drawn.Add(-1)
	if s.waiters.Load() > 0 { // what was counted for a moment may have kept somebody back
		s.wake()
	}
	return nil
}

// Borrow takes a connection into use, and waits for that. The error is ErrBusy when all are in use when the time is over, and
// else ErrShare.
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
		return s.late(a, turn)
	}
}

// BorrowWithin is Borrow for as long as ctx lasts.
func (s *Shares) BorrowWithin(ctx context.Context, b Borrower) (*Account, error) {
	a := s.draw(b)
	turn := s.join(a)
	if turn == nil {
		return a, nil
	}
	select {
	case <-turn:
		return a, nil
	case <-ctx.Done():
		return s.late(a, turn)
	}
}

// late ends a wait that was too long, unless the turn has come meanwhile.
func (s *Shares) late(a *Account, turn chan struct{}) (*Account, error) {
	if !s.leave(a, turn) {
		return a, nil
	}
	a.drawn.Add(-1)
	if s.lent.Load() < s.most() {
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
	if len(a.turns) == 0 {
		if s.admit(a) == admitted {
			s.waiters.Add(-1)
			return nil
		}
		if len(a.owner.waiting) == 0 {
			s.waiting = append(s.waiting, a.owner)
		}
		a.owner.waiting = append(a.owner.waiting, a)
		a.waited.Store(true)
	}
	turn = make(chan struct{}, 1)
	a.turns = append(a.turns, turn)
	return turn
}

// leave ends a wait. False: the turn has come.
func (s *Shares) leave(a *Account, turn chan struct{}) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.Index(a.turns, turn)
	if at < 0 {
		return false
	}
	s.served(a, at)
	if o := a.owner; len(a.turns) == 0 {
		at := slices.Index(o.waiting, a)
		o.waiting = slices.Delete(o.waiting, at, at+1)
		if len(o.waiting) == 0 {
			at := slices.Index(s.waiting, o)
			s.waiting = slices.Delete(s.waiting, at, at+1)
		}
	}
	return true
}

// served takes one who waits out of an account's turns.
func (s *Shares) served(a *Account, at int) {
	a.turns = slices.Delete(a.turns, at, at+1)
	a.waited.Store(len(a.turns) > 0)
	s.waiters.Add(-1)
}

// wake gives turns to those who wait, as far as their shares allow: one after the other to holders, and to a holder's tokens.
func (s *Shares) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := 0; at < len(s.waiting) && s.lent.Load() < s.most(); {
		o := s.waiting[at]
		if !s.wakeOne(o) {
			at++
			continue
		}
		s.waiting = slices.Delete(s.waiting, at, at+1)
		if len(o.waiting) > 0 {
			s.waiting = append(s.waiting, o)
		}
	}
}

// wakeOne gives a turn to one who waits for a connection of the holder's. False: nobody may have one.
func (s *Shares) wakeOne(o *owner) bool {
	for at, a := range o.waiting {
		switch s.admit(a) {
		case admitted:
			a.turns[0] <- struct{}{}
			s.served(a, 0)
			o.waiting = slices.Delete(o.waiting, at, at+1)
			if len(a.turns) > 0 {
				o.waiting = append(o.waiting, a)
			}
			return true
		case ofBorrower: // another one of the holder's may
		default:
			return false
		}
	}
	return false
}
