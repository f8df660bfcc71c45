package proxy

import (
	"context"
	"net/http"

	"github.com/valyala/fasthttp"

	"patgate/policy"
	"patgate/proxy/header"
	"patgate/proxy/local"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/token"
)

// isLocal tells whether the request's target is patgate's own, whoever asks.
func (h *Handler) isLocal(q *surface.Request) bool {
	return h.options.Local != nil && header.Below(q.Path, local.Prefix)
}

// claims tells whether a request with a credential of the forge's own may be for patgate.
func (h *Handler) claims(q *surface.Request) bool {
	l := h.options.Local
	return l != nil && q.Credential.Kind == surface.KindLegacy && l.Claims(q.Method, q.Target)
}

// revocation tells whether the request takes a token's power away.
func (h *Handler) revocation(q *surface.Request) local.Revocation {
	l := h.options.Local
	if l == nil {
		return local.RevokesNothing
	}
	return l.Revocation(q.Method, q.Path)
}

// serveLocal answers a request below local.Prefix.
func (x *exchange) serveLocal() (kept bool) {
	if x.request.IsPatgate() {
		if r := x.authenticate(); r != nil {
			return x.deny(r)
		}
	} else if r := x.mayTry(); r != nil && !header.Below(x.request.Path, local.Pages) { // those have a bound of their own
		return x.deny(r)
	}
	_, err := x.askLocal(string(x.request.Path), false)
	return x.denyUnless(err)
}

// serveOwned answers for a row that is patgate's own: its path in canonical spelling, with what was classified.
func (x *exchange) serveOwned() (kept bool) {
	_, err := x.askLocal(string(x.judgement.Op.AppendPath(nil)), false)
	return x.denyUnless(err)
}

func (x *exchange) denyUnless(err error) (kept bool) {
	if err != nil {
		return x.deny(err)
	}
	return false
}

// serveClaimed answers for a caller with a credential of the forge's own, or tells that the request passes on. Its body
// is in memory then.
func (x *exchange) serveClaimed() (passes bool, err error) {
	if r := x.mayTry(); r != nil {
		return false, r
	}
	return x.askLocal(string(x.request.Path), !header.Below(x.request.Path, local.Prefix))
}

// reasonLocal is that of a request that patgate answered itself.
const reasonLocal = "local"

// askLocal reads the body, records that patgate answers itself, and has the answer written. What may pass is recorded when it
// does not.
func (x *exchange) askLocal(path string, mayPass bool) (passes bool, err error) {
	h, q, b := x.h, &x.request, &x.body
	trades := h.options.Local.Trades(q.Method, q.Path)
	if b.Present() {
		most := int64(0)
		if trades {
			most = local.LongestTrade
		}
		if err := b.Whole(most, false); err != nil {
			return false, err
		}
	}
	request := &local.Call{Method: q.Method, Path: path, Query: string(q.Query()), Body: b.Memory, Session: x.judgement.Session,
		Client: q.Client, Origin: string(h.forge.Links.PublicOrigin(q.Origin)), Header: local.HeaderOf(q, &x.ctx.Request.Header)}
	legacy := q.Credential.Kind == surface.KindLegacy
	if legacy {
		request.Credential = local.CredentialOf(q)
	}
	shown := legacy
	if !legacy && request.Session == nil && trades {
		shown = true
		if r := x.mayTrade(b.Memory); r != nil {
			return false, r
		}
	}
	if !mayPass {
		if err := x.recordLocal(); err != nil {
			return false, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*h.options.ResolverDeadline)
	defer cancel()
	answer := h.options.Local.Answer(ctx, request)
	switch {
	case answer.Pass && mayPass:
		return true, nil
	case answer.Pass:
		answer = local.Result{Status: fasthttp.StatusNotFound, Body: []byte(`{"message":"404 Not Found"}`),
			Header: http.Header{"Content-Type": {"application/json"}}}
	}
	if mayPass {
		if err := x.recordLocal(); err != nil {
			return false, err
		}
	}
	switch {
	case !shown:
	case answer.Identified:
		h.attempts.Accepted(x.fingerprint())
	case answer.Status == fasthttp.StatusUnauthorized, answer.Wrong:
		h.attempts.Wrong(q.Client, x.fingerprint())
	}
	own := &surface.Answer{Status: answer.Status, Body: answer.Body}
	for name, values := range answer.Header {
		for _, value := range values {
			own.Header = append(own.Header, [2]string{name, value})
		}
	}
	x.answer(own)
	return false, nil
}

func (x *exchange) recordLocal() error {
	x.allowLocal()
	return x.record()
}

// allowLocal notes that patgate answers itself.
func (x *exchange) allowLocal() { x.event.Verdict, x.event.Reason = policy.Allow, reasonLocal }

// reused tells the token API of a rotated-out secret that asks for another rotation.
func (x *exchange) reused(hash token.Hash) {
	l, q := x.h.options.Local, &x.request
	if l == nil || !l.IsRotation(q.Method, q.Path) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), x.h.options.ResolverDeadline)
	defer cancel()
	if err := l.Reused(ctx, hash); err != nil {
		x.event.Failure = reply.FailureReuse
	}
}
