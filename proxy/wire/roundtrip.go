package wire

import (
	"errors"
	"io"
	"strconv"
	"sync"
	"syscall"

	"github.com/valyala/fasthttp"

	"patgate/dial"
	"patgate/proxy/header"
)

// Upload is the body of an upstream request, in one of three forms. The zero value is no body.
type Upload struct {
	Whole  []byte                // sent with the head
	Stream io.Reader             // passed on
	Pour   func(io.Writer) error // written while it is sent; always chunked
	Length int64                 // of Stream; -1 when it is not known, which is sent chunked
}

// None tells that there is no body.
func (u *Upload) None() bool { return len(u.Whole) == 0 && !u.Running() }

// unread is how many bytes of a request every system takes before its program reads them.
const unread = 16 << 10

// long tells that the body may have to wait until the forge reads it.
func (u *Upload) long() bool { return u.Running() || len(u.Whole) > unread }

// Running tells that the body is still being read from the client while it is sent.
func (u *Upload) Running() bool { return u.Stream != nil || u.Pour != nil }

// UploadError wraps an error of the source of an upload, as opposed to one of the way to the forge. The upstream
// connection is closed before the body's end, so that the forge takes nothing for complete.
type UploadError struct{ Err error }

// Error names the step.
func (e *UploadError) Error() string { return "reading the request body: " + e.Err.Error() }

// Unwrap gives the error of the source.
func (e *UploadError) Unwrap() error { return e.Err }

// maxInterim bounds informational answers (1xx) before the final one.
const maxInterim = 32

// Do sends a request and reads the head of its answer. head is the request up to and with the empty line. safe tells
// that the request may be sent again: it has no body and its method is GET or HEAD. It is sent again only when a
// connection that had been idle turns out to be closed, or about to be: some say so with a 408 (RFC 9110, 15.5.9).
func (p *Pool) Do(head []byte, body *Upload, safe, isHead bool, answer *fasthttp.Response, by Claim) (*Upstream, error) {
	c, err := p.Get(false, by)
	if err != nil {
		return nil, err
	}
	err = c.Exchange(head, body, isHead, answer)
	if errors.Is(err, ErrUnanswered) && !body.long() { // else it may only not have read the body
		p.Lost()
	}
	over := errors.Is(err, ErrClosed) || errors.Is(err, ErrUnanswered)
	if safe && c.used && (over || err == nil && answer.StatusCode() == fasthttp.StatusRequestTimeout) {
		return p.Anew(c, head, body, isHead, answer, by)
	}
	if err != nil {
		p.Drop(c)
		return nil, err
	}
	return c, nil
}

// Anew is Do on a new connection. over is the connection that it replaces; nil: that is closed already.
func (p *Pool) Anew(over *Upstream, head []byte, body *Upload, isHead bool, answer *fasthttp.Response, by Claim) (
	c *Upstream, err error) {
	if over != nil {
		c, err = p.replace(over, by)
	} else {
		c, err = p.Get(true, by)
	}
	if err != nil {
		return nil, err
	}
	if err := c.Exchange(head, body, isHead, answer); err != nil {
		p.Drop(c)
		return nil, err
	}
	return c, nil
}

// Exchange sends and receives on one connection. When the forge answers before it has read the whole body, its answer
// counts; the connection is not used again.
func (c *Upstream) Exchange(head []byte, body *Upload, isHead bool, answer *fasthttp.Response) error {
	if body.long() {
		// The forge may leave a body unread for as long as it may take to answer, which to the kernel is as if it were gone. The
		// watchdog is to speak first: it knows which wait it is.
		c.bear(max(c.pool.limits.UpstreamStall, c.pool.limits.UpstreamResponse) + dial.Unanswered)
	}
	sendErr := c.send(head, body)
	var source *UploadError
	if errors.As(sendErr, &source) {
		return sendErr
	}
	if sendErr != nil && IsTimeout(sendErr) {
		return AsError(sendErr)
	}
	if err := c.Receive(isHead, answer); err != nil {
		return err
	}
	c.odd = c.odd || sendErr != nil
	if body.long() && !c.odd {
		c.bear(dial.Unanswered)
	}
	return nil
}

