package audit

import (
	"fmt"
	"io"
	"sync"
	"time"

	"go.uber.org/zap/zapcore"
)

// mergeWindow is how long a decision waits for its completion, so that both become one line. A request that takes
// longer gets a line of its own for each.
const mergeWindow = time.Second

// flushInterval is how long lines are gathered before they are written with one system call.
const flushInterval = 20 * time.Millisecond

// retryInterval is how long the log waits before it writes again what could not be written.
const retryInterval = 100 * time.Millisecond

// Options configure a Log.
type Options struct {
	// Out is where lines go. One Write is one batch of whole lines.
	Out io.Writer
	// Encoder writes one line; it is used by one goroutine. Nil is JSON, as NewEncoder(false) writes it, in less time.
	Encoder zapcore.Encoder
	// Queue is how many decisions may wait to be written. A request that runs longer than a second does not count.
	Queue int
	// Counters, when not nil, are folded from the events.
	Counters *Counters
}

// Log is a Sink that writes one line for each request. A decision takes a place in a bounded queue and waits there for its
// completion, which makes the line; a goroutine writes lines in batches, and gives a decision a line of its own when the
// completion does not come in time. When the queue is full or the output fails, decisions are refused. Lines that were made
// are kept until they can be written.
type Log struct {
	options Options
	entries sync.Pool
	lines   sync.Pool // for lines that are made outside of the lock
	wake    chan struct{}
	flush   chan chan struct{}
	done    chan struct{}

	mu      sync.Mutex
	open    []*entry // decisions without a line, in any order
	batch   line     // lines that the writer has not taken yet
	batched int      // decisions that have their line there: they are still in the queue
	failure error
	closed  bool
}

var _ Sink = (*Log)(nil)

// NewLog makes a log and starts its goroutine, which Close ends.
func NewLog(options Options) *Log {
	l := &Log{
		options: options,
		entries: sync.Pool{New: func() any { return new(entry) }},
		lines:   sync.Pool{New: func() any { return new(line) }},
		batch:   line{encoder: options.Encoder},
		wake:    make(chan struct{}, 1),
		flush:   make(chan chan struct{}),
		done:    make(chan struct{}),
	}
	go l.write()
	return l
}

// Decision takes a decision into the queue.
func (l *Log) Decision(e *Event) error {
	x := l.entries.Get().(*entry)
	x.take(e)
	l.mu.Lock()
	err := l.accept(x)
	l.mu.Unlock()
	if err != nil {
		l.recycle(x)
		return err
	}
	e.entry = x
	l.poke()
	return nil
}

// accept puts an entry into the queue, or says why it cannot. l.mu is held.
func (l *Log) accept(x *entry) error {
	switch {
	case l.closed:
		return ErrClosed
	case l.failure != nil:
		return ErrSink
	case l.full():
		return ErrFull
	}
	x.at = len(l.open)
	l.open = append(l.open, x)
	return nil
}

// full tells whether the queue is. l.mu is held.
func (l *Log) full() bool { return len(l.open)+l.batched >= l.options.Queue }

// Completion makes the line. It always succeeds: there are no more completions waiting than requests were running.
func (l *Log) Completion(e *Event) {
	x := e.entry
	if x == nil {
		return
	}
	e.entry = nil
	var made *line
	if l.options.Encoder == nil { // the lock is held for as long as it takes to copy it
		made = l.lines.Get().(*line)
		made.json = made.json[:0]
		made.decision(x, e)
	}
	l.mu.Lock()
	switch {
	case x.written:
		l.batch.completion(x, e)
	case made == nil:
		l.batch.decision(x, e)
	default:
		l.batch.json = append(l.batch.json, made.json...)
	}
	c := l.options.Counters
	if !x.written {
		l.batched++
		l.close(x)
		if c != nil {
			c.decided(x)
		}
	}
	if c != nil {
		c.completed(e)
	}
	l.mu.Unlock()
	l.poke()
	l.recycle(x)
	if made != nil {
		l.lines.Put(made)
	}
}

// close takes an entry out of those without a line. l.mu is held.
func (l *Log) close(x *entry) {
	last := len(l.open) - 1
	l.open[last].at = x.at
	l.open[x.at] = l.open[last]
	l.open[last] = nil
	l.open = l.open[:last]
	x.written = true
}

// recycle gives an entry back that nothing points to any more.
func (l *Log) recycle(x *entry) {
	*x = entry{}
	l.entries.Put(x)
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
	case l.full():
		return ErrFull
	}
	return nil
}

// Flush writes every completed request, and folds it into the counters, before it returns.
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
	l.mu.Lock()
	already := l.closed
	l.closed = true
	l.mu.Unlock()
	if !already {
		l.poke()
	}
	<-l.done
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure
}
