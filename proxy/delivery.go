package proxy

import (
	"bytes"
	"errors"
	"net"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/fleet/share"
	"patgate/policy"
	"patgate/proxy/asking"
	"patgate/proxy/fast"
	"patgate/proxy/header"
	"patgate/proxy/observe"
	"patgate/proxy/reply"
	"patgate/proxy/reply/filter"
	"patgate/proxy/surface"
	"patgate/proxy/wire"
	"patgate/token"
)

// smallAnswer is how long an answer may be to be copied at once, when all of it fits the connection's buffer.
const smallAnswer = 16 << 10

// delivery is an answer of the forge on its way to the client.
type delivery struct {
	upstream *wire.Upstream // that the answer comes on; nil: it is given back
	answer   fasthttp.Response
	stream   answerStream
	scratch  []byte
}

func (d *delivery) reset() {
	d.upstream, d.stream = nil, answerStream{}
	if d.scratch = d.scratch[:0]; cap(d.scratch) > surface.MaxKept {
		d.scratch = nil
	}
}

// drop closes the upstream connection, if there is one.
func (d *delivery) drop() {
	if u := d.upstream; u != nil {
		d.upstream = nil
		u.Drop()
	}
}

// free gives the upstream connection back. It closes a connection on which an answer is unread in part, and one that was used
// without a credential for a request with a body: the body may hold a credential that nobody looked for.
func (x *exchange) free(whole bool) {
	d := &x.delivery
	u := d.upstream
	if u == nil {
		return
	}
	if !whole || u.Holder() == (wire.Holder{}) && x.body.Present() {
		d.drop()
		return
	}
	d.upstream = nil
	u.GiveBack(&d.answer)
}

// forward sends the request whose head is written, and hands its answer on.
func (x *exchange) forward(p *wire.Pool) (kept bool) {
	q, s, d := &x.request, &x.sending, &x.delivery
	safe := s.Upload.None() && (q.Method == fasthttp.MethodGet || q.IsHead)
	return x.handOn(p.Do(s.Head, &s.Upload, safe, q.IsHead, &d.answer, x.claim()))
}

// handOn hands the answer on that a connection brings, or answers for the error that stood in its way.
func (x *exchange) handOn(conn *wire.Upstream, err error) (kept bool) {
	x.body.Sent()
	x.sending.Upload.Whole = nil // which the body held
	if err != nil {
		unsent := errors.Is(err, wire.ErrConnect) || errors.Is(err, share.ErrBusy) || errors.Is(err, share.ErrShare)
		if !unsent {
			x.h.forget(&x.request, &x.judgement)
		}
		x.event.Failure = reply.FailureOf(err)
		r := reply.Of(err)
		if x.sending.Upload.Running() && !r.Close {
			copied := *r
			copied.Close = true // part of the body is unread
			r = &copied
		}
		x.refuse(r)
		return false
	}
	d := &x.delivery
	d.upstream = conn
	x.event.Upstream = time.Since(x.event.Start)
	status := d.answer.StatusCode()
	if status == fasthttp.StatusSwitchingProtocols {
		return x.broken(reply.ErrUnavailable, reply.FailureUpstream)
	}
	x.judgeCredential(status)
	x.observe(status)
	if v, is := x.judgement.Visit.(surface.Denied); is && status == fasthttp.StatusUnauthorized {
		v.Denied(&x.judgement)
	}
	if status < 400 || status >= 500 { // a 4xx changed nothing
		x.h.forget(&x.request, &x.judgement)
	}
	if r := x.lacksCredentialScope(); r != nil {
		return x.broken(r, reply.FailureCredentialScope)
	}
	if r := x.copyHead(); r != nil {
		return x.broken(r, reply.FailureRedirect)
	}
	if x.judgement.Filtered && status < 300 {
		return x.deliverList()
	}
	return x.deliver()
}

// observe tells the observer what a caller without a patgate token did. Nothing waits for the observer.
func (x *exchange) observe(status int) {
	if seen := x.shown.seen; seen != nil {
		print := x.fingerprint()
		seen.Answered(observe.Outcome{Status: status, Away: x.leadsAway(), Accepted: x.h.attempts.WasAccepted(print), Of: print})
		x.shown.seen = nil
	}
}

