package meter

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"patgate/proxy/reply"
	"patgate/token/limits"
)

// errNowhere: no meter counts.
var errNowhere = errors.New("nothing counts uses and bytes")

// Pass is one request's leave to go on, as long as that lasts. The zero value is that of a request that was not admitted.
type Pass struct {
	m         *Meter
	held      *limits.Held
	counts    []*count // of the levels of held, in their order
	entered   bool
	connected bool
	moved     int64 // bytes that are counted already
	reserved  int64 // those of the body that are announced and not counted yet
	// Foreseen: the request comes again, with its body. It is held to what is counted, and nothing is counted for it now.
	Foreseen bool
}

// Admit lets a request with a token pass, or tells why not. ends: it takes a token's power away, and is held to the networks
// alone. length is what is known of its body's length. What it counts lasts until Release.
func (p *Pass) Admit(m *Meter, h *limits.Held, from netip.Addr, ends bool, length int64) *reply.Refusal {
	if h == nil || p.held != nil {
		return nil
	}
	if !h.From(from) {
		return refuseNetwork(from)
	}
	if ends {
		return nil
	}
	now := m.o.Now()
	if open, next := h.At(now); !open {
		return refuseWindow(now, next)
	}
	p.m, p.held, p.counts = m, h, m.hold(h, p.counts[:0], now)
	if p.Foreseen {
		r := p.foresee(now, max(length, 0))
		p.Release()
		p.Foreseen = true
		return r
	}
	if r := p.enter(now, max(length, 0)); r != nil {
		p.Release()
		return r
	}
	if h.Counts(limits.MaxUses) {
		if r := m.takeUse(h); r != nil {
			p.Release()
			return r
		}
	}
	return nil
}

// enter counts a request that is within what is counted here.
func (p *Pass) enter(now time.Time, length int64) *reply.Refusal {
	if r := p.learn(now); r != nil {
		return r
	}
	m := p.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := p.within(now, length); r != nil {
		return r
	}
	for _, c := range p.counts {
		c.take()
		c.atOnce++
		c.reserved += length
	}
	p.entered, p.reserved = true, length
	return nil
}

// foresee tells, by a refusal, that a request would not pass now.
func (p *Pass) foresee(now time.Time, length int64) *reply.Refusal {
	if r := p.learn(now); r != nil {
		return r
	}
	m := p.m
	m.mu.Lock()
	r := p.within(now, length)
	m.mu.Unlock()
	if r != nil {
		return r
	}
	for i := range p.held.Levels {
		l := &p.held.Levels[i]
		if l.Spec.MaxUses == 0 {
			continue
		}
		switch uses, _, err := m.used(l.Family, limits.DayOf(now)); {
		case err != nil:
			m.o.Report(err)
			return reply.ErrStore
		case uses >= l.Spec.MaxUses:
			return ErrUsedUp
		}
	}
	return nil
}

// learn gets to know what was moved today, where that is limited.
func (p *Pass) learn(now time.Time) *reply.Refusal {
	if !p.held.Counts(limits.BytesPerDay) {
		return nil
	}
	if err := p.m.learn(p.held, p.counts, now); err != nil {
		p.m.o.Report(err)
		return reply.ErrStore
	}
	return nil
}

// within tells, by a refusal, which limit one more request would be beyond.
func (p *Pass) within(now time.Time, length int64) *reply.Refusal {
	m := p.m
	for i, c := range p.counts {
		l := &p.held.Levels[i]
		c.advance(m.second(now))
		c.turn(limits.DayOf(now))
		if most := m.share(l.Spec.RequestsPerMinute); most > 0 && c.sum >= most {
			return refuseCount(limits.RequestsPerMinute, c.wait(most))
		}
		if most := m.share(l.Spec.RequestsAtOnce); most > 0 && c.atOnce >= most {
			return refuseCount(limits.RequestsAtOnce, soon)
		}
		if most := l.Spec.BytesPerDay; most > 0 {
			if c.stored < 0 { // a day began since the store was asked
				return reply.ErrStore
			}
			if c.bytes() >= most || length > most-c.bytes() {
				return refuseCount(limits.BytesPerDay, untilMidnight(now))
			}
		}
	}
	return nil
}

