package proxy

import (
	"runtime/debug"

	"github.com/valyala/fasthttp"
)

// step is where a goroutine goes on with an exchange that a loop began.
type step uint8

const (
	stepJudge   step = iota // from the beginning: no loop has begun it
	stepSend                // it is decided and recorded, and must be sent
	stepAgain               // as stepSend, on a new connection: one that had been idle was closed just now
	stepReceive             // it is sent; the upstream connection has what came of the answer
	stepTimeout             // it is sent, and the answer did not come in time
	stepBroken              // it is sent, and the connection broke
	stepPanic
)

// proceed has a goroutine go on with the request, and with the connection that its answer comes on, if there is one.
func (f *flight) proceed(u *upstreamConn, from step) {
	c, x := f.conn, f.exchange()
	x.step, x.upstream = from, u
	c.resumed, c.ahead = x, x.in // the server reads the head once more
	c.give()
}

// proceed serves the request, from the beginning or from where a loop has left it.
func (x *exchange) proceed() (kept bool) {
	u, from := x.upstream, x.step
	x.step, x.upstream = stepJudge, nil
	switch from {
	case stepSend:
		return x.forward(x.pool)
	case stepAgain:
		return x.handOn(x.pool.anew(x.head, &x.upload, false, &x.answer, x.claim()))
	case stepReceive:
		err := u.receive(false, &x.answer)
		if err == nil && x.answer.StatusCode() == fasthttp.StatusRequestTimeout { // as in pool.do
			x.pool.drop(u)
			return x.handOn(x.pool.anew(x.head, &x.upload, false, &x.answer, x.claim()))
		}
		if err != nil {
			x.pool.drop(u)
			u = nil
		}
		return x.handOn(u, err)
	case stepTimeout:
		return x.handOn(nil, errUpstreamTimeout)
	case stepBroken:
		return x.handOn(nil, errUpstreamBroken)
	case stepPanic:
		return x.deny(refuseInternal)
	}
	return x.serve()
}

// dropUpstream closes the upstream connection.
func (x *exchange) dropUpstream() {
	u := x.upstream
	x.upstream = nil
	x.pool.drop(u)
}

// abandon ends an exchange that a loop began and no goroutine goes on with.
func (x *exchange) abandon() {
	if x.upstream != nil {
		x.dropUpstream()
	}
	x.event.Failure = failureClientGone
	x.complete(fasthttp.StatusServiceUnavailable, 0)
	x.release()
}

// panicked is recovered while a loop judges a request. A goroutine serves it then, and answers for what goes wrong there.
func (c *clientConn) panicked(f *flight) {
	value := recover()
	if value == nil {
		return
	}
	h, s := c.server.handler, c.station()
	x := s.x
	s.renew()
	f.spoiled = true
	h.report(value)
	if x.recorded {
		f.event.Failure = failurePanic
		h.options.Audit.Completion(&f.event)
	}
}

// panicked is recovered while a loop sends a request and hands its answer on.
func (f *flight) panicked() {
	value := recover()
	if value == nil {
		return
	}
	if f.over {
		panic(value) // nobody is left to be told
	}
	f.conn.station().renew()
	f.conn.server.handler.report(value)
	if f.upstream != nil {
		f.discard()
	}
	f.event.Failure = failurePanic
	f.proceed(nil, stepPanic)
}

// report tells of a panic.
func (h *Handler) report(value any) {
	if p := h.options.Panicked; p != nil {
		p(value, debug.Stack())
	}
}