// leadsAway tells whether the answer redirects to another host.
func (x *exchange) leadsAway() (away bool) {
	for name, value := range x.delivery.answer.Header.All() {
		if header.EqualFold(name, "location") {
			if x.request.Upstream.Links.Destination(value) != reply.LeadsAway {
				return false
			}
			away = true
		}
	}
	return away
}

// copyHead copies status and fields of the forge's answer. Callers without a patgate token get them as they are, those for
// this connection only excepted. A redirect that is not passed on is a refusal.
func (x *exchange) copyHead() *reply.Refusal {
	d, q, out := &x.delivery, &x.request, &x.ctx.Response
	from, to := &d.answer.Header, &out.Header
	out.SetStatusCode(d.answer.StatusCode())
	to.DisableNormalizing() // names stay as the forge spells them
	nominated := reply.ConnectionOptions(from)
	passage := x.h.passage(q, &x.judgement)
	passage.Status, passage.Sent = d.answer.StatusCode(), x.sending.Head
	passage.Changed = q.IsPatgate() && x.judgement.Change().Any()
	passage.Redirects.Secrets[1] = x.sending.Bearer
	if s, is := q.Surface.(surface.Special); is {
		passage.Special = s.Special(q, &x.judgement, &passage.Redirects)
	}
	for name, value := range from.All() {
		if reply.Listed(nominated, name) {
			continue
		}
		value, passes, r := passage.Field(&d.scratch, name, value)
		if r != nil {
			return r
		}
		if passes != reply.PassesNever {
			to.AddBytesKV(name, value)
		}
	}
	if q.IsPatgate() {
		d.scratch, _ = q.ID.AppendText(d.scratch[:0])
		to.SetBytesV("X-Request-Id", d.scratch)
	}
	x.tellWould()
	if x.h.options.OwnPages {
		to.Add("Content-Security-Policy", "sandbox") // beside the forge's own policy: both hold (CSP 3, 4.2)
	}
	return nil
}

// passage says what of the head of an answer the client gets.
func (h *Handler) passage(q *surface.Request, j *surface.Judgement) reply.Passage {
	return reply.Passage{
		Ours: q.IsPatgate(), Links: q.Upstream.Links, Origin: q.Origin, OwnCookies: h.options.OwnCookies,
		Redirects: reply.Redirects{Row: j.Op.Route, Storage: h.storage, Session: j.Session, Secrets: [2][]byte{q.Sealed.Inner}},
	}
}

// changes tells whether something is changed in the answer.
func (x *exchange) changes() bool {
	return x.request.IsPatgate() && x.judgement.Change().In(&x.delivery.answer)
}

// deliver hands the forge's answer to the server. kept tells that the exchange lives on until the answer's body is
// written; else it is over.
func (x *exchange) deliver() (kept bool) {
	d, q := &x.delivery, &x.request
	a, out := &d.answer, &x.ctx.Response
	length := a.Header.ContentLength()
	status := a.StatusCode()
	if q.IsHead || status == fasthttp.StatusNoContent || status == fasthttp.StatusNotModified || status < 200 {
		x.bodiless(length)
		x.free(true)
		x.complete(status, 0)
		return false
	}
	if v, is := x.judgement.Visit.(surface.Rewriter); is {
		if limit := v.Rewrites(status); limit > 0 {
			return x.deliverRewritten(v, status, limit)
		}
	}
	var changer reply.Changer
	if x.changes() {
		change := x.judgement.Change()
		if !change.Possible(a) {
			return x.broken(reply.ErrIllegible, reply.FailureAnswer)
		}
		var at filter.Attached
		if s, is := q.Surface.(surface.Attaches); is && change.Attaches() {
			at = s.Attached(q, &x.judgement)
		}
		changer = change.Changer(a, x.h.forge.Links, q.Origin, at)
	}
	if r := x.pass.Fits(int64(length), !q.IsHead && q.Method != fasthttp.MethodGet); r != nil {
		return x.broken(r, reply.FailureLimit)
	}
	if length >= 0 && length <= smallAnswer {
		return x.deliverSmall(status, length, changer)
	}
	a.StreamBody = true
	if err := a.ReadBody(d.upstream.Reader(), 0); err != nil {
		return x.broken(reply.ErrUnavailable, reply.FailureUpstream)
	}
	d.stream = answerStream{x: x, from: a.BodyStream(), changer: changer}
	if changer != nil {
		length = -1
	}
	if length < 0 && !x.ctx.Request.Header.IsHTTP11() {
		x.untilClose()
		return true
	}
	out.SetBodyStream(&d.stream, max(length, -1))
	return true
}

