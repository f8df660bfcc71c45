package audit

import (
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap/zapcore"
)

// mergeWindow is how long a decision waits for its completion, so that both become one line. A request that takes
// longer gets a line of its own for each.
const mergeWindow = time.Second

// flushInterval is how long lines are gathered before they are written.
const flushInterval = 20 * time.Millisecond

// retryInterval is how long the log waits before it writes again what could not be written.
const retryInterval = 100 * time.Millisecond

// Options configure a Log.
type Options struct {
	// Out is where lines go. One Write is one batch of whole lines.
	Out io.Writer
	// Encoder writes one line; it is used by one goroutine at a time. Nil is JSON, as NewEncoder(false) writes it, in less time.
	Encoder zapcore.Encoder
	// Queue is how many decisions may wait to be written. A request that runs longer than a second does not count.
	Queue int
	// Counters, when not nil, are folded from the events. They belong to one log.
	Counters *Counters
}

// Log is a Sink that writes one line for each request. A decision takes a place in a bounded queue and waits there for its
// completion, which makes the line; a goroutine writes lines in batches, and gives a decision a line of its own when the
// completion does not come in time. When the queue is full or the output fails, decisions are refused. Lines that were made
// are kept until they can be written. Lines are in any order.
type Log struct {
	options Options
	parts   []*part
	places  atomic.Int64 // of the queue, that no part has
	share   int64        // how many a part takes at once
	wake    chan struct{}
	flush   chan chan struct{}
	done    chan struct{}

	mu      sync.Mutex
	failure error // of the last write
	closed  bool  // and so are all parts
}

var _ Sink = (*Log)(nil)

// NewLog makes a log and starts its goroutine, which Close ends.
func NewLog(options Options) *Log {
	n := runtime.GOMAXPROCS(0) + 1 // for every event loop and for what is in none
	if options.Encoder != nil {
		n = 1 // it keeps a state
	}
	l := &Log{
		options: options,
		parts:   make([]*part, n),
		share:   int64(max(1, options.Queue/(16*n))),
		wake:    make(chan struct{}, 1),
		flush:   make(chan chan struct{}),
		done:    make(chan struct{}),
	}
	for i := range l.parts {
		l.parts[i] = &part{log: l, made: line{encoder: options.Encoder}}
		if c := options.Counters; c != nil {
			l.parts[i].tally = c.newTally(&l.parts[i].mu)
		}
	}
	l.places.Store(int64(options.Queue))
	go l.write()
	return l
}

// part gives the one that an event belongs to.
func (l *Log) part(e *Event) *part { return l.parts[uint(e.Part)%uint(len(l.parts))] }

// Decision takes a decision into the queue.
func (l *Log) Decision(e *Event) error { return l.part(e).decide(e) }

// Completion makes the line. It always succeeds: there are no more completions waiting than requests were running.
func (l *Log) Completion(e *Event) { l.part(e).complete(e) }

// grant takes places for a part, as many as it may take at once if there are so many.
func (l *Log) grant() int64 {
	for {
		left := l.places.Load()
		n := min(left, l.share)
		if n <= 0 {
			return 0
		}
		if l.places.CompareAndSwap(left, left-n) {
			return n
		}
	}
}

// reclaim takes back the places that parts keep free for themselves: another one needs them.
func (l *Log) reclaim() {
	for _, p := range l.parts {
		p.giveBack()
	}
}

// poke wakes the writer.
func (l *Log) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Err tells why decisions are refused; nil when they are taken.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.failure != nil:
		return fmt.Errorf("%w: %w", ErrSink, l.failure)
	case l.closed:
		return ErrClosed
	case l.places.Load() <= 0:
		for _, p := range l.parts {
			if p.hasRoom() {
				return nil
			}
		}
		return ErrFull
	}
	return nil
}

// Flush writes every completed request before it returns.
func (l *Log) Flush() {
	reply := make(chan struct{})
	select {
	case l.flush <- reply:
		<-reply
	case <-l.done:
	}
}

// Close refuses further decisions, writes everything that was taken, and ends. It returns the error of the last write
// when that failed.
func (l *Log) Close() error {
	for _, p := range l.parts {
		p.close() // first, so that nothing is taken once the writer knows
	}
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.poke()
	<-l.done
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure
}
