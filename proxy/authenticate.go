package proxy

import (
	"context"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/token"
)

// identify finds the token's session and classifies the request under the same route table: a reload in between would
// give permissions other numbers. What is wrong with the request itself is told only to the holder of a valid token.
func (x *exchange) identify() *refusal {
	for range 3 {
		if r := x.authenticate(); r != nil {
			return r
		}
		if table := x.h.options.Table(); table != x.table {
			x.table = table
			continue
		}
		return x.classify()
	}
	return refuseStore
}

// authenticate finds the session of the request's token.
func (x *exchange) authenticate() *refusal {
	times, wait := x.h.failures.over(x.client)
	if times >= lockedOut {
		return refuseTooMany(wait)
	}
	hash, err := x.tokenHash()
	if err != nil {
		x.h.failures.add(x.client)
		return x.orTooMany(refuseTokenMalformed, times, wait)
	}
	session, err := x.h.options.Sessions.GetAt(context.Background(), hash, x.event.Start)
	x.session = session
	if err == nil {
		return nil
	}
	state := x.h.options.TokenState(err)
	if state == TokenRotated {
		x.reused(hash)
	}
	r := tokenRefusal(state)
	if r.status == fasthttp.StatusUnauthorized {
		x.h.failures.add(x.client)
		r = x.orTooMany(r, times, wait)
	}
	return r
}

// tokenHash gives the hash of the request's token. The error is of a token that cannot be one.
func (x *exchange) tokenHash() (token.Hash, error) {
	if x.sealed.kind != sealNone {
		return x.sealed.hash, nil
	}
	return token.Parse(x.cred.secret)
}

// lockedOut is how many times over its limit a client is before its tokens are not even looked up: below that, a valid
// token from the same address still works.
const lockedOut = 10

func (x *exchange) orTooMany(r *refusal, times int, wait time.Duration) *refusal {
	if times > 0 {
		return refuseTooMany(wait)
	}
	return r
}

func refuseTooMany(wait time.Duration) *refusal {
	return &refusal{status: fasthttp.StatusTooManyRequests, reason: "failed_credentials", retry: max(wait, time.Second),
		message: "Too many wrong credentials came from this address. Wait before you try again."}
}
