package wire

import (
	"patgate/dial"
	"patgate/fleet"
	"patgate/fleet/share"
)

// PoolOptions say where a Pool's connections lead.
type PoolOptions struct {
	Dialer      *dial.Dialer
	Connections int // that may be open, of all nodes together
	Fleet       *fleet.Size
	Timeouts    *Timeouts
	Watchdog    *Watchdog // not yet running
	Loops       *Loops
}

// NewPool makes a pool of connections to a server.
func NewPool(o PoolOptions) *Pool {
	p := &Pool{
		dialer: o.Dialer,
		tls:    o.Dialer.TLS(),
		limits: o.Timeouts,
		dog:    o.Watchdog,
		max:    o.Connections,
		fleet:  o.Fleet,
		loops:  o.Loops,
		idle:   newIdleLists(o.Loops.Count()),
		shares: share.New(o.Connections, o.Fleet),
	}
	p.dog.also = append(p.dog.also, p.reap)
	return p
}

// Counts gives how many connections are open, and how many of them idle.
func (p *Pool) Counts() (open, idle int) {
	for _, list := range p.idle {
		list.mu.Lock()
		for c := list.all.oldest; c != nil; c = c.beside[ofAll].newer {
			idle++
		}
		list.mu.Unlock()
	}
	return int(p.open.Load()), idle
}
