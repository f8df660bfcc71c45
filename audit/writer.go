package audit

import (
	"io"
	"time"
)

// maxSpare bounds what is kept of a batch's memory for the next one.
const maxSpare = 4 << 20

// write is the log's goroutine: it writes what was gathered, and sees to decisions whose completion does not come.
func (l *Log) write() {
	defer close(l.done)
	var pending, spare []byte // the batch that is being written, and memory for the next one
	timer := time.NewTimer(0)
	for {
		var reply chan struct{}
		select {
		case <-l.wake:
			timer.Reset(flushInterval)
			select {
			case <-timer.C:
			case reply = <-l.flush:
			}
		case <-timer.C:
		case reply = <-l.flush:
		}
		if len(pending) == 0 {
			pending, spare = l.gather(spare), nil
		}
		rest, err := writeAll(l.options.Out, pending)
		if len(rest) == 0 && cap(pending) <= maxSpare {
			spare = pending[:0]
		}
		pending = rest
		l.mu.Lock()
		l.failure = err
		last, waits := l.closed, len(l.open) > 0
		if last && err == nil && (waits || len(l.batch.json) > 0) { // it was closed since they were gathered
			last = false
			l.poke()
		}
		l.mu.Unlock()
		if reply != nil {
			close(reply)
		}
		switch {
		case last:
			return
		case err != nil:
			timer.Reset(retryInterval)
		case waits:
			timer.Reset(mergeWindow / 4)
		}
	}
}

// gather takes the lines that were made, and makes those of decisions whose completion has not come in time. The memory is
// for the next ones.
func (l *Log) gather(memory []byte) []byte {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.open) - 1; i >= 0; i-- {
		x := l.open[i]
		if !l.closed && now.Sub(x.Start) < mergeWindow {
			continue
		}
		l.batch.decision(x, nil)
		l.close(x) // what takes its place was looked at before
		if c := l.options.Counters; c != nil {
			c.decided(x)
		}
	}
	lines := l.batch.json
	l.batch.json, l.batched = memory, 0
	return lines
}

// writeAll writes, and gives what could not be written.
func writeAll(out io.Writer, lines []byte) (rest []byte, err error) {
	if len(lines) == 0 {
		return nil, nil
	}
	n, err := out.Write(lines)
	if n = max(n, 0); n < len(lines) && err == nil {
		err = io.ErrShortWrite
	}
	return lines[min(n, len(lines)):], err
}
