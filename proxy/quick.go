package proxy

import (
	"bytes"
	"io"
	"runtime/debug"

	"github.com/valyala/fasthttp"

	"patgate/proxy/loop"
	"patgate/routes"
)

// An event loop serves a request itself as long as nothing has to wait and nothing is out of the ordinary: a GET without
// a body, with a patgate token, to the API, whose session and container are in the caches and which is allowed; and an
// answer that is short and whole. Anything else goes on in a goroutine, with the HTTP server, from where it stands: the
// loop refuses nothing, and what it passes on it has judged with the same steps.

// step is where a goroutine goes on with an exchange that a loop began.
type step uint8

const (
	stepJudge   step = iota // from the beginning, but for the session that was found
	stepSend                // it is decided and recorded, and must be sent
	stepAgain               // as stepSend, on a new connection: one that had been idle was closed just now
	stepReceive             // it is sent; the upstream connection has what came of the answer
	stepTimeout             // it is sent, and the answer did not come in time
	stepBroken              // it is sent, and the connection broke
	stepPanic
)

// quickAnswer is how long an answer may be, with its head, that a loop hands on.
const quickAnswer = 32 << 10

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
	x := c.server.handler.exchanges.Get().(*exchange)
	x.in = append(x.in[:0], in...)
	at := len(in) - len(raw)
	target, raw = x.in[len(getLine):len(getLine)+len(target)], x.in[at:]
	x.start(c.server.handler, c)
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

// cutHead finds the target and the header block of a GET whose head is all that has come, and whose request line can be
// read in one way only.
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
	target, raw = line[len(getLine):len(line)-len(version)], in[end:]
	for _, b := range target {
		if b <= ' ' || b >= 0x7f {
			return nil, nil, false
		}
	}
	// The empty line that ends the head is the first one: what is behind it would be another request.
	if len(raw) <= 2 || bytes.Index(raw, []byte("\r\n\r\n")) != len(raw)-4 {
		return nil, nil, false
	}
	return target, raw, true
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
	if x.cred.caller != callerPatgate || x.surface != surfaceAPI || x.local() || x.sealed.kind != sealNone ||
		f.has(fieldContentLength) || f.has(fieldTransferEncoding) || f.has(fieldExpect) || f.has(fieldUpgrade) ||
		f.has(fieldConnection) && !equalFold(f.get(fieldConnection), "keep-alive") {
		return false
	}
	if times, _ := x.h.failures.over(x.client); times > 0 {
		return false
	}
	if !x.recognise() || x.classify() != nil {
		return false
	}
	row := x.op.Route
	if row == nil || x.owned() || row.Issues != "" || len(row.Response.Remove) > 0 || row.Response.Links || row.Redirects ||
		row.Find.From == routes.FindByLookup || x.registry.probe || x.registry.auth != nil || x.registry.image != nil || x.registry.proxied != nil || x.git.Batch {
		return false
	}
	if x.plan() != nil || x.readParameters() != nil || x.resolve() != nil {
		return false
	}
	return x.decide() == nil && x.checkTwin() == nil && x.rebuild() == nil
}