// deliverSmall reads an answer whole and frees the connection before the client is written to.
func (x *exchange) deliverSmall(status, length int, changer reply.Changer) (kept bool) {
	reader := x.delivery.upstream.Reader()
	body, err := reader.Peek(length)
	if err != nil {
		err = wire.AsError(err)
		return x.broken(reply.Of(err), reply.FailureOf(err))
	}
	if changer != nil {
		var changed bytes.Buffer
		if err := changer.Copy(&changed, bytes.NewReader(body)); err != nil {
			return x.broken(reply.ErrIllegible, reply.FailureAnswer)
		}
		body = changed.Bytes()
	}
	x.ctx.Response.SetBody(body)
	sent := int64(len(body))
	_, _ = reader.Discard(length)
	x.free(true)
	x.complete(status, sent)
	return false
}

// deliverRewritten reads an answer whole, at most limit bytes of it, and writes what the client gets in its place.
func (x *exchange) deliverRewritten(v surface.Rewriter, status int, limit int64) (kept bool) {
	d := &x.delivery
	d.answer.StreamBody = true
	if err := d.answer.ReadBody(d.upstream.Reader(), 0); err != nil {
		return x.broken(reply.ErrUnavailable, reply.FailureUpstream)
	}
	body, err := x.body.ReadAnswer(d.answer.BodyStream(), limit)
	if err == nil && int64(len(body)) >= limit {
		err = reply.ErrBodyTooLarge
	}
	media := ""
	if err == nil {
		body, media, err = v.Rewrite(&x.request, &x.judgement, status, body)
	}
	if err != nil {
		return x.broken(reply.ErrIllegible, reply.FailureAnswer)
	}
	_ = d.answer.CloseBodyStream()
	x.free(true)
	out := &x.ctx.Response
	reply.OwnFields(&out.Header, media)
	out.SetBody(body)
	x.complete(status, int64(len(body)))
	return false
}

// broken answers for a forge whose answer is of no use.
func (x *exchange) broken(r *reply.Refusal, failure string) (kept bool) {
	x.free(false)
	x.event.Failure = failure
	x.refuse(r)
	return false
}

// bodiless frames an answer that has no body, but may tell the length that one would have.
func (x *exchange) bodiless(length int) {
	out := &x.ctx.Response
	out.SkipBody = true
	switch {
	case !x.request.IsHead:
	case length >= 0 && !x.changes():
		out.Header.SetContentLength(length)
	default:
		out.Header.SetContentLength(-1)
	}
}

// untilClose answers an HTTP/1.0 client whose answer's length is not known: the body ends with the connection
// (RFC 9112, 6.3), which the server's own writer cannot do.
func (x *exchange) untilClose() {
	out := &x.ctx.Response
	out.Header.Del(fasthttp.HeaderTransferEncoding)
	out.Header.SetConnectionClose()
	head := append([]byte(nil), out.Header.Header()...)
	stream := &x.delivery.stream
	conn := x.request.Conn
	x.ctx.HijackSetNoResponse(true)
	x.ctx.Hijack(func(c net.Conn) {
		if conn != nil {
			conn.Enter(wire.PhaseExchange)
		}
		_, err := c.Write(head)
		if err == nil {
			_, err = stream.WriteTo(c)
		}
		if err != nil && conn != nil {
			conn.Cut()
		}
		_ = stream.CloseWithError(err)
	})
}

// ask sends a request of patgate's own to the forge with the session's credential, and reads a short answer whole.
func (h *Handler) ask(q *surface.Request, session *token.Session, head []byte) (status int, body []byte, err error) {
	return asking.Ask(h.forge.Patgate, head, surface.ClaimOf(session, q.Conn))
}

// forget drops what was known of the containers of a request that may have changed the tree of groups and projects, who
// sees them, or who is a member. The request was sent: it counts even when nobody knows how it ended.
func (h *Handler) forget(q *surface.Request, j *surface.Judgement) {
	if !q.IsPatgate() || !j.Op.Route.Writes() || !fast.ChangesTree(j.Op.Route.Path) {
		return
	}
	h.rules.Resolver.Forget(policy.Container{}) // what was absent may be there now
	for i := range j.Containers() {
		if c := j.Containers()[i]; c.Boundary.InContainer() {
			h.rules.Resolver.Forget(c)
		}
	}
}
