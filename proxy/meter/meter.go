package meter

import (
	"context"
	"sync"
	"time"

	"patgate/fleet"
	"patgate/token/limits"
)

// Counts is where uses and bytes are counted for all nodes. A store.Store is one.
type Counts interface {
	// TakeUse counts one use for each of some families, or for none of them: limits.ErrUsedUp when one has been used as
	// often as it may.
	TakeUse(ctx context.Context, of []limits.MostUses) error
	// AddBytes adds what families moved on a day, and gives what all of that day is.
	AddBytes(ctx context.Context, moved []limits.Moved) (sums []int64, err error)
	// LimitUse tells how often a family was used and what it moved on a day.
	LimitUse(ctx context.Context, family, day int64) (uses, bytes int64, err error)
}

// Options say where a Meter stands.
type Options struct {
	// Counts counts uses and bytes. Nil: a token that has such a limit is refused.
	Counts Counts
	// Fleet is how many nodes share the other counts; nil is this one alone.
	Fleet *fleet.Size
	// Patience is how long one question to Counts may take; 3 s when zero.
	Patience time.Duration
	// Report is told of bytes that could not be stored. Nil drops it.
	Report func(error)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

const (
	// freshFor is how old what the store said of a day's bytes may be: for so long a node does not know what others have moved.
	freshFor = 5 * time.Second
	// soon is when a request may be tried again for which too many others are under way.
	soon = time.Second
	// leastRoom is for how many families counts are kept before those that say nothing are looked for.
	leastRoom = 4096
	// mostAtOnce bounds what one transaction stores.
	mostAtOnce = 500
)

// Meter counts what tokens with limits do. It is safe for concurrent use.
type Meter struct {
	o Options

	mu     sync.Mutex
	counts map[int64]*count // by family
	room   int

	begin, end sync.Once
	began      time.Time
	stop       chan struct{}
	done       sync.WaitGroup
}

// New makes a meter. Run has it store bytes.
func New(o Options) *Meter {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Patience == 0 {
		o.Patience = 3 * time.Second
	}
	if o.Report == nil {
		o.Report = func(error) {}
	}
	return &Meter{o: o, counts: map[int64]*count{}, room: leastRoom, began: o.Now(), stop: make(chan struct{})}
}

// second is how long the meter has run, whatever becomes of the clock in that time.
func (m *Meter) second(now time.Time) int64 { return int64(now.Sub(m.began) / time.Second) }

// Run stores bytes now and then, until Close.
func (m *Meter) Run() {
	m.begin.Do(func() {
		if m.o.Counts != nil {
			m.done.Go(m.loop)
		}
	})
}

func (m *Meter) loop() {
	ticker := time.NewTicker(freshFor)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			m.Flush()
		case <-m.stop:
			return
		}
	}
}

// Close stops, and stores what is not stored yet.
func (m *Meter) Close() {
	m.end.Do(func() {
		close(m.stop)
		m.done.Wait()
		m.Flush()
	})
}

// Flush stores the bytes that the store does not know yet. What cannot be stored is tried again.
func (m *Meter) Flush() {
	if m.o.Counts == nil {
		return
	}
	moved := m.unstored()
	for len(moved) > 0 {
		some := moved[:min(len(moved), mostAtOnce)]
		if err := m.add(some); err != nil {
			m.o.Report(err)
			return
		}
		moved = moved[len(some):]
	}
}

// unstored is what the store does not know yet.
func (m *Meter) unstored() (moved []limits.Moved) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for family, c := range m.counts {
		if c.pending != 0 {
			moved = append(moved, limits.Moved{Family: family, Day: c.day, Bytes: c.pending})
		}
	}
	return moved
}

// add stores bytes.
func (m *Meter) add(moved []limits.Moved) error {
	ctx, cancel := context.WithTimeout(context.Background(), m.o.Patience)
	defer cancel()
	sums, err := m.o.Counts.AddBytes(ctx, moved)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range moved {
		if c := m.counts[moved[i].Family]; c != nil && c.day == moved[i].Day {
			c.stored, c.read = sums[i], m.o.Now()
			c.pending -= moved[i].Bytes
		}
	}
	return nil
}

// hold gives the counts of all levels, which stay those of their families until letGo.
func (m *Meter) hold(h *limits.Held, counts []*count, now time.Time) []*count {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(now)
	for i := range h.Levels {
		family := h.Levels[i].Family
		c := m.counts[family]
		if c == nil {
			c = &count{stored: -1}
			m.counts[family] = c
		}
		c.holders++
		counts = append(counts, c)
	}
	return counts
}

// sweep forgets counts that say nothing, when there are many.
func (m *Meter) sweep(now time.Time) {
	if len(m.counts) < m.room {
		return
	}
	for family, c := range m.counts {
		if c.idle(now, m.second(now)) {
			delete(m.counts, family)
		}
	}
	m.room = max(leastRoom, 2*len(m.counts))
}

// learn asks the store what families have moved today, where that is not known or was long ago. What is known goes on counting
// when the store cannot be asked.
func (m *Meter) learn(h *limits.Held, counts []*count, now time.Time) error {
	for i, c := range counts {
		l := &h.Levels[i]
		if l.Spec.BytesPerDay == 0 {
			continue
		}
		m.mu.Lock()
		c.turn(limits.DayOf(now))
		day := c.day
		age := now.Sub(c.read)
		known, fresh := c.stored >= 0, age >= 0 && age < freshFor
		m.mu.Unlock()
		if known && fresh {
			continue
		}
		_, bytes, err := m.used(l.Family, day)
		m.mu.Lock()
		switch {
		case err == nil && c.day == day:
			c.stored, c.read = max(bytes, c.stored), now
		case err != nil:
			c.read = now // not again at once
		}
		m.mu.Unlock()
		if err != nil && !known {
			return err
		}
	}
	return nil
}

func (m *Meter) used(family, day int64) (uses, bytes int64, err error) {
	if m.o.Counts == nil {
		return 0, 0, errNowhere
	}
	ctx, cancel := context.WithTimeout(context.Background(), m.o.Patience)
	defer cancel()
	return m.o.Counts.LimitUse(ctx, family, day)
}