// recognise finds the session of a token that may be used, where that is in the cache.
func (x *exchange) recognise() bool {
	hash, err := x.tokenHash()
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

// proceedFrom has a goroutine go on with the exchange.
func (x *exchange) proceedFrom(s step) {
	c := x.conn
	x.step = s
	c.resumed, c.ahead = x, x.in // the server reads the head once more
	c.give()
}

// proceed serves the request, from the beginning or from where a loop has left it.
func (x *exchange) proceed() (kept bool) {
	u, from := x.upstream, x.step
	x.step, x.upstream = stepJudge, nil
	switch from {
	case stepSend:
		return x.forward(x.pool)
	case stepAgain:
		return x.handOn(x.pool.anew(x.head, &x.upload, false, &x.answer, x.loop()))
	case stepReceive:
		err := u.receive(false, &x.answer)
		if err != nil {
			x.pool.drop(u)
			u = nil
		}
		return x.handOn(u, err)
	case stepTimeout:
		return x.handOn(nil, errUpstreamTimeout)
	case stepBroken:
		return x.handOn(nil, errUpstreamBroken)
	case stepPanic:
		return x.deny(refuseInternal)
	}
	return x.serve()
}

// dropUpstream closes the upstream connection.
func (x *exchange) dropUpstream() {
	u := x.upstream
	x.upstream, u.x = nil, nil
	u.done()
	x.pool.drop(u)
}

// abandon ends an exchange that a loop began and no goroutine goes on with.
func (x *exchange) abandon() {
	if x.upstream != nil {
		x.dropUpstream()
	}
	x.event.Failure = failureClientGone
	x.complete(fasthttp.StatusServiceUnavailable, 0)
	x.release()
}

// panicked is recovered for what a loop does.
func (x *exchange) panicked() {
	value := recover()
	if value == nil {
		return
	}
	if x.h == nil {
		panic(value) // the exchange is over: nobody is left to be told
	}
	if p := x.h.options.Panicked; p != nil {
		p(value, debug.Stack())
	}
	if x.upstream != nil {
		x.dropUpstream()
	}
	x.event.Failure = failurePanic
	x.proceedFrom(stepPanic)
}

// Ready reads an answer on the loop's goroutine. On an idle connection it is the end.
func (c *upstreamConn) Ready() {
	x := c.x
	if x == nil {
		c.pool.evict(c)
		return
	}
	defer x.panicked()
	brought := x.brought
	if len(brought) == 0 {
		brought = c.socket.Loop().Desk().In[:0]
	}
	for {
		if c.socket.Late() {
			x.dropUpstream()
			x.proceedFrom(stepTimeout)
			return
		}
		have := len(brought)
		n, err := c.socket.TryRead(brought[have:cap(brought)])
		brought = brought[:have+n]
		switch {
		case err == loop.ErrAgain:
			x.keepBrought(brought)
			if c.socket.Rest() {
				return
			}
		case err != nil && have == 0: // a GET may be sent again (RFC 9112, 9.3.1)
			x.dropUpstream()
			x.proceedFrom(stepAgain)
			return
		case err == io.EOF:
			x.hold(brought)
			return
		case err != nil:
			x.dropUpstream()
			x.proceedFrom(stepBroken)
			return
		default:
			switch got := x.answerQuickly(brought); {
			case got == answerDone:
				return
			case got == answerOther || len(x.brought) > 0: // or it comes in many pieces
				x.hold(brought)
				return
			}
		}
	}
}

// keepBrought keeps what has come of the answer beyond Ready.
func (x *exchange) keepBrought(brought []byte) {
	switch {
	case len(brought) == 0, len(x.brought) > 0 && &x.brought[0] == &brought[0]:
		x.brought = brought
	case cap(x.brought) < quickAnswer:
		x.brought = make([]byte, len(brought), quickAnswer)
		copy(x.brought, brought)
	default:
		x.brought = append(x.brought[:0], brought...)
	}
}

// hold has a goroutine read the answer, what has come of it included.
func (x *exchange) hold(brought []byte) {
	u := x.upstream
	u.x = nil
	x.keepBrought(brought)
	u.ahead = x.brought
	x.proceedFrom(stepReceive)
}

// finish sends the answer that is written to the client, and has the connection rest.
func (x *exchange) finish(out []byte) {
	c := x.conn
	n, err := c.socket.TryWrite(out)
	if err != nil && err != loop.ErrAgain {
		x.release()
		_ = c.Close()
		return
	}
	if n < len(out) {
		c.behind = append([]byte(nil), out[n:]...)
		x.release()
		c.enter(phaseIdle)
		c.give()
		return
	}
	x.release()
	c.enter(phaseIdle)
	if !c.socket.Rest() {
		c.Ready()
	}
}
