package proxy

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
	"patgate/proxy/surface"
	"patgate/proxy/wire"
	"patgate/routes"
	"patgate/token"
)

// An event loop serves a request itself as long as nothing has to wait and nothing is out of the ordinary: a GET without
// a body, with a patgate token, to the API, whose session and container are in the caches and which is allowed; and an
// answer that is short and whole. Anything else goes on in a goroutine, with the HTTP server, from where it stands: the
// loop refuses nothing, and what it passes on it has judged with the same steps.

// front is what event loops serve, with what each of them keeps.
type front struct {
	h        *Handler
	stations []*station // by the number of the loop
}

// station gives that of a connection's loop.
func (t *front) station(c *wire.Client) *station { return t.stations[c.Loop().Number()] }

// Serve serves the request whose head has been read. False: a goroutine has to.
func (t *front) Serve(c *wire.Client, in []byte) bool {
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
func (t *front) judge(c *wire.Client, s *station, f *flight, in, target, raw []byte) (ok bool) {
	defer t.panicked(s, f)
	x := s.x
	x.start(t.h, c, &f.event)
	x.request.InLoop = true
	s.use(x.request.Table)
	f.event.Part = c.Loop().Number() + 1 // 0 is what is in no loop
	if !t.decide(x, target, raw) || x.record() != nil {
		x.reset()
		return false
	}
	f.keep(x, t, in)
	x.settle()
	return true
}

// send sends the request on a connection of the loop. It gives the connection when there is something to read on it.
func (f *flight) send() (ready *wire.Upstream) {
	defer f.panicked()
	u := f.front.h.forge.Patgate.Quickly(wire.Claim{Holder: ownerOf(f.session), Loop: f.conn.Loop()})
	if u == nil {
		f.proceed(nil, stepSend)
		return nil
	}
	f.upstream = u
	sent, more := u.Await(f, f.text[f.sent:f.origin])
	switch {
	case !sent:
		f.discard()
		f.proceed(nil, stepAgain)
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

// decide decides on a request, as far as that goes without waiting, and writes the upstream request. False: nothing is decided.
func (t *front) decide(x *exchange, target, raw []byte) bool {
	h, q, j := t.h, &x.request, &x.judgement
	if h.forge.Patgate.Encrypted() || h.read(q, fasthttp.MethodGet, target, raw, []byte("HTTP/1.1")) != nil {
		return false
	}
	f := &q.Fields
	if f.Size != len(raw) { // another request follows
		return false
	}
	if !q.IsPatgate() || q.Surface != h.api || h.isLocal(q) || q.Sealed.Kind != surface.SealNone ||
		f.Has(header.ContentLength) || f.Has(header.TransferEncoding) || f.Has(header.Expect) || f.Has(header.Upgrade) ||
		f.Has(header.Connection) && (f.Repeated(header.Connection) || !header.EqualFold(f.Get(header.Connection), "keep-alive")) {
		return false
	}
	if !t.recognise(x) || x.classify() != nil {
		return false
	}
	row := j.Op.Route
	if h.owns(row) || row.Issues != "" || j.Change().Any() || row.Redirects || row.Find.From == routes.FindByLookup {
		return false
	}
	return j.Ordinary(q, &x.body, x.visit) == nil && !j.Rendered && h.rebuild(q, x.visit, &x.body, j, &x.sending) == nil
}

// recognise finds the session of a token that may be used, where that is in the cache.
func (t *front) recognise(x *exchange) bool {
	hash, err := token.Key(x.request.Credential.Secret) // sealed texts are not served here
	if err != nil {
		return false
	}
	session, err := t.h.options.Sessions.GetAt(t.h.kept, hash, x.request.Start)
	if err != nil {
		return false
	}
	x.judgement.Begin(&t.h.rules, session, x.event)
	return t.h.options.Table() == x.request.Table
}

// settle forgets a request that was judged in a loop and sent: all that such requests set and the next does not set anew.
func (x *exchange) settle() {
	x.judgement.Forget()
	clear(x.sending.Head) // it held the owner's credential
	x.request.Credential.Reset()
	x.visit, x.event, x.recorded = nil, nil, false
}
