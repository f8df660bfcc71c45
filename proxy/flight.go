package proxy

import (
	"github.com/valyala/fasthttp"

	"patgate/audit"
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
	target int    // the length of the target in the first
	sent   int    // where the second begins
	origin int    // where the third does
}

// keep notes what the answer needs of a request that was judged.
func (f *flight) keep(x *exchange, t *front, in []byte) {
	f.front = t
	f.conn, f.table, f.session = x.conn, x.table, x.session
	f.event.Used = nil // it may be in the exchange
	f.text = append(append(f.text[:0], in...), x.head...)
	f.target, f.sent, f.origin = len(x.target), len(in), len(f.text)
	f.text = append(f.text, x.origin...)
	f.brought, f.over = f.brought[:0], false
}

// forget empties it for another request. Its text held the token and the owner's credential.
func (f *flight) forget() {
	f.front, f.conn, f.table, f.session, f.upstream, f.over = nil, nil, nil, nil, nil, true
	clear(f.text)
	f.text, f.brought = f.text[:0], f.brought[:0]
	if cap(f.text) > maxKept {
		f.text = nil
	}
	if cap(f.brought) > maxKept {
		f.brought = nil
	}
}

// complete records how the request ended.
func (f *flight) complete(status, sent int) {
	e := &f.event
	e.Status, e.ResponseBytes, e.Duration = status, int64(sent), e.Upstream
	f.front.h.options.Audit.Completion(e)
}

// lend puts into an exchange what passing on the fields of the answer needs.
func (f *flight) lend(x *exchange) {
	x.h, x.session, x.event = f.front.h, f.session, &f.event
	x.target = f.text[len(getLine):][:f.target]
	x.path = before(x.target, '?')
	x.cred.caller, x.surface, x.op.Route = callerPatgate, surfaceAPI, f.event.Route
	x.origin = append(x.origin[:0], f.text[f.origin:]...)
}

// exchange makes the one in which the request was judged anew, for a goroutine that goes on with it. Of the flight only the
// event is used from then on.
func (f *flight) exchange() *exchange {
	h := f.front.h
	x := h.exchanges.Get().(*exchange)
	x.h, x.table, x.conn, x.session, x.event = h, f.table, f.conn, f.session, &f.event
	x.client, x.secure = f.conn.Peer, false
	x.in = append(x.in[:0], f.text[:f.sent]...)
	x.head = append(x.head[:0], f.text[f.sent:f.origin]...)
	target, raw, _ := cutHead(x.in)
	_ = x.read(fasthttp.MethodGet, target, raw, []byte("HTTP/1.1")) // as when it was judged
	_ = x.table.Classify(&x.op, x.method, x.target)
	x.op.Route = f.event.Route
	x.recorded, x.pool = true, h.patgate
	clear(f.text)
	return x
}
