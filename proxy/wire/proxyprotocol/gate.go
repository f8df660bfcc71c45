package proxyprotocol

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Gate keeps connections of proxies until their header has come. Its zero value is not of use: give it its fields.
type Gate struct {
	// Wait bounds the time for a whole header.
	Wait time.Duration
	// Refused, when not nil, is told of connections that are closed for want of a good header.
	Refused func(peer net.Addr, problem error)

	mu      sync.Mutex
	waiting map[net.Conn]struct{}
}

// errLate says that a header did not come in time.
var errLate = errors.New("no whole header of the PROXY protocol has come in time")

// Take waits for the header of a connection in a goroutine, and then gives the connection away, with the client's address as Read
// gives it. Without a good header it is closed.
func (g *Gate) Take(c net.Conn, give func(c net.Conn, client netip.Addr)) {
	g.mu.Lock()
	if g.waiting == nil {
		g.waiting = map[net.Conn]struct{}{}
	}
	g.waiting[c] = struct{}{}
	g.mu.Unlock()
	go func() {
		defer g.leave(c) // who ends the server finds it here until then
		client, err := g.read(c)
		if err == nil {
			give(c, client)
			return
		}
		_ = c.Close()
		g.leave(c)                                                                         // who is told may make it wait
		if g.Refused != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) { // who only looks
			g.Refused(c.RemoteAddr(), err)
		}
	}()
}

func (g *Gate) leave(c net.Conn) {
	g.mu.Lock()
	delete(g.waiting, c)
	g.mu.Unlock()
}

func (g *Gate) read(c net.Conn) (client netip.Addr, err error) {
	if err := c.SetReadDeadline(time.Now().Add(g.Wait)); err != nil {
		return client, err
	}
	client, err = Read(c)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		err = errLate
	}
	if err == nil {
		err = c.SetReadDeadline(time.Time{})
	}
	return client, err
}

// Waiting tells how many connections wait.
func (g *Gate) Waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}

// Close ends the connections that wait.
func (g *Gate) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.waiting {
		_ = c.Close()
	}
}
