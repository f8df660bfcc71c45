package wire

import (
	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
	"patgate/proxy/wire/loop"
)

// A forge that has once said something else than one answer to one request may do so again, and what it says then could be
// taken for the answer to the next request. So a connection is used again only after an exchange in which nothing was odd.

// GiveBack gives the connection back when its answer, which has been read to its end, was as it should be, and else closes it.
func (c *Upstream) GiveBack(answer *fasthttp.Response) {
	if isOdd(answer) {
		c.Drop()
		return
	}
	c.pool.Put(c)
}

// Drop closes the connection.
func (c *Upstream) Drop() { c.pool.Drop(c) }

// isOdd tells whether the connection is closed after an answer: because it says so, or may not end where it seems to. That is so
// with HTTP/1.0, a Connection other than keep-alive, a body that the status does not allow, 408, 101 and trailers.
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
		if EndsConnection(name, value) {
			return true
		}
	}
	return false
}

// EndsConnection tells whether a field of an answer says, or may be read to say, that its connection is not to be used again, or
// that the answer ends elsewhere.
func EndsConnection(name, value []byte) bool {
	switch len(name) {
	case len("connection"): // Keep-Alive is as long
		return header.EqualFold(name, "connection") && !header.EqualFold(value, "keep-alive") ||
			header.EqualFold(name, "keep-alive") && endsKeeping(value)
	case len("upgrade"):
		return header.EqualFold(name, "upgrade")
	case len("content_length"):
		return header.EqualFold(name, "content_length")
	case len("proxy-connection"):
		return header.EqualFold(name, "proxy-connection")
	case len("transfer_encoding"):
		return header.EqualFold(name, "transfer_encoding")
	}
	return false
}

// endsKeeping tells whether a Keep-Alive value says that the connection takes no more requests.
func endsKeeping(value []byte) bool {
	for len(value) > 0 {
		var parameter []byte
		parameter, value = header.CutList(value)
		if header.EqualFold(parameter, "max=0") || header.EqualFold(parameter, "timeout=0") {
			return true
		}
	}
	return false
}

// early notes an answer that begins before the request has been sent to its end: the forge may not have read it, and takes
// what follows for another one. Messages of TLS itself are no answer: tickets follow each handshake (RFC 8446, 4.6.1).
func (c *Upstream) early() {
	switch {
	case c.odd:
	case c.secure == nil || c.secure.records == nil:
		c.odd = !alive(c.Conn)
	default:
		c.odd = !c.quietOverTLS()
	}
}

// quietOverTLS tells, in a goroutine, that no part of an answer has come. If a part has, it is kept for the next read.
func (c *Upstream) quietOverTLS() bool {
	var b [1]byte
	n, err := c.secure.readNow(b[:])
	if n > 0 {
		c.ahead = append([]byte(nil), b[:n]...)
	}
	behind := c.secure.takeBehind()
	if len(behind) > 0 {
		if _, err := c.writeTo(c.socket, behind, c.pool.limits.UpstreamStall); err == nil {
			c.secure.mend()
		}
	}
	return n == 0 && err == loop.ErrAgain && len(behind) == 0 && c.secure.records.between()
}
