package audit

import "time"

// write is the log's goroutine. It owns the batch, the counters and the list of decisions that wait for their completion.
func (l *Log) write() {
	defer close(l.done)
	var open []*entry // decisions whose request is still running, inside the merge window
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
		var last bool
		open, last = l.round(open)
		err := l.out.flush()
		l.mu.Lock()
		l.failure = err
		l.mu.Unlock()
		if reply != nil {
			close(reply)
		}
		if last {
			return
		}
		switch {
		case err != nil:
			timer.Reset(retryInterval)
		case len(open) > 0:
			timer.Reset(mergeWindow / 4)
		}
	}
}

// round moves everything that is due into the batch, and gives what stays open. last is true when the log was closed
// and nothing is left.
func (l *Log) round(open []*entry) (still []*entry, last bool) {
	l.mu.Lock()
	if l.failure != nil && !l.closed {
		l.mu.Unlock()
		return open, false
	}
	open = append(open, l.decisions...)
	clear(l.decisions)
	l.decisions = l.decisions[:0]
	ended := l.completions
	l.completions = nil
	closed := l.closed
	now := time.Now()
	due := make([]*entry, 0, len(open))
	still = open[:0]
	for _, x := range open {
		if closed || x.due(now) {
			x.written = true // from here on a completion gets a line of its own
			due = append(due, x)
		} else {
			still = append(still, x)
		}
	}
	clear(open[len(still):])
	l.waiting -= len(due)
	l.mu.Unlock()

	for _, x := range due {
		l.decision(x)
	}
	for _, x := range ended {
		l.completion(x)
	}
	return still, closed && len(still) == 0
}

// decision writes a decision's line, with the completion when that is known.
func (l *Log) decision(x *entry) {
	l.line(x.Start, "decision", x.decided)
	if c := l.options.Counters; c != nil {
		c.decided(x)
		if x.completed {
			c.completed(x)
		}
	}
	// An entry whose request still runs is looked at once more, by Completion.
	if x.completed {
		l.recycle(x)
	}
}

// completion writes the line of a request that ended after its decision was written.
func (l *Log) completion(x *entry) {
	l.line(x.Start.Add(x.Duration), "completion", x.finished)
	if c := l.options.Counters; c != nil {
		c.completed(x)
	}
	l.recycle(x)
}

// line adds a line to the batch.
func (l *Log) line(at time.Time, message string, fields func(*line)) {
	b := &l.out.line
	b.begin(at, message)
	fields(b)
	_ = b.end() // an error could only come from the encoder, which has none for these fields
}

// recycle gives an entry back that nothing points to any more.
func (l *Log) recycle(x *entry) {
	*x = entry{}
	l.entries.Put(x)
}
