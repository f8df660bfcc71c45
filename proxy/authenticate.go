package proxy

import (
	"context"
	"errors"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/cache"
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

// authenticate finds the session of the request's token. From an address that is far beyond its limit only tokens that were
// valid lately are looked up, and those that come to end one.
func (x *exchange) authenticate() *refusal {
	attempts := x.h.attempts
	hash, err := x.tokenHash()
	if err != nil {
		print := attempts.Fingerprint(x.cred.secret)
		_, wait := attempts.AdmitToken(x.client, print)
		attempts.Wrong(x.client, print)
		return orTooMany(refuseTokenMalformed, wait)
	}
	print := attempts.OfToken(hash)
	admitted, wait := attempts.AdmitToken(x.client, print)
	ctx := context.Background()
	if !admitted && x.revocation() == RevokesNothing {
		ctx = x.h.kept
	}
	session, err := x.h.options.Sessions.GetAt(ctx, hash, x.event.Start)
	x.session = session
	switch {
	case err == nil:
		attempts.Accepted(print)
		return nil
	case errors.Is(err, cache.ErrNotKept):
		return refuseTooMany(wait)
	}
	state := x.h.options.TokenState(err)
	if state == TokenRotated {
		x.reused(hash)
	}
	r := tokenRefusal(state)
	if r.status == fasthttp.StatusUnauthorized {
		attempts.Wrong(x.client, print)
		r = orTooMany(r, wait)
	}
	return r
}

// orTooMany answers for a wrong token from an address that has sent too many.
func orTooMany(r *refusal, wait time.Duration) *refusal {
	if wait > 0 {
		return refuseTooMany(wait)
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
