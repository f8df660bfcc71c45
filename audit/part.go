package audit

import (
	"sync"
	"time"
)

// part is a part of a log: those of one event loop do not wait for those of another.
type part struct {
	log *Log

	mu      sync.Mutex
	open    []*Event  // decisions without a line, in any order
	due     time.Time // none of them is to have a line of its own before
	made    line      // lines that the writer has not taken yet
	batched int64     // decisions that have their line there: they are still in the queue
	room    int64     // places in the queue that are free for this part
	poked   bool      // the writer was, since it last took the lines
	failed  bool      // the output fails
	closed  bool
	tally   *tally // nil: nothing is counted

	// Of the writer.
	pending []byte // lines that are being written
	spare   []byte // memory for the next ones

	_ [64]byte // what another processor writes is not on the same cache line
}

// decide takes a decision into the queue.
func (p *part) decide(e *Event) error {
	p.mu.Lock()
	err := p.accept(e)
	if err == ErrFull {
		p.mu.Unlock()
		p.log.reclaim()
		p.mu.Lock()
		err = p.accept(e)
	}
	if err != nil {
		p.mu.Unlock()
		return err
	}
	p.pokeAndUnlock()
	return nil
}

// accept puts a decision into the queue, or says why it cannot. p.mu is held.
func (p *part) accept(e *Event) error {
	switch {
	case p.closed:
		return ErrClosed
	case p.failed:
		return ErrSink
	case p.room == 0:
		if p.room = p.log.grant(); p.room == 0 {
			return ErrFull
		}
	}
	p.room--
	if due := e.Start.Add(mergeWindow); len(p.open) == 0 || due.Before(p.due) {
		p.due = due
	}
	e.place = place{at: len(p.open), taken: true}
	p.open = append(p.open, e)
	return nil
}

// complete makes a line.
func (p *part) complete(e *Event) {
	p.mu.Lock()
	if !e.taken {
		p.mu.Unlock()
		return
	}
	if e.written {
		p.made.completion(e)
	} else {
		p.decided(e, true)
	}
	e.taken = false
	if p.tally != nil {
		p.tally.completed(e)
	}
	p.pokeAndUnlock()
}

// decided makes the line of a decision. p.mu is held.
func (p *part) decided(e *Event, completed bool) {
	p.made.decision(e, completed)
	p.batched++
	last := len(p.open) - 1
	p.open[last].at = e.at
	p.open[e.at] = p.open[last]
	p.open[last] = nil
	p.open = p.open[:last]
	e.written = true
	if p.tally != nil {
		p.tally.decided(e)
	}
}

// pokeAndUnlock wakes the writer, unless it was woken before. p.mu is held.
func (p *part) pokeAndUnlock() {
	poked := p.poked
	p.poked = true
	p.mu.Unlock()
	if !poked {
		p.log.poke()
	}
}

// giveBack gives the places back that are free.
func (p *part) giveBack() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log.places.Add(p.room)
	p.room = 0
}

// hasRoom tells whether a decision would be taken without asking for more places.
func (p *part) hasRoom() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.room > 0
}

// close refuses further decisions.
func (p *part) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}

// gather takes the lines that were made, and makes those of decisions whose completion has not come in time.
func (p *part) gather() {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.poked = false
	if p.closed || !now.Before(p.due) {
		p.overdue(now)
	}
	p.pending, p.made.json, p.spare = p.made.json, p.spare, nil
	p.room += p.batched
	p.batched = 0
	if over := p.room - p.log.share; over > 0 {
		p.room -= over
		p.log.places.Add(over)
	}
}

// overdue makes the lines of decisions that have waited long enough. p.mu is held.
func (p *part) overdue(now time.Time) {
	p.due = now.Add(mergeWindow)
	for i := len(p.open) - 1; i >= 0; i-- {
		e := p.open[i]
		switch due := e.Start.Add(mergeWindow); {
		case p.closed || !now.Before(due):
			p.decided(e, false) // what takes its place was looked at before
		case due.Before(p.due):
			p.due = due
		}
	}
}

// settle notes how the last write went. It tells whether decisions wait for a line, and whether lines wait to be written.
func (p *part) settle(failed bool) (open, made bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed = failed
	return len(p.open) > 0, len(p.made.json) > 0
}
