package proxy

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// listener wraps what it accepts in a clientConn, and bounds the connections of one address.
type listener struct {
	net.Listener
	h   *Handler
	tls *tls.Config

	mu     sync.Mutex
	byPeer map[netip.Addr]int
}

func newListener(ln net.Listener, h *Handler, tlsConfig *tls.Config) *listener {
	return &listener{Listener: ln, h: h, tls: tlsConfig, byPeer: map[netip.Addr]int{}}
}

// Accept waits for a connection. Only a closed listener is an error: whatever else stands in the way of accepting will
// pass, and must not end the server.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		if err != nil {
			time.Sleep(acceptPause)
			continue
		}
		if conn := l.wrap(c); conn != nil {
			return conn, nil
		}
	}
}

// wrap gives nil when the address has too many connections; it is then closed with an answer where that cannot block.
func (l *listener) wrap(c net.Conn) net.Conn {
	conn := &clientConn{limits: &l.h.options.Timeouts}
	c = newSocket(c)
	conn.Conn, conn.dog = c, l.h.dog
	if addr, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		conn.peer = addr.AddrPort().Addr().Unmap().WithZone("")
	}
	key := clientKey(conn.peer)
	if l.h.trusted.includes(conn.peer) {
		key = netip.Addr{} // it speaks for many clients
	}
	if !l.enter(key) {
		if l.tls == nil {
			_ = c.SetWriteDeadline(time.Now().Add(time.Second))
			_, _ = c.Write([]byte("HTTP/1.1 429 " + fasthttp.StatusMessage(fasthttp.StatusTooManyRequests) +
				"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
		}
		_ = c.Close()
		return nil
	}
	conn.release = func() { l.leave(key) }
	if l.tls != nil {
		conn.secure = tls.Server(c, l.tls)
		conn.Conn = conn.secure
	}
	l.h.dog.add(&conn.watched)
	conn.enter(phaseHeader)
	return conn
}

func (l *listener) enter(key netip.Addr) bool {
	limit := l.h.options.Limits.ConnectionsPerClient
	if limit <= 0 || !key.IsValid() {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byPeer[key] >= limit {
		return false
	}
	l.byPeer[key]++
	return true
}

func (l *listener) leave(key netip.Addr) {
	if l.h.options.Limits.ConnectionsPerClient <= 0 || !key.IsValid() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byPeer[key]--; l.byPeer[key] <= 0 {
		delete(l.byPeer, key)
	}
}
