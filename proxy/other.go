package proxy

import (
	"errors"

	"patgate/policy"
	"patgate/proxy/header"
	"patgate/proxy/legacy"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
)

// serveOther serves a request without a patgate token, as the configuration says. What passes is passed on as it is: raw
// target, body bytes and headers, those for this connection and those of proxies excepted. Framing is always our own.
func (x *exchange) serveOther() (kept bool) {
	h, q, b, s := x.h, &x.request, &x.body, &x.sending
	claimed, looked := h.claims(q), h.others.MaybeInBody(q, b)
	switch {
	case looked:
		if err := x.findInBody(); err != nil {
			return x.deny(err)
		}
	case claimed:
		if passes, err := x.serveClaimed(); err != nil || !passes {
			return x.denyUnless(err)
		}
	}
	if r := h.others.Refuse(q); r != nil {
		return x.deny(r)
	}
	if !claimed {
		if r := x.mayTry(); r != nil {
			return x.deny(r)
		}
	}
	x.event.Verdict, x.event.Reason = policy.Allow, q.Credential.Caller.String()
	upgrade := legacy.Upgrades(q)
	b.ContentType = append(b.ContentType[:0], q.Fields.Get(header.ContentType)...)
	switch {
	case claimed, looked:
		s.Upload.Whole = b.Memory
	case b.Present() && !upgrade:
		s.Upload.Stream, s.Upload.Length = b, b.Length
	}
	s.Head = h.others.AppendHead(s.Head[:0], q, b, &s.Upload, upgrade)
	if err := x.record(); err != nil {
		return x.deny(reply.ErrAudit)
	}
	if upgrade {
		return x.tunnel()
	}
	return x.forward(q.Upstream.Others)
}

// findInBody reads the body. One with a credential of the forge's own makes the caller one that has it; one that the forge may
// read in another way passes when both callers may. A patgate token there is refused, and never reaches the forge.
func (x *exchange) findInBody() error {
	h, q, b := x.h, &x.request, &x.body
	asNobody, asLegacy := h.others.RefuseAs(q, surface.CallerAnonymous), h.others.RefuseAs(q, surface.CallerLegacy)
	switch err := b.Whole(0, false); {
	case errors.Is(err, reply.ErrBodyTooLarge) && asNobody != nil:
		return asNobody
	case err != nil:
		return err
	}
	in := surface.FindInBody(q.Fields.Get(header.ContentType), b.Memory)
	switch {
	case in.Ours:
		return reply.ErrMisplaced
	case len(in.Secrets) > 0:
		x.inBody, q.Credential.Caller = in.Secrets, surface.CallerLegacy
	case in.Unclear || len(q.Fields.Get(header.ContentEncoding)) > 0:
		if asNobody != nil {
			return asNobody
		}
		return orNil(asLegacy)
	}
	return nil
}
