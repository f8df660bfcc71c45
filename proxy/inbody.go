package proxy

import (
	"errors"

	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
)

// maybeInBody tells whether a request that has no credential in its head may have one in its body: pipeline triggers, runners
// and webhooks do, and the forge takes any token from there, on its API, GraphQL included, and on pages such as feeds. Where
// everybody passes nobody looks.
func (h *Handler) maybeInBody(q *surface.Request, b *surface.Body) bool {
	if q.Credential.Caller != surface.CallerAnonymous || !b.Present() {
		return false
	}
	asNobody, asLegacy := h.refuseAs(q, surface.CallerAnonymous), h.refuseAs(q, surface.CallerLegacy)
	switch {
	case anyReading(q.Path, isAPI):
		return asNobody != nil || asLegacy != nil
	case h.isPage(q):
		return asNobody == nil && asLegacy != nil
	}
	return false
}

// findInBody reads the body. One with a credential of the forge's own makes the caller one that has it; one that the forge may
// read in another way passes when both callers may. A patgate token there is refused, and never reaches the forge.
func (x *exchange) findInBody() error {
	h, q, b := x.h, &x.request, &x.body
	asNobody, asLegacy := h.refuseAs(q, surface.CallerAnonymous), h.refuseAs(q, surface.CallerLegacy)
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

// refuseAs says why the request would not pass if it were another caller's.
func (h *Handler) refuseAs(q *surface.Request, caller surface.Caller) *reply.Refusal {
	as := q.Credential.Caller
	q.Credential.Caller = caller
	defer func() { q.Credential.Caller = as }()
	return h.refuseByMode(q)
}
