package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/valyala/fasthttp"

	"patgate/proxy/answer"
)

// removes tells whether the row has keys taken out of the answer. Only successes and JSON are looked into; see filterable.
func (x *exchange) removes() bool {
	return x.cred.caller == callerPatgate && x.op.Route != nil && len(x.op.Route.Response.Remove) > 0 &&
		(x.answer.StatusCode() < 300 || x.isJSON())
}

func (x *exchange) isJSON() bool {
	media, _, _ := bytes.Cut(x.answer.Header.ContentType(), []byte{';'})
	return equalFold(trimSpace(media), "application/json")
}

// filterable tells whether an answer that must be filtered can be: it is plain JSON, and all of it.
func (x *exchange) filterable() bool {
	return x.isJSON() && len(x.answer.Header.ContentEncoding()) == 0 && x.answer.StatusCode() != fasthttp.StatusPartialContent
}

func (x *exchange) filter() *answer.Filter { return answer.NewFilter(x.op.Route.Response.Remove) }

// filterSmall filters an answer that was read whole.
func (x *exchange) filterSmall(body []byte) ([]byte, error) {
	var out bytes.Buffer
	err := x.filter().Copy(&out, bytes.NewReader(body))
	return out.Bytes(), err
}

// writeFiltered copies an answer through the filter while it arrives.
func (s *answerStream) writeFiltered(w io.Writer) (int64, error) {
	counted := &countingWriter{to: w}
	buffered := bufio.NewWriterSize(counted, 32<<10)
	source := &notingReader{from: s.from}
	err := s.filter.Copy(buffered, source)
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
	case errors.Is(err, answer.ErrNotJSON):
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
	err  error
}

func (r *notingReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}
