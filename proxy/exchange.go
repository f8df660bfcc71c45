package proxy

import (
	"io"
	"net/netip"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/audit"
	"patgate/policy"
	"patgate/proxy/header"
	"patgate/proxy/meter"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/proxy/wire"
	"patgate/routes"
)

// exchange is the memory of one request: a value for each step, and what the log is told. It is reused, so nothing in it may be
// kept after release. Steps take the values that they need and fill the one that they give.
type exchange struct {
	h         *Handler
	ctx       *fasthttp.RequestCtx
	request   surface.Request
	judgement surface.Judgement
	body      surface.Body
	sending   surface.Sending
	delivery  delivery
	pass      meter.Pass // of a token with limits
	shown     shown      // by a caller without a patgate token
	left      left       // by an event loop that began the request

	event    *audit.Event
	own      audit.Event // what event points to, when that is not a flight's
	recorded bool
}

// acquire takes an exchange for a request.
func (h *Handler) acquire(ctx *fasthttp.RequestCtx) *exchange {
	conn := wire.ClientOf(ctx.Conn())
	if conn != nil && conn.Pending != nil {
		x := conn.Pending.(*exchange)
		conn.Pending = nil
		x.ctx = ctx
		conn.Enter(wire.PhaseExchange)
		if rest := ctx.RequestBodyStream(); rest != nil {
			_, _ = io.Copy(io.Discard, rest) // the loop has read it
		}
		return x
	}
	x := h.exchanges.Get().(*exchange)
	x.h, x.ctx, x.event = h, ctx, &x.own
	start(x.event)
	x.arrive(conn, h.options.Table())
	if conn != nil {
		conn.Enter(wire.PhaseExchange)
	}
	x.body.Open(&h.bodies, ctx.RequestBodyStream(), ctx.Request.Header.ContentLength())
	return x
}

// start begins the event of a request.
func start(e *audit.Event) { *e = audit.Event{ID: audit.NewRequestID(), Start: time.Now(), Scope: -1} }

// arrive begins a request with what is known before its head is read. Address and scheme are those of its connection until then.
func (h *Handler) arrive(q *surface.Request, conn *wire.Client, table *routes.Table, e *audit.Event) {
	q.Table, q.Dialect, q.Surface = table, h.dialect, h.rest
	q.ID, q.Start = e.ID, e.Start
	if q.Conn = conn; conn != nil {
		q.Client, q.Secure = conn.Peer, conn.Secure()
	}
}

// arrive begins the exchange's request.
func (x *exchange) arrive(conn *wire.Client, table *routes.Table) {
	x.h.arrive(&x.request, conn, table, x.event)
	if addr, ok := netip.AddrFromSlice(x.ctx.RemoteIP()); conn == nil && ok {
		x.request.Client = addr.Unmap()
	}
}

// release gives the exchange back.
func (x *exchange) release() {
	h := x.h
	x.reset()
	h.exchanges.Put(x)
}

// reset forgets the request.
func (x *exchange) reset() {
	x.tried()
	x.shown.seen.Drop()
	x.body.Release() // which is counted by the pass
	x.pass.Release()
	x.request.Reset()
	x.judgement.Reset()
	x.sending.Reset()
	x.delivery.reset()
	clear(x.left.in) // it held the token
	clear(x.shown.inBody)
	x.shown, x.left = shown{}, left{in: x.left.in[:0]}
	x.h, x.ctx, x.event = nil, nil, nil
	x.own, x.recorded = audit.Event{}, false
}

// record has the sink accept the decision on what a caller sent; without it nothing is forwarded.
func (h *Handler) record(e *audit.Event, caller surface.CredentialKind, q *surface.Request, j *surface.Judgement) error {
	e.Client, e.Method = q.Client, q.Method
	if e.Method == "" {
		e.Method = "OTHER"
	}
	e.Route = j.Op.Route
	switch caller {
	case surface.KindPatgate:
		e.Credential = audit.CredentialToken
	case surface.KindLegacy, surface.KindWeb:
		e.Credential = audit.CredentialLegacy
	default:
		e.Credential = audit.CredentialAnonymous
	}
	if s := j.Session; s != nil {
		e.TokenID, e.OwnerID, e.StoreLost = s.TokenID, s.OwnerUserID, s.StoreLost
		e.TokenName, e.OwnerName = s.TokenName, s.Username
	}
	return h.options.Audit.Decision(e)
}

