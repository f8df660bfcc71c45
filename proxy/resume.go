package proxy

import (
	"runtime/debug"

	"github.com/valyala/fasthttp"

	"patgate/audit"
	"patgate/proxy/fast"
	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/proxy/wire"
	"patgate/routes"
	"patgate/token"
)

// steps are those of a request that event loops take too.
type steps struct{ h *Handler }

// Begin implements fast.Gateway.
func (s steps) Begin(q *surface.Request, c *wire.Client, e *audit.Event) {
	start(e)
	s.h.arrive(q, c, s.h.options.Table(), e)
	q.InLoop = true
}

// Read implements fast.Gateway.
func (s steps) Read(q *surface.Request, method string, target, raw []byte, version string) *reply.Refusal {
	return s.h.reader.Read(q, method, target, raw, version)
}

// Quick implements fast.Gateway.
func (s steps) Quick(q *surface.Request) bool {
	return q.Surface == s.h.rest && !s.h.isLocal(q) && (!s.h.origins.Any() || !q.Fields.Has(header.Origin))
}

// Known implements fast.Gateway.
func (s steps) Known(q *surface.Request) *token.Session {
	hash, err := token.Key(q.Credential.Secret) // sealed texts are not served in loops
	if err != nil {
		return nil
	}
	session, err := s.h.options.Sessions.GetAt(s.h.kept, hash, q.Start)
	if err != nil || s.h.options.Table() != q.Table || session.Limits != nil { // those are counted with the exchange
		return nil
	}
	return session
}

// Judge implements fast.Gateway.
func (s steps) Judge(_ *surface.Request, j *surface.Judgement, session *token.Session, e *audit.Event) {
	j.Begin(&s.h.rules, session, e)
}

// Classify implements fast.Gateway.
func (s steps) Classify(q *surface.Request, j *surface.Judgement) error { return classify(q, j) }

// Owns implements fast.Gateway.
func (s steps) Owns(row *routes.Route) bool { return s.h.owns(row) }

// Rebuild implements fast.Gateway.
func (s steps) Rebuild(q *surface.Request, b *surface.Body, j *surface.Judgement, to *surface.Sending) error {
	return s.h.rebuild(q, b, j, to)
}

// Record implements fast.Gateway.
func (s steps) Record(e *audit.Event, q *surface.Request, j *surface.Judgement) error {
	return s.h.record(e, surface.KindPatgate, q, j)
}

// Panicked implements fast.Gateway.
func (s steps) Panicked(value any) {
	if p := s.h.options.Panicked; p != nil {
		p(value, debug.Stack())
	}
}

// Resume implements fast.Gateway: it makes the exchange in which the request was judged anew.
func (s steps) Resume(p fast.Parked) {
	h := s.h
	x := h.exchanges.Get().(*exchange)
	q, j := &x.request, &x.judgement
	x.h, x.event = h, p.Event
	h.arrive(q, p.Conn, p.Table, p.Event)
	x.left.in = append(x.left.in[:0], p.Request...)
	x.sending.Head = append(x.sending.Head[:0], p.Sent...)
	j.Begin(&h.rules, p.Session, p.Event)
	x.body.Resume(p.Body, p.Received)
	x.sending.Upload.Whole = x.body.Out
	method, target, raw := fast.CutHead(x.left.in)
	_ = h.reader.Read(q, method, target, raw, "HTTP/1.1") // as when it was judged
	j.Visit, _ = q.Surface.Classify(q, &j.Op)
	j.Op.Route = p.Event.Route
	x.recorded = true
	x.left.step, x.left.upstream = p.Step, p.Upstream
	p.Conn.Resume(x, x.left.in)
}

// left is what a loop has left of a request that it began.
type left struct {
	step     fast.Step
	upstream *wire.Upstream // that the answer comes on; nil: none
	in       []byte         // the request's head, as it came
}

// proceed serves the request, from the beginning or from where a loop has left it.
func (x *exchange) proceed() (kept bool) {
	a, s, p := &x.delivery.answer, &x.sending, x.h.forge.Patgate
	u, from, isHead := x.left.upstream, x.left.step, x.request.IsHead
	x.left.upstream, x.left.step = nil, fast.FromTheBeginning
	switch from {
	case fast.Send:
		return x.forward(p)
	case fast.Again:
		return x.handOn(p.Anew(nil, s.Head, &s.Upload, isHead, a, x.claim()))
	case fast.Receive:
		err := u.Receive(isHead, a)
		if err == nil && !x.body.Present() && a.StatusCode() == fasthttp.StatusRequestTimeout { // as in Pool.Do
			return x.handOn(p.Anew(u, s.Head, &s.Upload, isHead, a, x.claim()))
		}
		if err != nil {
			u.Drop()
			u = nil
		}
		return x.handOn(u, err)
	case fast.Timeout:
		return x.handOn(nil, wire.ErrTimeout)
	case fast.Gone:
		return x.handOn(nil, wire.ErrGone)
	case fast.Broken:
		return x.handOn(nil, wire.ErrBroken)
	case fast.Panic:
		return x.deny(reply.ErrInternal)
	}
	return x.serve()
}

// drop closes the connection that the answer would have come on.
func (l *left) drop() {
	if u := l.upstream; u != nil {
		l.upstream = nil
		u.Drop()
	}
}

// Abandon ends an exchange that a loop began and no goroutine goes on with.
func (x *exchange) Abandon() {
	x.left.drop()
	x.event.Failure = reply.FailureClientGone
	x.complete(fasthttp.StatusServiceUnavailable, 0)
	x.release()
}