func (c *Upstream) send(head []byte, body *Upload) error {
	if len(body.Whole) > 0 {
		head = append(head, body.Whole...) // one write for both; head is scratch of the exchange
	}
	if _, err := c.Write(head); err != nil {
		return err
	}
	switch {
	case body.Pour != nil:
		return pourChunked(c, body.Pour)
	case body.Stream == nil:
		return nil
	case body.Length >= 0:
		return copyExactly(c, body.Stream, body.Length)
	default:
		return copyChunked(c, body.Stream)
	}
}

// Receive reads the head of the final answer. One limit holds for all of it, so that a head cannot be dragged out.
func (c *Upstream) Receive(isHead bool, answer *fasthttp.Response) error {
	answer.Reset()
	answer.Header.SetNoDefaultContentType(true)
	answer.Header.DisableNormalizing() // compare names without case
	c.inHead, c.limit = true, c.pool.limits.UpstreamStall
	c.wait(c.pool.limits.UpstreamResponse)
	defer func() {
		c.inHead = false
		c.done()
		c.client.Store(nil)
	}()
	for range maxInterim {
		if err := c.readHead(&answer.Header); err != nil {
			if c.gone.Load() {
				return ErrGone
			}
			return AsError(err)
		}
		if status := answer.StatusCode(); status < 100 || status > 199 || status == fasthttp.StatusSwitchingProtocols {
			answer.SkipBody = isHead
			return nil
		}
		c.odd = true // nobody asked for it
	}
	return ErrBroken
}

// readHead reads the head of an answer, or of an interim one, by the reader that loops use. The HTTP library, which is more
// lenient, gets what that has taken.
func (c *Upstream) readHead(h *fasthttp.ResponseHeader) error {
	var head header.AnswerHead
	for n := max(c.reader.Buffered(), 1); ; n = c.reader.Buffered() + 1 {
		_, err := c.reader.Peek(n)
		in, _ := c.reader.Peek(c.reader.Buffered())
		switch got := head.Read(in); {
		case got == header.Malformed:
			return ErrBroken
		case got == header.More && err != nil && len(in) == 0 && !IsTimeout(err):
			return io.EOF // or a reset, when the end and the request crossed
		case got == header.More && err != nil:
			return err
		case got == header.More:
			continue
		}
		if err := h.Read(c.reader); err != nil {
			return ErrBroken
		}
		if len(in)-c.reader.Buffered() != head.Size || h.StatusCode() != head.Status {
			return ErrBroken // it was read in another way
		}
		return nil
	}
}

// AsError gives what stands for an error of reading an answer.
func AsError(err error) error {
	switch {
	case errors.Is(err, syscall.ETIMEDOUT):
		return ErrUnanswered
	case IsTimeout(err):
		return ErrTimeout
	case errors.Is(err, io.EOF):
		return ErrClosed
	default:
		return ErrBroken
	}
}

// CopyBuffers holds *[]byte of CopyBufferSize.
var CopyBuffers = sync.Pool{New: func() any { b := make([]byte, CopyBufferSize); return &b }}

const (
	CopyBufferSize = 128 << 10
	chunkRoom      = 12 // in front of a chunk, for its size and CR LF
)

// copyExactly sends length bytes and demands that the source holds as many and no more.
func copyExactly(c *Upstream, from io.Reader, length int64) error {
	buf := CopyBuffers.Get().(*[]byte)
	defer CopyBuffers.Put(buf)
	for length > 0 {
		n, err := from.Read((*buf)[:min(length, CopyBufferSize)])
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
	var already *UploadError
	if errors.As(err, &already) {
		return err
	}
	return &UploadError{err}
}

// copyChunked sends every read as a chunk, and the last chunk only when the source ended well.
func copyChunked(c *Upstream, from io.Reader) error {
	buf := CopyBuffers.Get().(*[]byte)
	defer CopyBuffers.Put(buf)
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
func pourChunked(c *Upstream, pour func(io.Writer) error) error {
	buf := CopyBuffers.Get().(*[]byte)
	defer CopyBuffers.Put(buf)
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
