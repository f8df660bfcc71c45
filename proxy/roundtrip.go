package proxy

import (
	"errors"
	"io"
	"strconv"
	"sync"

	"github.com/valyala/fasthttp"
)

// upload is the body of an upstream request, in one of three forms. The zero value is none.
type upload struct {
	whole  []byte                // sent with the head
	stream io.Reader             // passed on
	pour   func(io.Writer) error // written while it is sent; always chunked
	length int64                 // of stream; -1 when it is not known, which is sent chunked
}

// none tells that there is no body.
func (u *upload) none() bool { return len(u.whole) == 0 && !u.running() }

// running tells that the body is still being read from the client while it is sent.
func (u *upload) running() bool { return u.stream != nil || u.pour != nil }

// errUpload wraps an error of the source of an upload, as opposed to one of the way to the forge. The upstream
// connection is closed before the body's end, so that the forge takes nothing for complete.
type errUpload struct{ err error }

func (e *errUpload) Error() string { return "reading the request body: " + e.err.Error() }
func (e *errUpload) Unwrap() error { return e.err }

// maxInterim bounds informational answers (1xx) before the final one.
const maxInterim = 32

// do sends a request and reads the head of its answer. head is the request up to and with the empty line. safe tells
// that the request may be sent again: it has no body and its method is GET or HEAD. It is sent again only when a
// connection that had been idle turns out to be closed, or about to be: some say so with a 408 (RFC 9110, 15.5.9).
func (p *pool) do(head []byte, body *upload, safe, isHead bool, answer *fasthttp.Response, by claim) (*upstreamConn, error) {
	c, err := p.get(false, by)
	if err != nil {
		return nil, err
	}
	err = c.exchange(head, body, isHead, answer)
	if safe && c.used && (errors.Is(err, errUpstreamClosed) || err == nil && answer.StatusCode() == fasthttp.StatusRequestTimeout) {
		p.drop(c)
		return p.anew(head, body, isHead, answer, by)
	}
	if err != nil {
		p.drop(c)
		return nil, err
	}
	return c, nil
}

// anew is do on a new connection.
func (p *pool) anew(head []byte, body *upload, isHead bool, answer *fasthttp.Response, by claim) (*upstreamConn, error) {
	c, err := p.get(true, by)
	if err != nil {
		return nil, err
	}
	if err := c.exchange(head, body, isHead, answer); err != nil {
		p.drop(c)
		return nil, err
	}
	return c, nil
}

// exchange sends and receives on one connection. When the forge answers before it has read the whole body, its answer
// counts; the connection is not used again.
func (c *upstreamConn) exchange(head []byte, body *upload, isHead bool, answer *fasthttp.Response) error {
	sendErr := c.send(head, body)
	var source *errUpload
	if errors.As(sendErr, &source) {
		return sendErr
	}
	if sendErr != nil && isTimeout(sendErr) {
		return errUpstreamTimeout
	}
	if err := c.receive(isHead, answer); err != nil {
		return err
	}
	c.odd = c.odd || sendErr != nil
	return nil
}

func (c *upstreamConn) send(head []byte, body *upload) error {
	if len(body.whole) > 0 {
		head = append(head, body.whole...) // one write for both; head is scratch of the exchange
	}
	if _, err := c.Write(head); err != nil {
		return err
	}
	switch {
	case body.pour != nil:
		return pourChunked(c, body.pour)
	case body.stream == nil:
		return nil
	case body.length >= 0:
		return copyExactly(c, body.stream, body.length)
	default:
		return copyChunked(c, body.stream)
	}
}

