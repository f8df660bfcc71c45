package proxy

import (
	"runtime/debug"

	"github.com/valyala/fasthttp"
)

// step is where a goroutine goes on with an exchange that a loop began.
type step uint8

const (
	stepJudge   step = iota // from the beginning, but for the session that was found
	stepSend                // it is decided and recorded, and must be sent
	stepAgain               // as stepSend, on a new connection: one that had been idle was closed just now
	stepReceive             // it is sent; the upstream connection has what came of the answer
	stepTimeout             // it is sent, and the answer did not come in time
	stepBroken              // it is sent, and the connection broke
	stepPanic
)

// proceedFrom has a goroutine go on with the exchange.
func (x *exchange) proceedFrom(s step) {
	c := x.conn
	x.step = s
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
		return x.handOn(x.pool.anew(x.head, &x.upload, false, &x.answer, x.loop()))
	case stepReceive:
		err := u.receive(false, &x.answer)
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
	x.upstream, u.x = nil, nil
	u.done()
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

// panicked is recovered for what a loop does.
func (x *exchange) panicked() {
	value := recover()
	if value == nil {
		return
	}
	if x.h == nil {
		panic(value) // the exchange is over: nobody is left to be told
	}
	if p := x.h.options.Panicked; p != nil {
		p(value, debug.Stack())
	}
	if x.upstream != nil {
		x.dropUpstream()
	}
	x.event.Failure = failurePanic
	x.proceedFrom(stepPanic)
}
