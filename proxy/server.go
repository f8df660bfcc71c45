package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// Server serves a Handler on listeners.
type Server struct {
	handler *Handler
	inner   *fasthttp.Server

	stopping atomic.Bool

	mu        sync.Mutex
	looped    map[*clientConn]struct{} // open connections that event loops serve
	listeners []net.Listener
	down      bool
}

// Logger takes what the HTTP server says of itself, such as a listener that failed.
type Logger interface {
	Printf(format string, args ...any)
}

// NewServer makes a server for a handler.
//
// A request body reaches the handler while it is still being sent. The server reads up to 8 KiB of a body with a known
// length before it calls the handler, and at most 256 KiB of what the handler left unread, so that the connection can go
// on; beyond that it closes the connection.
func NewServer(h *Handler, log Logger) *Server {
	return &Server{handler: h, looped: map[*clientConn]struct{}{}, inner: &fasthttp.Server{
		Handler:       h.Serve,
		ExpectHandler: h.expect,
		ErrorHandler:  h.unread,
		ConnState:     state,
		Logger:        log,

		ReadBufferSize:  h.options.Limits.HeaderBytes,
		WriteBufferSize: 8 << 10,
		Concurrency:     h.options.goroutines,

		MaxIdleWorkerDuration: idleWorker,

		StreamRequestBody:            true,
		DisablePreParseMultipartForm: true,
		NoDefaultServerHeader:        true,
		NoDefaultDate:                true,
		NoDefaultContentType:         true,
		SecureErrorLogMessage:        true,
		CloseOnShutdown:              true,
		LazyRequestTime:              true,
	}}
}

// Serve accepts connections until the listener is closed or Shutdown is called, and then returns nil. With a TLS
// configuration connections are encrypted.
func (s *Server) Serve(ln net.Listener, tlsConfig *tls.Config) error {
	s.mu.Lock()
	if s.down {
		s.mu.Unlock()
		return ln.Close()
	}
	s.listeners = append(s.listeners, ln)
	s.mu.Unlock()
	return s.inner.Serve(newListener(ln, s, tlsConfig))
}

// Shutdown stops accepting, lets running requests end until ctx is done, and then closes the connections that are left.
// The error is that of ctx when some were. A server that was shut down serves no more.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.down = true
	for _, ln := range s.listeners {
		_ = ln.Close() // the inner server may not know of it yet
	}
	s.mu.Unlock()
	s.stopping.Store(true)
	err := s.inner.ShutdownWithContext(ctx)
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	for err == nil && s.endIdle() > 0 {
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	if err != nil && errors.Is(err, ctx.Err()) {
		s.handler.dog.closeAll()
	}
	return err
}

// endIdle ends the connections that rest in a loop, and tells how many are left.
func (s *Server) endIdle() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.looped {
		c.socket.EndIfResting()
	}
	return len(s.looped)
}

func (s *Server) join(c *clientConn) {
	s.mu.Lock()
	s.looped[c] = struct{}{}
	s.mu.Unlock()
}

func (s *Server) leave(c *clientConn) {
	s.mu.Lock()
	delete(s.looped, c)
	s.mu.Unlock()
}

// full tells whether there are as many connections in the loops as there may be; the inner server counts the others.
func (s *Server) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.looped) >= s.handler.options.Limits.Connections
}

// state follows a connection from request to request, for its limits.
func state(c net.Conn, to fasthttp.ConnState) {
	conn := clientOf(c)
	if conn == nil {
		return
	}
	switch to {
	case fasthttp.StateActive:
		conn.enter(phaseHeader)
	case fasthttp.StateIdle:
		conn.enter(phaseIdle)
	}
}

// unread answers a request that the HTTP parser refused. Its error may quote the request, and is not shown.
func (h *Handler) unread(ctx *fasthttp.RequestCtx, err error) {
	r := refuseMalformed
	var small *fasthttp.ErrSmallBuffer
	switch {
	case errors.As(err, &small):
		r = refuseHeaderSize
	case isTimeout(err):
		r = refuseReadTimeout
	}
	x := h.acquire(ctx)
	defer x.recovered()
	if x.upstream != nil { // a loop had begun
		x.dropUpstream()
	}
	x.surface = surfaceAPI
	x.deny(r)
	x.release()
}

// idleWorker is how long a goroutine that served a connection is kept for the next one: what an attack made goes away
// soon after it.
const idleWorker = 2 * time.Second

// acceptPause is how long accepting rests after an error that will pass, such as too many open files.
const acceptPause = 50 * time.Millisecond
