package proxy

import (
	"context"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/proxy/reply"
)

// identify finds the token's session and classifies the request under the same route table: a reload in between would
// give permissions other numbers. What is wrong with the request itself is told only to the holder of a valid token.
func (x *exchange) identify() error {
	for range 3 {
		if r := x.authenticate(); r != nil {
			return r
		}
		if table := x.h.options.Table(); table != x.request.Table {
			x.request.Table = table
			continue
		}
		return x.classify()
	}
	return reply.ErrStore
}

// classify reads the target into an operation of the surface.
func (x *exchange) classify() (err error) {
	q, op := &x.request, &x.judgement.Op
	if r := strange(&q.Fields); r != nil {
		return r
	}
	if x.visit, err = q.Surface.Classify(q, op); err != nil {
		x.visit, op.Route = nil, nil
	}
	return err
}

// authenticate finds the session of the request's token.
func (x *exchange) authenticate() *reply.Refusal {
	q := &x.request
	times, wait := x.h.failures.over(q.Client)
	if times >= lockedOut {
		return refuseTooMany(wait)
	}
	hash, err := q.TokenHash()
	if err != nil {
		x.h.failures.add(q.Client)
		return orTooMany(reply.ErrTokenMalformed, times, wait)
	}
	session, err := x.h.options.Sessions.GetAt(context.Background(), hash, q.Start)
	x.judgement.Begin(&x.h.rules, session, x.event)
	if err == nil {
		return nil
	}
	state := x.h.options.TokenState(err)
	if state == TokenRotated {
		x.reused(hash)
	}
	r := tokenRefusal(state)
	if r.Status == fasthttp.StatusUnauthorized {
		x.h.failures.add(q.Client)
		r = orTooMany(r, times, wait)
	}
	return r
}

// lockedOut is how many times over its limit a client is before its tokens are not even looked up: below that, a valid
// token from the same address still works.
const lockedOut = 10

func orTooMany(r *reply.Refusal, times int, wait time.Duration) *reply.Refusal {
	if times > 0 {
		return refuseTooMany(wait)
	}
	return r
}

func refuseTooMany(wait time.Duration) *reply.Refusal {
	return &reply.Refusal{Status: fasthttp.StatusTooManyRequests, Reason: "failed_credentials", Retry: max(wait, time.Second),
		Message: "Too many wrong credentials came from this address. Wait before you try again."}
}

// tokenRefusal maps what the store knows of a token.
func tokenRefusal(state TokenState) *reply.Refusal {
	switch state {
	case TokenUnknown:
		return reply.ErrTokenUnknown
	case TokenExpired:
		return reply.ErrTokenExpired
	case TokenRevoked:
		return reply.ErrTokenRevoked
	case TokenRotated:
		return reply.ErrTokenRotated
	case TokenPaused:
		return reply.ErrTokenPaused
	case TokenCredentialInvalid:
		return reply.ErrOwner
	}
	return reply.ErrStore
}
