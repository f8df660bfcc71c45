package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/forge"
	"patgate/proxy/header"
	"patgate/proxy/reading"
	"patgate/proxy/reply"
	"patgate/proxy/wire"
)

// Server serves a Handler on listeners.
type Server struct {
	handler *Handler
	inner   *fasthttp.Server
	door    *wire.Door

	mu        sync.Mutex
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
	s := &Server{handler: h, inner: &fasthttp.Server{
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
	s.door = wire.NewDoor(wire.DoorOptions{
		Timeouts:     &h.options.Timeouts,
		HeaderBytes:  h.options.Limits.HeaderBytes,
		Connections:  h.options.Limits.Connections,
		PerClient:    h.options.Limits.ConnectionsPerClient,
		Watchdog:     h.dog,
		Loops:        h.loops,
		Front:        h.front,
		Serve:        s.inner.ServeConn,
		ClientKey:    forge.AttemptKey,
		SpeaksForAll: h.reader.Proxies.Includes,
		Announces:    func(a netip.Addr) bool { return reading.Includes(h.options.ProxyProtocol, a) },
		Unannounced:  h.options.Unannounced,
	})
	return s
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
	return s.inner.Serve(s.door.Listen(ln, tlsConfig))
}

// Leave has answers say that their connection ends, and ends it, while connections are still accepted: clients and balancers that
// open another one find their way to another server.
func (s *Server) Leave() { s.door.Leave() }

// freshFor is how long a connection that was just opened may take to send its first request when the server ends.
const freshFor = time.Second

// endIdle ends what rests in loops until no connection is left there. fresh is as for Door.EndIdle.
func (s *Server) endIdle(ctx context.Context, fresh bool) error {
	for s.door.EndIdle(fresh) > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
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
	s.door.Stop()
	// The library closes connections whose request it has not begun to read, also one that a loop has just handed over.
	fresh, cancel := context.WithTimeout(ctx, freshFor)
	defer cancel()
	_ = s.endIdle(fresh, false) // what is left is shut down with the others
	err := s.inner.ShutdownWithContext(ctx)
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	if err == nil {
		err = s.endIdle(ctx, true)
	}
	if err != nil && errors.Is(err, ctx.Err()) {
		s.handler.dog.CloseAll()
	}
	return err
}

// state follows a connection from request to request, for its limits.
func state(c net.Conn, to fasthttp.ConnState) {
	conn := wire.ClientOf(c)
	if conn == nil {
		return
	}
	switch to {
	case fasthttp.StateActive:
		conn.Enter(wire.PhaseHeader)
	case fasthttp.StateIdle:
		conn.Enter(wire.PhaseIdle)
	}
}

// unread answers a request that the HTTP parser refused. Its error may quote the request, and is not shown.
func (h *Handler) unread(ctx *fasthttp.RequestCtx, err error) {
	r := reply.ErrMalformed
	var small *fasthttp.ErrSmallBuffer
	switch {
	case errors.As(err, &small):
		r = reply.ErrHeaderSize
	case wire.IsTimeout(err):
		r = reply.ErrReadTimeout
	}
	x := h.acquire(ctx)
	defer x.recovered()
	x.left.drop() // a loop may have begun
	x.deny(r)
	x.release()
}

// idleWorker is how long a goroutine that served a connection is kept for the next one: what an attack made goes away
// soon after it.
const idleWorker = 2 * time.Second

// Client gives the address that a request comes from which another listener took, by the address of its connection and its
// lines of X-Forwarded-For.
func (h *Handler) Client(peer netip.Addr, forwardedFor []string) netip.Addr {
	var f header.Block
	for _, line := range forwardedFor {
		f.Add(header.ForwardedFor, []byte(line))
	}
	client, _ := h.reader.Proxies.Client(peer.WithZone("").Unmap(), false, &f)
	return client
}