// share is this node's part of a count.
func (m *Meter) share(most int64) int64 { return int64(m.o.Fleet.Share(int(most))) }

// takeUse counts a use for good. When nobody can be asked there is none.
func (m *Meter) takeUse(h *limits.Held) *reply.Refusal {
	var of []limits.MostUses
	for i := range h.Levels {
		if l := &h.Levels[i]; l.Spec.MaxUses > 0 {
			of = append(of, limits.MostUses{Family: l.Family, Most: l.Spec.MaxUses})
		}
	}
	err := errNowhere
	if m.o.Counts != nil {
		ctx, cancel := context.WithTimeout(context.Background(), m.o.Patience)
		defer cancel()
		err = m.o.Counts.TakeUse(ctx, of)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, limits.ErrUsedUp):
		return ErrUsedUp
	}
	m.o.Report(err)
	return reply.ErrStore
}

// Connect counts the request among those at the forge, or tells why it may not go there now.
func (p *Pass) Connect() *reply.Refusal {
	if p.held == nil || p.connected {
		return nil
	}
	m := p.m
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range p.held.Levels {
		l := &p.held.Levels[i]
		if most := m.share(l.Spec.UpstreamConnections); most > 0 && p.counts[i].connected >= most {
			return refuseCount(limits.UpstreamConnections, soon)
		}
	}
	for _, c := range p.counts {
		c.connected++
	}
	p.connected = true
	return nil
}

// Move counts bytes of the request's body and its answer's: all of them so far. False: there are more than the day allows.
func (p *Pass) Move(all int64) (within bool) {
	if p.held == nil {
		return true
	}
	m, now := p.m, p.m.o.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	more := all - p.moved
	if more <= 0 {
		return true
	}
	announced := min(more, p.reserved)
	p.moved, p.reserved = all, p.reserved-announced
	within = true
	for i, c := range p.counts {
		c.reserved -= announced
		most := p.held.Levels[i].Spec.BytesPerDay
		if most == 0 {
			continue
		}
		c.turn(limits.DayOf(now))
		c.pending += more
		within = within && c.bytes() <= most
	}
	return within
}

// Take counts what has come of the request's body so far, or tells, by a refusal, that it is more than the day allows.
func (p *Pass) Take(received int64) *reply.Refusal {
	if p.Move(received) {
		return nil
	}
	return refuseCount(limits.BytesPerDay, untilMidnight(p.m.o.Now()))
}

// Fits tells, by a refusal, that an answer of a length would be more than the day allows. done: what was asked for is done by
// now, so that the answer says nothing of another try, and the length counts, as if it had come.
func (p *Pass) Fits(length int64, done bool) *reply.Refusal {
	if p.held == nil || length <= 0 {
		return nil
	}
	m, now := p.m, p.m.o.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	fits := true
	for i, c := range p.counts {
		c.turn(limits.DayOf(now))
		if most := p.held.Levels[i].Spec.BytesPerDay; most > 0 && length > most-c.bytes() {
			fits = false
		}
	}
	switch {
	case fits:
		return nil
	case !done:
		return refuseCount(limits.BytesPerDay, untilMidnight(now))
	}
	for i, c := range p.counts {
		if p.held.Levels[i].Spec.BytesPerDay > 0 {
			c.pending += length
		}
	}
	return ErrDone
}

// Release ends it. It may be called again.
func (p *Pass) Release() {
	m, counts := p.m, p.counts
	if p.held != nil {
		m.mu.Lock()
		for _, c := range counts {
			c.holders--
			c.reserved -= p.reserved
			if p.entered {
				c.atOnce--
			}
			if p.connected {
				c.connected--
			}
		}
		m.mu.Unlock()
	}
	clear(counts)
	*p = Pass{counts: counts[:0]}
}
