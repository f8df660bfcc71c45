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

// Log is a Sink that writes one line for each request. Decisions are taken into a bounded queue, and a goroutine writes
// them in batches: within a second of the decision, and usually merged with the completion. When the queue is full or
// the output fails, decisions are refused. Lines that were taken are kept until they can be written.
type Log struct {
	options Options
	out     *batch
	entries sync.Pool
	wake    chan struct{}
	flush   chan chan struct{}
	done    chan struct{}

	mu          sync.Mutex
	decisions   []*entry // taken, not yet seen by the writer
	completions []*entry // completed after their decision was written
	waiting     int      // decisions that are not written yet
	failure     error
	closed      bool
}

var _ Sink = (*Log)(nil)

// NewLog makes a log and starts its goroutine, which Close ends.
func NewLog(options Options) *Log {
	l := &Log{
		options: options,
		out:     &batch{out: options.Out, line: line{encoder: options.Encoder}},
		entries: sync.Pool{New: func() any { return new(entry) }},
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
		l.entries.Put(x)
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
	case l.waiting >= l.options.Queue:
		return ErrFull
	}
	l.waiting++
	l.decisions = append(l.decisions, x)
	return nil
}

// Completion adds what the end of the request tells. It always succeeds: there are no more completions waiting than
// requests were running.
func (l *Log) Completion(e *Event) {
	x := e.entry
	if x == nil {
		return
	}
	e.entry = nil
	l.mu.Lock()
	if x.written {
		// The writer may still be reading x, so the completion is an entry of its own.
		x = new(entry)
		x.take(e)
		l.completions = append(l.completions, x)
	}
	x.complete(e)
	l.mu.Unlock()
	l.poke()
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
	case l.waiting >= l.options.Queue:
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

// batch gathers lines and writes them at once.
type batch struct {
	out  io.Writer
	line line // the present one, behind those that wait
}

// flush writes what was gathered. What could not be written stays.
func (b *batch) flush() error {
	pending := b.line.json
	if len(pending) == 0 {
		return nil
	}
	n, err := b.out.Write(pending)
	if n > 0 {
		pending = append(pending[:0], pending[n:]...)
	}
	b.line.json = pending
	if err == nil && len(pending) > 0 {
		err = io.ErrShortWrite
	}
	return err
}
