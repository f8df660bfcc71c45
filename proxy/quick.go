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
		c.ahead = append([]byte(nil), in...)
		c.give()
		return
	}
	h := c.server.handler
	x := h.stations[c.socket.Loop().Number()].take(h)
	x.in = append(x.in[:0], in...)
	at := len(in) - len(raw)
	target, raw = x.in[len(getLine):len(getLine)+len(target)], x.in[at:]
	x.start(h, c)
	defer x.panicked()
	if !x.judgeQuickly(target, raw) {
		x.unjudge()
		x.proceedFrom(stepJudge)
		return
	}
	if err := x.record(); err != nil {
		x.unjudge()
		x.proceedFrom(stepJudge)
		return
	}
	p := x.h.patgate
	u := p.quickly(c.socket.Loop())
	if x.pool = p; u == nil {
		x.proceedFrom(stepSend)
		return
	}
	x.upstream, u.x, u.limit = u, x, p.limits.UpstreamStall
	x.brought = x.brought[:0]
	if n, err := u.socket.TryWrite(x.head); err != nil || n < len(x.head) {
		x.dropUpstream()
		x.proceedFrom(stepAgain)
		return
	}
	u.wait(p.limits.UpstreamResponse)
	if !u.socket.Rest() {
		u.Ready()
	}
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
	if times, _ := x.h.failures.over(x.client); times > 0 {
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
