package fast

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"patgate/audit"
	"patgate/proxy/header"
	"patgate/proxy/surface"
	"patgate/proxy/wire"
	"patgate/routes"
)

// work is where a loop judges its requests, one after the other.
type work struct {
	request   surface.Request
	judgement surface.Judgement
	body      surface.Body // there is none
	sending   surface.Sending
	event     *audit.Event // of a flight
	recorded  bool
}

// reset forgets a request that the loop leaves.
func (w *work) reset() {
	w.request.Reset()
	w.judgement.Reset()
	w.sending.Reset()
	w.event, w.recorded = nil, false
}

// settle forgets a request that was judged and sent: all that such requests set and the next does not set anew.
func (w *work) settle() {
	w.judgement.Forget()
	clear(w.sending.Head) // it held the owner's credential
	w.request.Credential.Reset()
	w.event, w.recorded = nil, false
}

// Serve serves the request whose head has been read. False: a goroutine has to.
func (t *Front) Serve(c *wire.Client, in []byte) bool {
	target, raw, ok := cutHead(in)
	if !ok {
		return false
	}
	s := t.station(c)
	f := s.take()
	if !t.judge(c, s, f, in, target, raw) {
		s.put(f)
		return false
	}
	c.Judged()
	if u := f.send(); u != nil {
		u.Ready()
	}
	return true
}

// judge decides on a request, and records it when it may be sent. False: nothing was decided.
func (t *Front) judge(c *wire.Client, s *station, f *flight, in, target, raw []byte) (ok bool) {
	defer t.panicked(s, f)
	w := s.work
	t.o.Gateway.Begin(&w.request, c, &f.event)
	w.event = &f.event
	w.request.InLoop = true
	s.use(w.request.Table)
	f.event.Part = c.Loop().Number() + 1 // 0 is what is in no loop
	if !t.decide(w, target, raw) || t.o.Gateway.Record(w.event, &w.request, &w.judgement) != nil {
		w.reset()
		return false
	}
	w.recorded = true
	f.keep(w, t, in)
	w.settle()
	return true
}

// decide decides on a request, as far as that goes without waiting, and writes the upstream request. False: nothing is decided.
func (t *Front) decide(w *work, target, raw []byte) bool {
	g, q, j := t.o.Gateway, &w.request, &w.judgement
	if g.Read(q, fasthttp.MethodGet, target, raw, "HTTP/1.1") != nil {
		return false
	}
	f := &q.Fields
	if f.Size != len(raw) { // another request follows
		return false
	}
	if !q.IsPatgate() || !g.Quick(q) || q.Sealed.Kind != surface.SealNone ||
		f.Has(header.ContentLength) || f.Has(header.TransferEncoding) || f.Has(header.Expect) || f.Has(header.Upgrade) ||
		f.Has(header.Connection) && (f.Repeated(header.Connection) || !header.EqualFold(f.Get(header.Connection), "keep-alive")) {
		return false
	}
	session := g.Known(q)
	if session == nil {
		return false
	}
	g.Judge(q, j, session, w.event)
	visit, err := g.Classify(q, &j.Op)
	if err != nil {
		return false
	}
	row := j.Op.Route
	if g.Owns(row) || row.Issues != "" || j.Change().Any() || row.Redirects || row.Find.From == routes.FindByLookup {
		return false
	}
	return j.Ordinary(q, &w.body, visit) == nil && !j.Rendered && !j.Filtered && g.Rebuild(q, visit, &w.body, j, &w.sending) == nil
}

// send sends the request on a connection of the loop. It gives the connection when there is something to read on it.
func (f *flight) send() (ready *wire.Upstream) {
	defer f.panicked()
	u := f.front.o.Upstream.Patgate.Quickly(surface.ClaimOf(f.session, f.conn))
	if u == nil {
		f.proceed(nil, Send)
		return nil
	}
	f.upstream = u
	sent, more := u.Await(f, f.text[f.sent:f.origin])
	switch {
	case !sent:
		f.discard()
		f.proceed(nil, Again)
	case more:
		return u
	}
	return nil
}

// cutHead finds the target and the header block of a GET whose request line can be read in one way only. The block ends as
// one does; whether it ends there first is seen when it is read.
func cutHead(in []byte) (target, raw []byte, ok bool) {
	const version = " HTTP/1.1\r\n"
	if !header.HasPrefix(in, getLine) || !bytes.HasSuffix(in, []byte("\r\n\r\n")) {
		return nil, nil, false
	}
	end := bytes.IndexByte(in, '\n') + 1
	line := in[:end]
	if len(line) < len(getLine)+len(version)+1 || string(line[len(line)-len(version):]) != version {
		return nil, nil, false
	}
	target = line[len(getLine) : len(line)-len(version)]
	return target, in[end:], header.IsVisible(target)
}

// getLine begins the request line of a GET.
const getLine = "GET "

// CutHead is cutHead for a head that a loop has read: it gives the same again.
func CutHead(in []byte) (target, raw []byte) {
	target, raw, _ = cutHead(in)
	return target, raw
}
