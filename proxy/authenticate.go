package proxy

import (
	"context"
	"errors"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/cache"
	"patgate/proxy/local"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
)

// identify finds the token's session and classifies the request under the same route table. A reload in between would give
// permissions other numbers, so that the request is read anew under the new table. What is wrong with the request itself is told
// only to the holder of a valid token.
func (x *exchange) identify() error {
	for range 3 {
		if r := x.authenticate(); r != nil {
			return r
		}
		table := x.h.options.Table()
		if table == x.request.Table {
			return classify(&x.request, &x.judgement)
		}
		conn := x.request.Conn
		x.request.Reset()
		x.arrive(conn, table)
		if r := x.read(); r != nil {
			return r
		}
	}
	return reply.ErrStore
}

// classify reads the target into an operation of the surface.
func classify(q *surface.Request, j *surface.Judgement) (err error) {
	if r := strange(&q.Fields); r != nil {
		return r
	}
	j.Visit, err = q.Surface.Classify(q, &j.Op)
	return err
}

// authenticate finds the session of the request's token. From an address that is far beyond its limit only tokens that were
// valid lately are looked up, and those that come to end one.
func (x *exchange) authenticate() *reply.Refusal {
	q, attempts := &x.request, x.h.attempts
	hash, err := q.TokenHash()
	if err != nil {
		print := attempts.Fingerprint(q.Credential.Secret)
		_, wait := attempts.AdmitToken(q.Client, print)
		attempts.Wrong(q.Client, print)
		return orTooMany(reply.ErrTokenMalformed, wait)
	}
	print := attempts.OfToken(hash)
	admitted, wait := attempts.AdmitToken(q.Client, print)
	ctx := context.Background()
	if !admitted && x.h.revocation(q) == local.RevokesNothing {
		ctx = x.h.kept
	}
	session, err := x.h.options.Sessions.GetAt(ctx, hash, q.Start)
	x.judgement.Begin(&x.h.rules, session, x.event)
	switch {
	case err == nil:
		attempts.Accepted(print)
		return x.admit()
	case errors.Is(err, cache.ErrNotKept):
		return reply.TooMany(wait)
	}
	state := x.h.options.TokenState(err)
	if state == TokenRotated {
		x.reused(hash)
	}
	r := tokenRefusal(state)
	if r.Status == fasthttp.StatusUnauthorized {
		attempts.Wrong(q.Client, print)
		r = orTooMany(r, wait)
	}
	return r
}

// admit holds the request to the limits of its token, before the forge is asked anything. A revocation by a secret is nobody's.
func (x *exchange) admit() *reply.Refusal {
	s, q := x.judgement.Session, &x.request
	if s.Limits == nil || x.h.revocation(q) == local.RevokesBySecret {
		return nil
	}
	x.body.Meter = &x.pass
	from := x.h.reader.Proxies.Origin(q, x.h.options.ProxyProtocol)
	return x.pass.Admit(x.h.options.Meter, s.Limits, from, x.h.revocation(q) != local.RevokesNothing, x.body.Length)
}

// orTooMany answers for a wrong token from an address that has sent too many.
func orTooMany(r *reply.Refusal, wait time.Duration) *reply.Refusal {
	if wait > 0 {
		return reply.TooMany(wait)
	}
	return r
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