// record records the decision on the exchange's request.
func (x *exchange) record() error {
	err := x.h.record(x.event, x.caller(), &x.request, &x.judgement)
	x.recorded = err == nil
	return err
}

// complete records how the request ended.
func (x *exchange) complete(status int, sent int64) {
	if !x.recorded {
		return
	}
	x.recorded = false
	e := x.event
	e.Status, e.ResponseBytes, e.Duration = status, sent, time.Since(e.Start)
	e.RequestBytes = x.body.Received
	x.pass.Move(e.RequestBytes + sent)
	x.h.options.Audit.Completion(e)
}

// deny records a refusal and answers it. When the sink does not take it, it is answered as that.
func (x *exchange) deny(err error) (kept bool) {
	r := reply.Of(err)
	if !x.recorded {
		x.event.Verdict, x.event.Reason = policy.Deny, r.Reason
		if err := x.record(); err != nil {
			r = reply.ErrAudit
		}
	}
	x.refuse(r)
	return false
}

// refuse answers a request that is not forwarded, or whose forwarding failed, in the words of its surface.
func (x *exchange) refuse(r *reply.Refusal) {
	q, j, out := &x.request, &x.judgement, &x.ctx.Response
	in := reply.Instance{Pages: x.h.options.GrantURL, Places: x.h.dialect.Places}
	if j.Session != nil {
		in.Token = j.Session.TokenID
	}
	n := reply.NewNotice(r, q.ID.String(), q.Table, &j.Op, in)
	n.Begin(out)
	x.tellWould()
	said := false
	if own, is := j.Visit.(surface.Refuser); is {
		said = own.Refuse(&x.body, j, n, x.sending.Upload.Running(), out)
	}
	if !said {
		q.Surface.Refuse(q, n, out)
	}
	sent := int64(len(out.Body()))
	if q.IsHead {
		sent = 0
	}
	x.complete(out.StatusCode(), sent)
}

// answer writes an answer that patgate makes itself.
func (x *exchange) answer(a *surface.Answer) {
	out := &x.ctx.Response
	out.Reset()
	out.SetStatusCode(a.Status)
	for _, field := range a.Header {
		out.Header.Add(field[0], field[1])
	}
	out.Header.SetBytesV("Date", fasthttp.AppendHTTPDate(nil, time.Now()))
	out.Header.Set("X-Request-Id", x.request.ID.String())
	x.tellWould()
	sent := int64(len(a.Body))
	if a.Status == fasthttp.StatusNoContent {
		out.SkipBody = true
	} else {
		out.SetBody(a.Body)
	}
	if x.request.IsHead {
		sent = 0
	}
	x.complete(a.Status, sent)
}

// tellWould tells the client what the grant denies of a request that passes in report mode.
func (x *exchange) tellWould() {
	if x.event.Verdict == policy.WouldDeny {
		x.ctx.Response.Header.Set("X-Patgate-Would-Deny", x.judgement.WouldDeny(x.request.Table.Catalogue()))
	}
}

// strange refuses header fields that no request with a patgate token needs, and that could be read in more than one way.
func strange(f *header.Block) *reply.Refusal {
	for i := range f.List {
		h := &f.List[i]
		switch {
		case h.Alias:
			return reply.ErrAlias
		case h.Class == header.ClassRefused, h.Class == header.ClassLogin:
			return reply.ErrOverride
		case (h.Class == header.ClassPassed || h.Class == header.ClassFraming) && f.Repeated(h.Name):
			return reply.ErrRepeatedHeader
		}
		switch h.Class {
		case header.ClassCredential, header.ClassPassed, header.ClassList, header.ClassFraming:
			if f.Nominated(h.Text) {
				return reply.ErrNominated
			}
		}
	}
	switch {
	case f.Has(header.Upgrade) && !header.EqualFold(f.Get(header.Upgrade), "h2c"):
		return reply.ErrUpgrade
	case f.Has(header.Expect) && !header.EqualFold(f.Get(header.Expect), "100-continue"):
		return reply.ErrExpectation
	}
	return nil
}
