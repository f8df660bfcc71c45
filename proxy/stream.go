package proxy

import (
	"bufio"
	"errors"
	"io"

	"patgate/proxy/reply"
	"patgate/proxy/reply/filter"
	"patgate/proxy/wire"
)

// answerStream is the body of an answer on its way from the forge to the client. The server writes it after the handler
// has returned, and closes it; that is when the request is complete.
type answerStream struct {
	x     *exchange
	from  io.Reader
	sent  int64
	whole bool
	err   error // of the source

	changer    reply.Changer // nil: everything passes
	unreadable bool          // it could not be read
}

// errLimit ends an answer that is longer than a limit of the token lets through.
var errLimit = errors.New("more bytes than the token may move in a day")

// Read reads from the forge.
func (s *answerStream) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	s.sent += int64(n)
	if s.x != nil && !s.x.pass.Move(s.x.body.Received+s.sent) {
		err = errLimit
	}
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
	if s.changer != nil {
		return s.writeChanged(w)
	}
	buf := wire.CopyBuffers.Get().(*[]byte)
	defer wire.CopyBuffers.Put(buf)
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
		x.event.Failure = reply.FailureAnswer
	case errors.Is(s.err, errLimit):
		x.event.Failure = reply.FailureLimit
	case s.err != nil:
		x.event.Failure = reply.FailureOf(wire.AsError(s.err))
	case err != nil || !s.whole:
		x.event.Failure = reply.FailureClientGone
	}
	whole, sent := s.whole && err == nil, s.sent
	_ = x.delivery.answer.CloseBodyStream()
	x.free(whole)
	x.complete(x.delivery.answer.StatusCode(), sent)
	x.release()
	return nil
}

// writeChanged copies an answer and changes it while it arrives.
func (s *answerStream) writeChanged(w io.Writer) (int64, error) {
	counted := &countingWriter{to: w}
	buffered := bufio.NewWriterSize(counted, 32<<10)
	source := &notingReader{from: s.from, x: s.x}
	err := s.changer.Copy(buffered, source)
	if err == nil {
		err = buffered.Flush()
	}
	s.sent = counted.n
	switch {
	case counted.err != nil:
		return counted.n, counted.err
	case source.err != nil:
		s.err = source.err
		return counted.n, source.err
	case errors.Is(err, filter.ErrIllegible):
		s.unreadable = true
		return counted.n, err
	}
	if err == nil {
		_, err = io.Copy(io.Discard, source) // to the end of its framing, so that the connection can go on
	}
	s.whole = err == nil
	return counted.n, err
}

// countingWriter counts, and keeps the error of the way to the client.
type countingWriter struct {
	to  io.Writer
	n   int64
	err error
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.n += int64(n)
	c.err = err
	return n, err
}

// notingReader keeps the error of the way from the forge.
type notingReader struct {
	from io.Reader
	x    *exchange
	read int64
	err  error
}

func (r *notingReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if r.read += int64(n); !r.x.pass.Move(r.x.body.Received + r.read) {
		err = errLimit
	}
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}
