package proxy

import (
	"runtime/debug"

	"github.com/valyala/fasthttp"

	"patgate/proxy/reply"
	"patgate/proxy/wire"
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
func (f *flight) proceed(u *wire.Upstream, from step) {
	c, x := f.conn, f.exchange()
	x.step, x.delivery.upstream = from, u
	c.Resume(x, x.in)
}

// proceed serves the request, from the beginning or from where a loop has left it.
func (x *exchange) proceed() (kept bool) {
	d, s := &x.delivery, &x.sending
	u, from := d.upstream, x.step
	d.upstream, x.step = nil, stepJudge
	switch from {
	case stepSend:
		return x.forward(d.pool)
	case stepAgain:
		return x.handOn(d.pool.Anew(s.Head, &s.Upload, false, &d.answer, x.claim()))
	case stepReceive:
		err := u.Receive(false, &d.answer)
		if err == nil && d.answer.StatusCode() == fasthttp.StatusRequestTimeout { // as in Pool.Do
			d.pool.Drop(u)
			return x.handOn(d.pool.Anew(s.Head, &s.Upload, false, &d.answer, x.claim()))
		}
		if err != nil {
			d.pool.Drop(u)
			u = nil
		}
		return x.handOn(u, err)
	case stepTimeout:
		return x.handOn(nil, wire.ErrTimeout)
	case stepBroken:
		return x.handOn(nil, wire.ErrBroken)
	case stepPanic:
		return x.deny(reply.ErrInternal)
	}
	return x.serve()
}

// Abandon ends an exchange that a loop began and no goroutine goes on with.
func (x *exchange) Abandon() {
	x.delivery.drop()
	x.event.Failure = reply.FailureClientGone
	x.complete(fasthttp.StatusServiceUnavailable, 0)
	x.release()
}

// panicked is recovered while a loop judges a request. A goroutine serves it then, and answers for what goes wrong there.
func (t *front) panicked(s *station, f *flight) {
	value := recover()
	if value == nil {
		return
	}
	h, x := t.h, s.x
	s.renew()
	f.spoiled = true
	h.report(value)
	if x.recorded {
		f.event.Failure = reply.FailurePanic
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
	f.front.station(f.conn).renew()
	f.front.h.report(value)
	if f.upstream != nil {
		f.discard()
	}
	f.event.Failure = reply.FailurePanic
	f.proceed(nil, stepPanic)
}

// report tells of a panic.
func (h *Handler) report(value any) {
	if p := h.options.Panicked; p != nil {
		p(value, debug.Stack())
	}
}
