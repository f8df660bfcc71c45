package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/valyala/fasthttp"

	"patgate/proxy/answer"
)

// rewrites tells whether something is changed in the answer to the request: keys or rendered texts taken out, or links
// rewritten.
func (x *exchange) rewrites() bool {
	r := x.op.Route
	return r != nil && (len(r.Response.Remove) > 0 || r.Response.Links || r.Response.Rendered || x.rendered)
}

// changes tells whether something is changed in the answer that has come. Only successes and JSON are looked into; see
// filterable.
func (x *exchange) changes() bool {
	return x.cred.caller == callerPatgate && x.rewrites() && (x.answer.StatusCode() < 300 || x.isJSON())
}

func (x *exchange) isJSON() bool {
	media := x.mediaType()
	return equalFold(media, "application/json") || hasPrefix(media, "application/") && bytes.HasSuffix(media, []byte("+json"))
}

func (x *exchange) isFeed() bool { return equalFold(x.mediaType(), "application/atom+xml") }

// mediaType gives the answer's without its parameters.
func (x *exchange) mediaType() []byte {
	media, _, _ := bytes.Cut(x.answer.Header.ContentType(), []byte{';'})
	return trimSpace(media)
}

// filterable tells whether an answer that must be changed can be read: all of it is there and plain; JSON where keys are
// taken out, JSON or a feed where rendered texts are, else any text that has the letters of addresses where ASCII has them.
func (x *exchange) filterable() bool {
	h, r := &x.answer.Header, &x.op.Route.Response
	if len(h.ContentEncoding()) > 0 || x.answer.StatusCode() == fasthttp.StatusPartialContent {
		return false
	}
	switch {
	case x.isJSON():
		return true
	case len(r.Remove) > 0:
		return false
	case r.Rendered || x.rendered:
		return x.isFeed() && !r.Links
	}
	return isText(h.ContentType())
}

// isText tells whether a media type has no charset that spells addresses in another way.
func isText(contentType []byte) bool {
	_, charset, found := bytes.Cut(bytes.ToLower(contentType), []byte("charset="))
	if !found {
		return true
	}
	charset, _, _ = bytes.Cut(charset, []byte{';'})
	switch string(bytes.Trim(charset, " \t\"'")) {
	case "utf-8", "us-ascii", "iso-8859-1":
		return true
	}
	return false
}

// changer copies an answer and changes it on the way.
type changer interface {
	Copy(dst io.Writer, src io.Reader) error
}

func (x *exchange) filter() changer {
	r := &x.op.Route.Response
	f := answer.NewFilter(r.Remove)
	if r.Rendered || x.rendered {
		f = f.WithoutRendered()
	}
	var l *answer.Links
	if r.Links {
		l = answer.NewLinks(x.h.links.hosts, x.h.links.publicOrigin(x.origin))
	}
	switch {
	case x.isJSON():
		return f.WithLinks(l)
	case r.Links:
		return l
	}
	return answer.Feed{}
}

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
	case errors.Is(err, answer.ErrIllegible):
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
