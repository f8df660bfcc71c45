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
	first := 0 // the part with which to begin
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
		var err error
		for range l.parts {
			if err = l.parts[first].write(l.options.Out); err != nil {
				break // it goes on with this one, which may have written half a line
			}
			first = (first + 1) % len(l.parts)
		}
		waits, last := l.settle(err)
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

// settle tells all parts how the write went. Last says that the log is closed, and either everything is written or it cannot
// be; waits that decisions wait for their lines. Lines that were made since they were gathered are seen to at once: what was
// left of a write that failed is written before others are gathered, and the goroutine that made them may have poked
// before that.
func (l *Log) settle(err error) (waits, last bool) {
	l.mu.Lock()
	l.failure = err
	closed := l.closed
	l.mu.Unlock()
	more := false
	for _, p := range l.parts {
		open, made := p.settle(err != nil)
		waits = waits || open
		more = more || made || closed && open // it was closed since they were gathered
	}
	if more && err == nil {
		l.poke()
	}
	return waits, closed && (!more || err != nil)
}

// write gathers the lines of a part, unless some are left, and writes them.
func (p *part) write(out io.Writer) error {
	if len(p.pending) == 0 {
		p.gather()
	}
	lines := p.pending
	if len(lines) == 0 {
		p.spare, p.pending = lines, nil
		return nil
	}
	n, err := out.Write(lines)
	if n = max(n, 0); n < len(lines) && err == nil {
		err = io.ErrShortWrite
	}
	p.pending = lines[min(n, len(lines)):]
	if len(p.pending) == 0 && cap(lines) <= maxSpare {
		p.spare = lines[:0]
	}
	return err
}
