package proxy

import (
	"errors"

	"patgate/policy"
	"patgate/proxy/header"
	"patgate/proxy/legacy"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
)

// serveOther serves a request without a patgate token, as the configuration says. A request that passes keeps its raw target, the
// bytes of its body and its headers, except those for this connection and those of proxies. Framing is always our own.
func (x *exchange) serveOther() (kept bool) {
	h, q, b, s := x.h, &x.request, &x.body, &x.sending
	upgrade := legacy.Upgrades(q)
	if upgrade && b.Present() {
		return x.deny(reply.ErrUpgradeBody)
	}
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
	if r := h.others.Refuse(q, x.caller()); r != nil {
		return x.deny(r)
	}
	if !claimed {
		if r := x.mayTry(); r != nil {
			return x.deny(r)
		}
	}
	x.event.Verdict, x.event.Reason = policy.Allow, x.caller().String()
	b.ContentType = append(b.ContentType[:0], q.Fields.Get(header.ContentType)...)
	if !upgrade { // what passes in a tunnel is not read, and a copy of the credential would live as long
		x.shown.seen = h.options.Observer.Begin(q)
	}
	switch {
	case looked && b.Spooled():
		source, err := b.Again()
		if err != nil {
			return x.deny(err)
		}
		s.Upload.Stream, s.Upload.Length = source, b.Received
	case claimed, looked:
		s.Upload.Whole = b.Memory
		x.shown.seen.Whole(b.Memory)
	case b.Present():
		s.Upload.Stream, s.Upload.Length = x.shown.seen.Passing(b, b.Length), b.Length
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

// findInBody reads the body. A caller with a credential of the forge's own there is one that has it; one that the forge may
// read in another way passes when both callers may. A patgate token there is refused, and never reaches the forge.
func (x *exchange) findInBody() error {
	h, q := x.h, &x.request
	asIs, asLegacy := h.others.RefuseByMode(q, q.Credential.Kind), h.others.RefuseByMode(q, surface.KindLegacy)
	in, err := x.lookInBody()
	switch {
	case errors.Is(err, reply.ErrBodyTooLarge) && asIs != nil:
		return asIs
	case err != nil:
		return err
	case in.Ours:
		return reply.ErrMisplaced
	case len(in.Secrets) > 0:
		x.shown.inBody = in.Secrets
		return h.reader.InBody(in.Secrets)
	case in.Unclear || len(q.Fields.Get(header.ContentEncoding)) > 0:
		if asIs != nil {
			return asIs
		}
		return asLegacy.OrNil()
	}
	return nil
}

// lookInBody reads the whole body. What a browser uploads may be as long as all bodies in files together.
func (x *exchange) lookInBody() (in legacy.InBody, err error) {
	q, b := &x.request, &x.body
	media := q.Fields.Get(header.ContentType)
	if q.Credential.Kind != surface.KindWeb || !legacy.IsUpload(media) {
		if err = b.Whole(0, false); err == nil {
			in = legacy.FindInBody(media, b.Memory)
		}
		return in, err
	}
	most := x.h.options.Limits.BodiesDisk
	if err = b.Whole(most, true); errors.Is(err, reply.ErrBodyTooLarge) {
		err = reply.BodyTooLarge(most, "limits.bodies_disk")
	}
	if err != nil || !b.Spooled() {
		return legacy.FindInBody(media, b.Memory), err
	}
	source, err := b.Again()
	if err == nil {
		in = legacy.FindInUpload(media, source)
	}
	return in, err
}
