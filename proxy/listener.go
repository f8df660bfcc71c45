package proxy

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/forge"
	"patgate/proxy/loop"
)

// listener wraps what it accepts in a clientConn, and bounds the connections of one address.
type listener struct {
	net.Listener
	h      *Handler
	server *Server
	tls    *tls.Config

	mu     sync.Mutex
	byPeer map[netip.Addr]int
}

func newListener(ln net.Listener, s *Server, tlsConfig *tls.Config) *listener {
	return &listener{Listener: ln, h: s.handler, server: s, tls: tlsConfig, byPeer: map[netip.Addr]int{}}
}

// Accept waits for a connection that is not left to an event loop. Only a closed listener is an error: whatever else stands in the way of accepting will
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
		switch conn := l.wrap(c); {
		case conn == nil:
		case conn.socket == nil:
			return conn, nil
		case conn.socket.Start(true) != nil:
			_ = conn.Close()
		}
	}
}

// wrap gives nil when the address has too many connections; it is then closed with an answer where that cannot block.
func (l *listener) wrap(c net.Conn) *clientConn {
	conn := &clientConn{limits: &l.h.options.Timeouts, server: l.server}
	conn.dog = l.h.dog
	if addr, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		conn.peer = addr.AddrPort().Addr().Unmap().WithZone("")
		conn.from = conn.peer.String()
	}
	if l.server.full() {
		l.refuse(c, fasthttp.StatusServiceUnavailable)
		return nil
	}
	key := forge.AttemptKey(conn.peer)
	if l.h.proxies.includes(conn.peer) {
		key = netip.Addr{} // it speaks for many clients
	}
	if !l.enter(key) {
		l.refuse(c, fasthttp.StatusTooManyRequests)
		return nil
	}
	var socket *loop.Socket
	c, socket = l.h.adopt(c, nil)
	conn.Conn = c
	conn.release = func() { l.leave(key) }
	if l.tls != nil {
		if socket != nil && socket.Start(false) != nil {
			_ = c.Close()
			l.leave(key)
			return nil
		}
		conn.secure = tls.Server(c, l.tls)
		conn.Conn = conn.secure
	} else if socket != nil {
		conn.socket = socket
		l.server.join(conn)
		conn.release = func() { l.server.leave(conn); l.leave(key) }
		socket.Handle(conn)
	}
	l.h.dog.add(&conn.watched)
	conn.enter(phaseHeader)
	return conn
}

// refuse closes a connection, with an answer where that cannot block.
func (l *listener) refuse(c net.Conn, status int) {
	if l.tls == nil {
		_ = c.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = c.Write([]byte("HTTP/1.1 " + strconv.Itoa(status) + " " + fasthttp.StatusMessage(status) + "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
	}
	_ = c.Close()
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
