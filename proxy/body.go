package proxy

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"os"

	"patgate/routes/params"
)

// errBodyTooLarge: a body that is read whole is longer than its row takes.
var errBodyTooLarge = errors.New("the request body is too large")

// requestBody is a request's body, on its way from the client to the forge.
type requestBody struct {
	contentType []byte // that is sent on
	received    int64  // bytes that the client sent
	length      int64  // declared; -1 when it is chunked
	from        io.Reader

	form      params.Body
	memory    []byte // of a body that is read whole
	spool     *os.File
	multipart *params.Multipart
	out       []byte // what is sent, when it is short
	lease     lease

	gzipped bool // it passes with Content-Encoding: gzip
}

// present tells whether the request has a body.
func (b *requestBody) present() bool { return b.length != 0 }

// open begins the body of a request.
func (b *requestBody) open(x *exchange) {
	if x.ctx == nil { // in a loop: it has none
		b.length, b.from = 0, nil
		return
	}
	b.length, b.from = int64(x.ctx.Request.Header.ContentLength()), x.ctx.RequestBodyStream()
	if b.length == -2 || b.from == nil { // neither a length nor chunked: there is none
		b.length, b.from = 0, nil
	}
}

// Read reads from the client; it counts, and takes an end before the declared length for an error.
func (b *requestBody) Read(p []byte) (int, error) {
	if b.from == nil {
		return 0, io.EOF
	}
	n, err := b.from.Read(p)
	b.received += int64(n)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF) && (b.length < 0 || b.received == b.length):
		return n, io.EOF
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	return n, &errUpload{err}
}

// sent gives back what a body took from what all bodies share, as soon as it has been sent.
func (b *requestBody) sent() {
	if b.lease.from == nil {
		return
	}
	if cap(b.memory) > maxKept {
		b.memory = nil
	}
	if cap(b.out) > maxKept {
		b.out = nil
	}
	b.lease.end()
}

// release lets go of what the body held.
func (b *requestBody) release() {
	if b.spool != nil {
		_ = b.spool.Close() // it has no name any more
	}
	b.lease.end()
	memory, out := b.memory, b.out
	if cap(memory) > maxKept {
		memory = nil
	}
	if cap(out) > maxKept {
		out = nil
	}
	clear(memory)
	clear(out)
	*b = requestBody{memory: memory[:0], out: out[:0]}
}

// readParameters reads the body by its row's rules: whole, to its first file, or not at all.
func (x *exchange) readParameters() error {
	if x.surface == surfaceGit {
		return x.readGit()
	}
	b := &x.body
	b.open(x)
	form, err := params.BodyOf(x.op.Route, x.method, params.BodyHeader{
		Present: b.present(), ContentType: x.fields.get(fieldContentType), ContentEncoding: x.fields.get(fieldContentEncoding),
	})
	if err != nil {
		return err
	}
	b.form = form
	switch form.Kind {
	case params.BodyForm:
		if err := b.whole(x, false); err != nil {
			return err
		}
		err = x.set.Form(b.memory)
	case params.BodyJSON:
		if err := b.whole(x, true); err != nil {
			return err
		}
		var source io.Reader
		if b.spool != nil && !b.lease.parse(b.received, x.h.options.Timeouts.Resolve) {
			return errNoRoom
		}
		if source, err = b.again(); err == nil {
			err = x.set.JSON(source)
		}
	case params.BodyMultipart:
		b.multipart, err = x.set.Multipart(b, form.Boundary)
	}
	if err != nil {
		return err
	}
	x.event.Undeclared = x.set.Undeclared
	return x.set.Complete()
}

// whole reads the body into memory, and what is too long for that into a file without a name.
func (b *requestBody) whole(x *exchange, spool bool) error {
	limit, memory := x.h.options.Limits.BodyBytes, x.h.options.Limits.BodyMemory
	if l := x.op.Route.Body.Limit; l > 0 {
		limit = l
	}
	if !spool {
		memory = limit
	}
	if b.length > limit {
		return errBodyTooLarge
	}
	b.lease.from = x.h.room
	full := false
	var err error
	b.memory, err = readUpTo(b, b.memory[:0], min(limit, memory)+1, func(n int64) bool {
		full = !b.lease.memoryFor(n)
		return !full
	})
	switch {
	case err != nil:
		return err
	case full && !spool:
		return errNoRoom
	case full:
		return b.spoolRest(x, limit)
	case int64(len(b.memory)) <= min(limit, memory):
		return nil
	case memory >= limit:
		return errBodyTooLarge
	}
	return b.spoolRest(x, limit)
}

func (b *requestBody) spoolRest(x *exchange, limit int64) error {
	file, err := os.CreateTemp(x.h.options.TempDir, "patgate-body-*")
	if err != nil {
		return err
	}
	b.spool = file
	if !b.lease.diskFor(int64(len(b.memory))) {
		return errNoRoom
	}
	_ = os.Remove(file.Name()) // where that fails, the file stays until the directory is emptied
	if _, err := file.Write(b.memory); err != nil {
		return err
	}
	rest := limit - int64(len(b.memory))
	b.memory = nil // it is in the file
	b.lease.giveMemory()
	n, err := io.Copy(&leasedFile{file, &b.lease}, io.LimitReader(b, rest+1))
	if err == nil && n > rest {
		err = errBodyTooLarge
	}
	return err
}

// again gives a body that was read whole, from its beginning.
func (b *requestBody) again() (io.Reader, error) {
	if b.spool == nil {
		return bytes.NewReader(b.memory), nil
	}
	_, err := b.spool.Seek(0, io.SeekStart)
	return b.spool, err
}

// readUpTo reads until the end, until dst holds limit bytes, or until grow refuses the length to which dst must grow.
func readUpTo(from io.Reader, dst []byte, limit int64, grow func(n int64) bool) ([]byte, error) {
	for int64(len(dst)) < limit {
		if len(dst) == cap(dst) {
			if !grow(int64(2 * len(dst))) {
				return dst, nil
			}
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := from.Read(dst[len(dst):min(int64(cap(dst)), limit)])
		dst = dst[:len(dst)+n]
		if errors.Is(err, io.EOF) {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// rewrite makes what is sent of the body, with the ids that were checked.
func (b *requestBody) rewrite(x *exchange) error {
	b.contentType = append(b.contentType[:0], b.form.ContentType...)
	u := &x.upload
	*u = upload{}
	switch b.form.Kind {
	case params.BodyStream:
		u.stream, u.length = b, b.length
	case params.BodyForm:
		var err error
		b.out, err = x.set.AppendForm(b.out[:0])
		u.whole = b.out
		return err
	case params.BodyJSON:
		return b.rewriteJSON(x)
	case params.BodyMultipart:
		boundary := newBoundary()
		b.contentType = append(b.contentType[:0], params.MultipartType(boundary)...)
		u.length = -1
		u.pour = func(w io.Writer) error { return b.multipart.Copy(w, boundary) }
	}
	return nil
}

func (b *requestBody) rewriteJSON(x *exchange) error {
	source, err := b.again()
	if err != nil {
		return err
	}
	if b.spool != nil {
		x.upload.length = -1
		x.upload.pour = func(w io.Writer) error { return x.set.WriteJSON(w, source) }
		return nil
	}
	out := (*appender)(&b.out)
	b.out = b.out[:0]
	err = x.set.WriteJSON(out, source)
	x.upload.whole = b.out
	return err
}

// appender is a writer into a slice.
type appender []byte

func (a *appender) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}

// newBoundary gives a boundary that no part of a body can hold by accident or on purpose.
func newBoundary() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return "patgate" + hex.EncodeToString(b[:])
}
