package proxy

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"patgate/proxy/loop"
	"patgate/routes"
	"patgate/token"
)

// An event loop serves a request itself as long as nothing has to wait and nothing is out of the ordinary: a GET without
// a body, with a patgate token, to the API, whose session and container are in the caches and which is allowed; and an
// answer that is short and whole. Anything else goes on in a goroutine, with the HTTP server, from where it stands: the
// loop refuses nothing, and what it passes on it has judged with the same steps.

// Ready reads a request on the loop's goroutine.
func (c *clientConn) Ready() {
	in := c.socket.Loop().Desk().In
	in = in[:min(len(in), c.server.handler.options.Limits.HeaderBytes)]
	for {
		n, err := c.socket.TryRead(in)
		switch {
		case err == nil:
			c.serve(in[:n])
			return
		case c.socket.Late() && !c.served:
			c.give() // the server tells the client that it took too long
			return
		case err == loop.ErrAgain && !c.server.stopping.Load() && !c.socket.Late():
			if c.socket.Rest() {
				return
			}
		default:
			_ = c.Close()
			return
		}
	}
}

// hand has a goroutine serve the connection.
func (c *clientConn) hand() {
	go func() { _ = c.server.inner.ServeConn(c) }()
}

// give is hand on the loop's goroutine.
func (c *clientConn) give() {
	c.hand()
	c.socket.Loop().Gave()
}

// rest gives the connection back to its loop.
func (c *clientConn) rest() {
	if !c.socket.Rest() {
		c.hand() // something has come meanwhile
	}
}

// serve serves the request whose head has been read, or has a goroutine do it.
func (c *clientConn) serve(in []byte) {
	target, raw, ok := cutHead(in)
	if !ok || c.server.stopping.Load() {
		c.leave(in)
		return
	}
	s := c.station()
	f := s.take()
	if !c.judge(s, f, in, target, raw) {
		s.put(f)
		c.leave(in)
		return
	}
	c.done()
	if u := f.send(); u != nil {
		u.Ready()
	}
}

// judge decides on a request, and records it when it may be sent. False: nothing was decided.
func (c *clientConn) judge(s *station, f *flight, in, target, raw []byte) (ok bool) {
	defer c.panicked(f)
	x := s.x
	x.start(c.server.handler, c, &f.event)
	s.use(x.table)
	f.event.Part = c.socket.Loop().Number() + 1 // 0 is what is in no loop
	if !x.judgeQuickly(target, raw) || x.record() != nil {
		x.reset()
		return false
	}
	f.keep(x, in)
	x.settle()
	return true
}

// leave has a goroutine serve the connection from what has been read on.
func (c *clientConn) leave(in []byte) {
	c.ahead = append([]byte(nil), in...)
	c.give()
}

// send sends the request on a connection of the loop. It gives the connection when there is something to read on it.
func (f *flight) send() (ready *upstreamConn) {
	defer f.panicked()
	p := f.pool()
	u := p.quickly(claim{ownerOf(f.session), f.conn.socket.Loop()})
	if u == nil {
		f.proceed(nil, stepSend)
		return nil
	}
	f.upstream, u.flight, u.limit = u, f, p.limits.UpstreamStall
	head := f.text[f.sent:f.origin]
	if n, err := u.socket.TryWrite(head); err != nil || n < len(head) {
		f.discard()
		f.proceed(nil, stepAgain)
		return nil
	}
	u.wait(p.limits.UpstreamResponse)
	if u.socket.Rest() {
		return nil
	}
	return u
}

// cutHead finds the target and the header block of a GET whose request line can be read in one way only. The block ends as
// one does; whether it ends there first is seen when it is read.
func cutHead(in []byte) (target, raw []byte, ok bool) {
	const version = " HTTP/1.1\r\n"
	if !hasPrefix(in, getLine) || !bytes.HasSuffix(in, []byte("\r\n\r\n")) {
		return nil, nil, false
	}
	end := bytes.IndexByte(in, '\n') + 1
	line := in[:end]
	if len(line) < len(getLine)+len(version)+1 || string(line[len(line)-len(version):]) != version {
		return nil, nil, false
	}
	target = line[len(getLine) : len(line)-len(version)]
	return target, in[end:], isVisible(target)
}

// getLine begins the request line of a GET.
const getLine = "GET "

// judgeQuickly decides on a request, as far as that goes without waiting, and writes the upstream request. False: nothing
// is decided.
func (x *exchange) judgeQuickly(target, raw []byte) bool {
	if x.h.patgate.tls != nil || x.read(fasthttp.MethodGet, target, raw, []byte("HTTP/1.1")) != nil {
		return false
	}
	f := &x.fields
	if f.size != len(raw) { // another request follows
		return false
	}
	if x.cred.caller != callerPatgate || x.surface != surfaceAPI || x.local() || x.sealed.kind != sealNone ||
		f.has(fieldContentLength) || f.has(fieldTransferEncoding) || f.has(fieldExpect) || f.has(fieldUpgrade) ||
		f.has(fieldConnection) && (f.repeated(fieldConnection) || !equalFold(f.get(fieldConnection), "keep-alive")) {
		return false
	}
	if !x.recognise() || x.classify() != nil {
		return false
	}
	row := x.op.Route
	if row == nil || x.owned() || row.Issues != "" || len(row.Response.Remove) > 0 || row.Response.Links || row.Redirects || row.Find.From == routes.FindByLookup {
		return false
	}
	if x.plan() != nil || x.readParameters() != nil || x.resolve() != nil {
		return false
	}
	return x.decide() == nil && x.rebuild() == nil
}

// recognise finds the session of a token that may be used, where that is in the cache.
func (x *exchange) recognise() bool {
	hash, err := token.Key(x.cred.secret) // sealed texts are not served here
	if err != nil {
		return false
	}
	session, err := x.h.options.Sessions.GetAt(x.h.kept, hash, x.event.Start)
	if err != nil {
		return false
	}
	x.session = session
	return x.h.options.Table() == x.table
}
