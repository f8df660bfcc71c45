package fast

import (
	"patgate/audit"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/proxy/wire"
	"patgate/routes"
	"patgate/token"
)

// flight is what is kept of a request that an event loop has sent until its answer comes: less than a kilobyte with its
// text, so that those of many requests stay in the processor's caches. The work in which the request was judged is many
// times as long, and the loop uses it for the next request at once; an exchange is made from the flight when a goroutine has to
// go on.
type flight struct {
	conn    *wire.Client
	front   *Front
	table   *routes.Table
	session *token.Session
	event   audit.Event

	upstream *wire.Upstream // that it is sent on
	brought  []byte         // of the answer
	over     bool           // it is answered
	spoiled  bool           // after a panic: the log may still point to the event

	text     []byte // the request as it came, then its head and its body as they were sent, then by which origin the client came
	sent     int    // where the second begins
	body     int    // where the third does
	origin   int    // where the fourth does
	received int    // bytes of the body that came
}

// keep notes what the answer needs of a request that was judged.
func (f *flight) keep(w *work, t *Front, in []byte) {
	q, head := &w.request, w.sending.Head
	f.front, f.conn, f.table, f.session = t, q.Conn, q.Table, w.judgement.Session
	f.event.Used, f.event.Acts = nil, nil // they may be in the judgement
	f.text = append(append(f.text[:0], in...), head...)
	f.sent, f.body, f.received = len(in), len(f.text), 0
	if w.body.Present() {
		f.text = append(f.text, w.sending.Upload.Whole...)
		f.received = int(w.body.Received)
	}
	f.origin = len(f.text)
	f.text = append(f.text, q.Origin...)
	f.brought, f.over = f.brought[:0], false
}

// forget empties it for another request. Its text held the token and the owner's credential.
func (f *flight) forget() {
	f.front = nil
	f.conn = nil
	f.table = nil
	f.session = nil
	f.upstream = nil
	f.over = true
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
	e.RequestBytes = int64(f.received)
	f.front.o.Audit.Completion(e)
}

// lost gives where a goroutine goes on when the connection turns out to be closed: what can be sent again is (RFC 9110, 9.2.2).
func (f *flight) lost() Step {
	if carries(f.event.Method) {
		return Broken
	}
	return Again
}

// passage says what of the head of the answer the client gets.
func (f *flight) passage(status int) reply.Passage {
	o := &f.front.o
	return reply.Passage{
		Ours: true, Status: status, Sent: f.text[f.sent:f.body],
		Links: o.Upstream.Links, Origin: f.text[f.origin:], OwnCookies: o.OwnCookies,
		Redirects: reply.Redirects{Row: f.event.Route, Storage: o.Storage, Session: f.session},
	}
}

// proceed has a goroutine go on with the request, and with the connection that its answer comes on, if there is one. Of the
// flight only the event is used from then on.
func (f *flight) proceed(u *wire.Upstream, from Step) {
	f.front.o.Gateway.Resume(Parked{Step: from, Conn: f.conn, Table: f.table, Session: f.session, Event: &f.event, Upstream: u,
		Request: f.text[:f.sent], Sent: f.text[f.sent:f.body], Body: f.text[f.body:f.origin], Received: f.received})
	clear(f.text)
}