// receive reads the head of the final answer. One limit holds for all of it, so that a head cannot be dragged out.
func (c *upstreamConn) receive(isHead bool, answer *fasthttp.Response) error {
	answer.Reset()
	answer.Header.SetNoDefaultContentType(true)
	answer.Header.DisableNormalizing() // compare names without case
	c.inHead, c.limit = true, c.pool.limits.UpstreamStall
	c.wait(c.pool.limits.UpstreamResponse)
	defer func() {
		c.inHead = false
		c.done()
	}()
	for range maxInterim {
		c.odd = c.odd || c.twoLengths()
		if err := answer.Header.Read(c.br); err != nil {
			return upstreamError(err)
		}
		if status := answer.StatusCode(); status < 100 || status > 199 || status == fasthttp.StatusSwitchingProtocols {
			answer.SkipBody = isHead
			return nil
		}
		c.odd = true // nobody asked for it
	}
	return errUpstreamBroken
}

func upstreamError(err error) error {
	switch {
	case isTimeout(err):
		return errUpstreamTimeout
	case errors.Is(err, io.EOF):
		return errUpstreamClosed
	default:
		return errUpstreamBroken
	}
}

// copyBuffers holds *[]byte of copyBufferSize.
var copyBuffers = sync.Pool{New: func() any { b := make([]byte, copyBufferSize); return &b }}

const (
	copyBufferSize = 128 << 10
	chunkRoom      = 12 // in front of a chunk, for its size and CR LF
)

// copyExactly sends length bytes and demands that the source holds as many and no more.
func copyExactly(c *upstreamConn, from io.Reader, length int64) error {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	for length > 0 {
		n, err := from.Read((*buf)[:min(length, copyBufferSize)])
		if length -= int64(n); length <= 0 {
			c.early()
		}
		if n > 0 {
			if _, werr := c.Write((*buf)[:n]); werr != nil {
				return werr
			}
		}
		if err != nil && length > 0 {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return asUpload(err)
		}
	}
	return nil
}

func asUpload(err error) error {
	var already *errUpload
	if errors.As(err, &already) {
		return err
	}
	return &errUpload{err}
}

// copyChunked sends every read as a chunk, and the last chunk only when the source ended well.
func copyChunked(c *upstreamConn, from io.Reader) error {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	w := chunkWriter{to: c, b: *buf}
	for {
		n, err := from.Read(w.b[chunkRoom : len(w.b)-2])
		w.n = n
		if w.flush(); w.err != nil {
			return w.err
		}
		switch {
		case errors.Is(err, io.EOF):
			c.early()
			return w.end()
		case err != nil:
			return asUpload(err)
		}
	}
}

// pourChunked has the body written, in chunks, and ends it only when that went well.
func pourChunked(c *upstreamConn, pour func(io.Writer) error) error {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	w := &chunkWriter{to: c, b: *buf}
	if err := pour(w); err != nil && w.err == nil {
		return asUpload(err)
	}
	if w.flush(); w.err != nil {
		return w.err
	}
	c.early()
	return w.end()
}

// chunkWriter gathers what is written and sends it as chunks (RFC 9112, 7.1).
type chunkWriter struct {
	to  io.Writer
	b   []byte // room for a chunk's size, the chunk, and CR LF
	n   int    // gathered
	err error  // of the way to the forge
}

// Write gathers p.
func (w *chunkWriter) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 && w.err == nil {
		n := copy(w.b[chunkRoom+w.n:len(w.b)-2], p)
		w.n += n
		written += n
		if p = p[n:]; chunkRoom+w.n == len(w.b)-2 {
			w.flush()
		}
	}
	return written, w.err
}

// flush sends what was gathered as one chunk.
func (w *chunkWriter) flush() {
	if w.n == 0 || w.err != nil {
		return
	}
	var size [chunkRoom]byte
	head := append(strconv.AppendInt(size[:0], int64(w.n), 16), '\r', '\n')
	start := chunkRoom - len(head)
	copy(w.b[start:], head)
	end := chunkRoom + w.n
	w.b[end], w.b[end+1] = '\r', '\n'
	_, w.err = w.to.Write(w.b[start : end+2])
	w.n = 0
}

// end sends the last chunk.
func (w *chunkWriter) end() error {
	_, err := w.to.Write([]byte("0\r\n\r\n"))
	return err
}
