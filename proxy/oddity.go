package proxy

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

// A forge that has once said something else than one answer to one request may do so again, and what it says then could be
// taken for the answer to the next request. So a connection is used again only after an exchange in which nothing was odd.

// giveBack gives a connection back when its answer, which has been read to its end, was as it should be, and else closes it.
func (p *pool) giveBack(c *upstreamConn, answer *fasthttp.Response) {
	if isOdd(answer) {
		p.drop(c)
		return
	}
	p.put(c)
}

// isOdd tells whether an answer is one after which the connection is closed: by its own word, or because its end may not be
// where it seems to be. So it is with HTTP/1.0, with a connection that is to be anything but kept, with a body that such an
// answer has none of, with a request that the forge says it never got, and with trailers.
func isOdd(answer *fasthttp.Response) bool {
	h := &answer.Header
	if h.ConnectionClose() || !h.IsHTTP11() || len(h.PeekTrailerKeys()) > 0 {
		return true
	}
	switch answer.StatusCode() {
	case fasthttp.StatusNoContent, fasthttp.StatusResetContent, fasthttp.StatusNotModified:
		if length := h.ContentLength(); length > 0 || length == -1 {
			return true
		}
	case fasthttp.StatusRequestTimeout, fasthttp.StatusSwitchingProtocols:
		return true
	}
	for name, value := range h.All() {
		if equalFold(name, "connection") && !equalFold(value, "keep-alive") {
			return true
		}
	}
	return false
}

// twoLengths looks at the head of an answer that is about to be read, and tells whether it gives the length of the body in two
// ways, of which the HTTP library takes one.
func (c *upstreamConn) twoLengths() bool {
	for n := 1; ; n = c.br.Buffered() + 1 {
		_, err := c.br.Peek(n)
		head, _ := c.br.Peek(c.br.Buffered())
		end := headEnd(head)
		if end < 0 && err == nil {
			continue
		}
		if end < 0 {
			return false // it will not be read
		}
		head = bytes.ToLower(head[:end])
		return bytes.Contains(head, []byte("\ncontent-length")) && bytes.Contains(head, []byte("\ntransfer-encoding"))
	}
}

// headEnd gives where the empty line behind a head begins; negative when it has not come.
func headEnd(head []byte) int {
	crlf, lf := bytes.Index(head, []byte("\n\r\n")), bytes.Index(head, []byte("\n\n"))
	if crlf < 0 || lf >= 0 && lf < crlf {
		return lf
	}
	return crlf
}

// early notes an answer that begins before the request has been sent to its end: the forge may not have read it, and takes
// what follows for another one.
func (c *upstreamConn) early() {
	if !c.odd && !alive(c.Conn) {
		c.odd = true
	}
}
