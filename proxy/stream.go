package proxy

import (
	"errors"
	"io"
	"net"

	"github.com/valyala/fasthttp"
)

// smallAnswer is how long an answer may be to be copied at once, when all of it fits the connection's buffer.
const smallAnswer = 16 << 10

// deliver hands the forge's answer to the server. kept tells that the exchange lives on until the answer's body is
// written; else it is over.
func (x *exchange) deliver() (kept bool) {
	a, out := &x.answer, &x.ctx.Response
	length := a.Header.ContentLength()
	status := a.StatusCode()
	noBody := x.isHead || status == fasthttp.StatusNoContent || status == fasthttp.StatusNotModified || status < 200
	if noBody {
		x.bodiless(length)
		x.free(true)
		x.complete(status, 0)
		return false
	}
	switch {
	case x.git.batch != nil:
		return x.deliverBatch()
	case x.registry.auth != nil && x.h.registry != nil && status == fasthttp.StatusOK:
		return x.deliverToken()
	}
	remove := x.changes()
	if remove && !x.filterable() {
		return x.broken(refuseIllegible, failureAnswer)
	}
	if length >= 0 && length <= smallAnswer {
		return x.deliverSmall(status, length, remove)
	}
	a.StreamBody = true
	if err := a.ReadBody(x.upstream.br, 0); err != nil {
		return x.broken(refuseUnavailable, failureUpstream)
	}
	x.stream = answerStream{x: x, from: a.BodyStream()}
	if remove {
		length = -1
		x.stream.filter = x.filter()
	}
	if length < 0 && !x.ctx.Request.Header.IsHTTP11() {
		x.untilClose()
		return true
	}
	out.SetBodyStream(&x.stream, max(length, -1))
	return true
}

// deliverSmall reads an answer whole and frees the connection before the client is written to.
func (x *exchange) deliverSmall(status, length int, remove bool) (kept bool) {
	body, err := x.upstream.br.Peek(length)
	if err != nil {
		err = upstreamError(err)
		return x.broken(refusalOf(err), failureOf(err))
	}
	if remove {
		if body, err = x.filterSmall(body); err != nil {
			return x.broken(refuseIllegible, failureAnswer)
		}
	}
	x.ctx.Response.SetBody(body)
	sent := int64(len(body))
	_, _ = x.upstream.br.Discard(length)
	x.free(true)
	x.complete(status, sent)
	return false
}

// broken answers for a forge whose answer is of no use.
func (x *exchange) broken(r *refusal, failure string) (kept bool) {
	x.free(false)
	x.event.Failure = failure
	x.refuse(r)
	return false
}

// bodiless frames an answer that has no body, but may tell the length that one would have.
func (x *exchange) bodiless(length int) {
	out := &x.ctx.Response
	out.SkipBody = true
	if x.isHead && length >= 0 && !x.changes() {
		out.Header.SetContentLength(length)
	} else if x.isHead {
		out.Header.SetContentLength(-1)
	}
}

// free gives the upstream connection back, or closes it when it is not at the beginning of an answer.
func (x *exchange) free(whole bool) {
	c := x.upstream
	x.upstream = nil
	if c == nil {
		return
	}
	if whole && (c.holder != holder{} || !x.body.present()) { // a body may hold a credential that nobody has looked for
		x.pool.giveBack(c, &x.answer)
	} else {
		x.pool.drop(c)
	}
}

// answerStream is the body of an answer on its way from the forge to the client. The server writes it after the handler
// has returned, and closes it; that is when the request is complete.
type answerStream struct {
	x     *exchange
	from  io.Reader
	sent  int64
	whole bool
	err   error // of the source

	filter     changer // nil: everything passes
	unreadable bool    // the filter could not read it
}

// Read reads from the forge.
func (s *answerStream) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	s.sent += int64(n)
	s.note(err)
	return n, err
}

func (s *answerStream) note(err error) {
	switch {
	case errors.Is(err, io.EOF):
		s.whole = true
	case err != nil:
		s.err = err
	}
}

// WriteTo copies with a buffer of our own, larger than the server's.
func (s *answerStream) WriteTo(w io.Writer) (written int64, err error) {
	if s.filter != nil {
		return s.writeFiltered(w)
	}
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	for {
		n, rerr := s.Read(*buf)
		if n > 0 {
			m, werr := w.Write((*buf)[:n])
			written += int64(m)
			if werr != nil {
				return written, werr
			}
		}
		if rerr != nil {
			if s.whole {
				rerr = nil
			}
			return written, rerr
		}
	}
}

// SupportsBodyWriteTo tells the server that WriteTo may take the place of Read.
func (*answerStream) SupportsBodyWriteTo() bool { return true }

// CloseWithError ends the request.
func (s *answerStream) CloseWithError(err error) error {
	x := s.x
	if x == nil {
		return nil
	}
	s.x = nil
	switch {
	case s.unreadable:
		x.event.Failure = failureAnswer
	case s.err != nil:
		x.event.Failure = failureOf(upstreamError(s.err))
	case err != nil || !s.whole:
		x.event.Failure = failureClientGone
	}
	whole, sent := s.whole && err == nil, s.sent
	_ = x.answer.CloseBodyStream()
	x.free(whole)
	x.complete(x.answer.StatusCode(), sent)
	x.release()
	return nil
}

// untilClose answers an HTTP/1.0 client whose answer's length is not known: the body ends with the connection
// (RFC 9112, 6.3), which the server's own writer cannot do.
func (x *exchange) untilClose() {
	out := &x.ctx.Response
	out.Header.Del(fasthttp.HeaderTransferEncoding)
	out.Header.SetConnectionClose()
	head := append([]byte(nil), out.Header.Header()...)
	stream := &x.stream
	conn := x.conn
	x.ctx.HijackSetNoResponse(true)
	x.ctx.Hijack(func(c net.Conn) {
		if conn != nil {
			conn.enter(phaseExchange)
		}
		_, err := c.Write(head)
		if err == nil {
			_, err = stream.WriteTo(c)
		}
		_ = stream.CloseWithError(err)
	})
}
