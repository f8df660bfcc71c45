package proxy

import (
	"github.com/valyala/fasthttp"

	"patgate/audit"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/proxy/wire"
	"patgate/routes"
	"patgate/token"
)

// flight is what is kept of a request that an event loop has sent until its answer comes: less than a kilobyte with its
// text, so that those of many requests stay in the processor's caches. The exchange in which the request was judged is many
// times as long, and the loop uses it for the next request at once; another is made from the flight when a goroutine has to
// go on.
type flight struct {
	conn    *wire.Client
	front   *front
	table   *routes.Table
	session *token.Session
	event   audit.Event

	upstream *wire.Upstream // that it is sent on
	brought  []byte         // of the answer
	over     bool           // it is answered
	spoiled  bool           // nobody knows who still has the event

	text   []byte // the request's head as it came, then as it was sent, then by which origin the client came
	sent   int    // where the second begins
	origin int    // where the third does
}

// keep notes what the answer needs of a request that was judged.
func (f *flight) keep(x *exchange, t *front, in []byte) {
	q, head := &x.request, x.sending.Head
	f.front, f.conn, f.table, f.session = t, q.Conn, q.Table, x.judgement.Session
	f.event.Used = nil // it may be in the exchange
	f.text = append(append(f.text[:0], in...), head...)
	f.sent, f.origin = len(in), len(f.text)
	f.text = append(f.text, q.Origin...)
	f.brought, f.over = f.brought[:0], false
}

// forget empties it for another request. Its text held the token and the owner's credential.
func (f *flight) forget() {
	f.front, f.conn, f.table, f.session, f.upstream, f.over = nil, nil, nil, nil, nil, true
	clear(f.text)
	f.text, f.brought = f.text[:0], f.brought[:0]
	if cap(f.text) > surface.MaxKept {
		f.text = nil
	}
	if cap(f.brought) > surface.MaxKept {
		f.brought = nil
	}
}

// complete records how the request ended.
func (f *flight) complete(status, sent int) {
	e := &f.event
	e.Status, e.ResponseBytes, e.Duration = status, int64(sent), e.Upstream
	f.front.h.options.Audit.Completion(e)
}

// passage says what of the head of the answer the client gets.
func (f *flight) passage() reply.Passage {
	h := f.front.h
	return reply.Passage{
		Ours: true, Links: h.forge.Links, Origin: f.text[f.origin:], OwnCookies: h.options.OwnCookies,
		Redirects: reply.Redirects{Row: f.event.Route, Storage: h.storage, Session: f.session},
	}
}

// exchange makes the one in which the request was judged anew, for a goroutine that goes on with it. Of the flight only the
// event is used from then on.
func (f *flight) exchange() *exchange {
	h := f.front.h
	x := h.exchanges.Get().(*exchange)
	q, j := &x.request, &x.judgement
	x.h, x.event = h, &f.event
	q.Table, q.Dialect, q.Conn, q.Client = f.table, h.dialect, f.conn, f.conn.Peer
	q.ID, q.Start = f.event.ID, f.event.Start
	x.in = append(x.in[:0], f.text[:f.sent]...)
	x.sending.Head = append(x.sending.Head[:0], f.text[f.sent:f.origin]...)
	j.Begin(&h.rules, f.session, x.event)
	target, raw, _ := cutHead(x.in)
	_ = h.read(q, fasthttp.MethodGet, target, raw, []byte("HTTP/1.1")) // as when it was judged
	x.visit, _ = q.Surface.Classify(q, &j.Op)
	j.Op.Route = f.event.Route
	x.recorded, x.delivery.pool = true, h.forge.Patgate
	clear(f.text)
	return x
}
