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
	body      surface.Body
	source    bytes.Reader // that the body is read from
	sending   surface.Sending
	event     *audit.Event // of a flight
	recorded  bool
}

// reset forgets a request that the loop leaves.
func (w *work) reset() {
	w.request.Reset()
	w.judgement.Reset()
	w.sending.Reset()
	if w.body.Present() {
		w.body.Release()
		w.source.Reset(nil)
	}
	w.event, w.recorded = nil, false
}

// settle forgets a request that was judged and sent: all that such requests set and the next does not set anew.
func (w *work) settle() {
	if w.body.Present() {
		w.reset()
		return
	}
	w.judgement.Forget()
	clear(w.sending.Head) // it held the owner's credential
	w.request.Credential.Reset()
	w.event, w.recorded = nil, false
}

// Serve serves the request whose head has been read. False: a goroutine has to.
func (t *Front) Serve(c *wire.Client, in []byte) bool {
	method, target, raw := CutHead(in)
	ok := method != ""
	if !ok {
		return false
	}
	s := t.station(c)
	f := s.take()
	if !t.judge(c, s, f, in, method, target, raw) {
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
func (t *Front) judge(c *wire.Client, s *station, f *flight, in []byte, method string, target, raw []byte) (ok bool) {
	defer t.panicked(s, f)
	w := s.work
	t.o.Gateway.Begin(&w.request, c, &f.event)
	w.event = &f.event
	s.use(w.request.Table)
	f.event.Part = c.Loop().Number() + 1 // 0 is what is in no loop
	if !t.decide(w, method, target, raw) || t.o.Gateway.Record(w.event, &w.request, &w.judgement) != nil {
		w.reset()
		return false
	}
	w.recorded = true
	f.keep(w, t, in)
	w.settle()
	return true
}

// decide decides on a request, as far as that goes without waiting, and writes the upstream request. False: nothing is decided.
func (t *Front) decide(w *work, method string, target, raw []byte) bool {
	g, q, j := t.o.Gateway, &w.request, &w.judgement
	if g.Read(q, method, target, raw, "HTTP/1.1") != nil {
		return false
	}
	f := &q.Fields
	if !w.open(t.o.Bodies, raw[f.Size:]) {
		return false
	}
	if !q.IsPatgate() || !g.Quick(q) || q.Sealed.Kind != surface.SealNone ||
		f.Has(header.TransferEncoding) || f.Has(header.Expect) || f.Has(header.Upgrade) ||
		f.Has(header.Connection) && (f.Repeated(header.Connection) || !header.EqualFold(f.Get(header.Connection), "keep-alive")) {
		return false
	}
	session := g.Known(q)
	if session == nil {
		return false
	}
	g.Judge(q, j, session, w.event)
	if g.Classify(q, j) != nil {
		return false
	}
	row := j.Op.Route
	if g.Owns(row) || row.Issues != "" || j.Change().Any() || row.Redirects || row.Find.From == routes.FindByLookup ||
		row.Writes() && ChangesTree(row.Path) { // what is known of containers is forgotten with the answer
		return false
	}
	if j.Ordinary(q, &w.body) != nil || j.Rendered || j.Filtered || g.Rebuild(q, &w.body, j, &w.sending) != nil {
		return false
	}
	u := &w.sending.Upload
	return u.None() || !u.Running() && len(w.sending.Head)+len(u.Whole) <= longestSent
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
		f.proceed(nil, f.lost())
	case more:
		return u
	}
	return nil
}

// longestBody bounds the bodies that a loop reads, and longestSent what it sends at once: a connection takes that whole, and only
// what can be sent again could be given up half-way.
const (
	longestBody = 8 << 10
	longestSent = 16 << 10
)

// open begins the body of a request, which is what follows its head. False: it is not all there, or too long, or more follows.
func (w *work) open(limits *surface.BodyLimits, rest []byte) bool {
	f := &w.request.Fields
	if !carries(w.request.Method) {
		return len(rest) == 0 && !f.Has(header.ContentLength)
	}
	if len(rest) == 0 || len(rest) > longestBody || f.Repeated(header.ContentLength) ||
		lengthOf(f.Get(header.ContentLength)) != len(rest) {
		return false
	}
	w.source.Reset(rest)
	w.body.Open(limits, &w.source, len(rest))
	return true
}

// carries tells whether requests of a method have a body. They are sent once.
func carries(method string) bool {
	return method != fasthttp.MethodGet && method != fasthttp.MethodHead
}

// CutHead finds the method, the target and the header block, with all that follows, of a request whose request line can be read
// in one way only. Without a body the block ends as one does; whether it ends there first is seen when it is read. The method is
// empty for what no loop serves.
func CutHead(in []byte) (method string, target, raw []byte) {
	const version = " HTTP/1.1\r\n"
	method = methodOf(in)
	if method == "" || !carries(method) && !bytes.HasSuffix(in, []byte("\r\n\r\n")) {
		return "", nil, nil
	}
	begin, end := len(method)+1, bytes.IndexByte(in, '\n')+1
	line := in[:end]
	if len(line) < begin+len(version)+1 || string(line[len(line)-len(version):]) != version {
		return "", nil, nil
	}
	target = line[begin : len(line)-len(version)]
	if !header.IsVisible(target) {
		return "", nil, nil
	}
	return method, target, in[end:]
}

// methodOf gives the method of a request that a loop may serve; empty for others.
func methodOf(in []byte) string {
	for _, method := range [...]string{
		fasthttp.MethodGet, fasthttp.MethodHead, fasthttp.MethodPost, fasthttp.MethodPut, fasthttp.MethodPatch,
	} {
		if n := len(method); len(in) > n && in[n] == ' ' && string(in[:n]) == method {
			return method
		}
	}
	return ""
}
