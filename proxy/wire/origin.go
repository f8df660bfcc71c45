package wire

import (
	"crypto/tls"
	"net"
	"strings"
)

// PoolOptions say where a Pool's connections lead.
type PoolOptions struct {
	Scheme      string      // http or https
	Host        string      // with or without a port
	TLS         *tls.Config // of an https origin; nil verifies against the system's authorities
	Connections int         // that may be open
	Timeouts    *Timeouts
	Watchdog    *Watchdog // not yet running
	Loops       *Loops
}

// NewPool makes a pool of connections to an origin.
func NewPool(o PoolOptions) *Pool {
	p := &Pool{
		address: o.Host,
		limits:  o.Timeouts,
		dog:     o.Watchdog,
		max:     o.Connections,
		loops:   o.Loops,
		idle:    newIdleLists(o.Loops.Count()),
	}
	p.dog.also = append(p.dog.also, p.reap)
	name := o.Host
	if only, port, err := net.SplitHostPort(o.Host); err == nil {
		name = only
		p.address = net.JoinHostPort(only, port)
	} else {
		name = strings.Trim(name, "[]")
		p.address = net.JoinHostPort(name, map[string]string{"http": "80", "https": "443"}[o.Scheme])
	}
	if o.Scheme == "https" {
		config := &tls.Config{}
		if o.TLS != nil {
			config = o.TLS.Clone()
		}
		if config.ServerName == "" {
			config.ServerName = name
		}
		config.NextProtos = []string{"http/1.1"}
		config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
		config.ClientSessionCache = tls.NewLRUClientSessionCache(64)
		p.tls = config
	}
	return p
}

// Encrypted tells whether the connections are.
func (p *Pool) Encrypted() bool { return p.tls != nil }

// Counts gives how many connections are open, and how many of them idle.
func (p *Pool) Counts() (open, idle int) {
	for _, list := range p.idle {
		list.mu.Lock()
		for c := list.all.oldest; c != nil; c = c.beside[ofAll].newer {
			idle++
		}
		list.mu.Unlock()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open, idle
}
