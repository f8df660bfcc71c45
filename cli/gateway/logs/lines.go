package logs

import (
	"errors"
	"io"
	"sync"
	"time"
)

// ErrUnread tells that nobody took what was still to be logged when the gateway ended: those lines are lost.
var ErrUnread = errors.New("the log is not read, and its last lines are lost")

// patience is how long, while the gateway ends, a line may wait for somebody to read the log.
const patience = 5 * time.Second

// lineWriter lets the audit log and the ordinary log share a stream without mixing lines. While the gateway runs, a write waits
// for as long as it takes: what cannot be recorded is not done. When the gateway ends, the wait is bounded.
type lineWriter struct {
	out    io.Writer
	turn   chan written  // holds one value, which the writer takes out
	lines  []byte        // being written; the writer's own
	ending chan struct{} // closed when the gateway is to end
	unread chan struct{} // closed when nobody reads the log
	giveUp sync.Once
}

// written is the outcome of a write.
type written struct {
	n   int
	err error
}

func newLineWriter(out io.Writer) *lineWriter {
	w := &lineWriter{out: out, turn: make(chan written, 1), ending: make(chan struct{}), unread: make(chan struct{})}
	w.turn <- written{}
	return w
}

// end bounds all waits from now on. It is called once.
func (w *lineWriter) end() { close(w.ending) }

// Write writes whole lines.
func (w *lineWriter) Write(p []byte) (int, error) {
	if got := w.await(w.turn); got.err != nil {
		return 0, got.err
	}
	w.lines = append(w.lines[:0], p...) // the caller uses p again when the write is given up
	done := make(chan written, 1)
	go func() {
		n, err := w.out.Write(w.lines)
		w.turn <- written{}
		done <- written{n, err}
	}()
	got := w.await(done)
	return got.n, got.err
}

// await waits: while the gateway ends, for at most patience.
func (w *lineWriter) await(c <-chan written) written {
	select {
	case got := <-c:
		return got
	case <-w.unread:
		return written{err: ErrUnread}
	case <-w.ending:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case got := <-c:
		return got
	case <-w.unread:
	case <-timer.C:
		w.giveUp.Do(func() { close(w.unread) })
	}
	return written{err: ErrUnread}
}
