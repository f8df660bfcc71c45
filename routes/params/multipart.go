package params

import (
	"fmt"
	"io"
	"patgate/routes/params/multipart"
	"patgate/routes/params/refusal"
	"slices"
	"unicode/utf8"
)

// Multipart is a multipart/form-data body whose head has been read: the fields up to the first file, or all fields. The rest
// is read while it is sent.
type Multipart struct {
	set   *Set
	in    *multipart.Scanner
	file  multipart.Part // the first file, when there is one
	parts int
	held  int
}

// MultipartType gives the Content-Type of a body that Multipart.Copy writes.
func MultipartType(boundary string) string { return "multipart/form-data; boundary=" + boundary }

// Multipart reads and checks the head of a multipart/form-data body. Errors that are no *Refusal come from src.
func (s *Set) Multipart(src io.Reader, boundary []byte) (*Multipart, error) {
	if !multipart.ValidBoundary(boundary) {
		return nil, refusal.New(refusal.CodeContentType, "the boundary of the multipart body is malformed")
	}
	s.bodyRead = true
	m := &Multipart{set: s, in: multipart.NewScanner(src, boundary)}
	last, err := m.in.First()
	for ; err == nil && !last; last, err = m.in.AfterBoundary() {
		var h multipart.Part
		if h, err = m.header(); err != nil {
			return nil, err
		}
		if h.File {
			m.file = h
			return m, nil
		}
		if err = m.field(h); err != nil {
			return nil, err
		}
	}
	if err == nil && m.parts == 0 {
		err = refusal.New(refusal.CodeMultipart, "the multipart body has no part")
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Copy writes the body under a boundary of the caller's, which nobody could have guessed: the fields of the head with
// checked ids in the place of the references, then the files and whatever follows them, as they arrive. On any error,
// a *Refusal included, the closing boundary is missing: the caller must abort the upstream request.
func (m *Multipart) Copy(dst io.Writer, boundary string) error {
	switch {
	case !m.set.ready():
		return ErrUnresolved
	case !multipart.ValidBoundary(boundary):
		return fmt.Errorf("writing the multipart body: boundary of %d bytes is malformed", len(boundary))
	}
	w := partWriter{dst: dst, boundary: boundary}
	for i := range m.set.body {
		e := &m.set.body[i]
		w.part(multipart.Part{Name: e.name})
		w.write(m.set.sent(e))
	}
	if m.file.File {
		if err := m.copyFiles(&w); err != nil {
			return err
		}
	}
	w.close()
	return w.err
}

// copyFiles writes the first file and everything behind it.
func (m *Multipart) copyFiles(w *partWriter) error {
	for h := m.file; ; {
		if err := m.copyPart(w, h); err != nil {
			return err
		}
		last, err := m.in.AfterBoundary()
		if err != nil || last {
			return err
		}
		if h, err = m.header(); err != nil {
			return err
		}
	}
}

func (m *Multipart) copyPart(w *partWriter, h multipart.Part) error {
	if !h.File {
		return m.lateField(w, h)
	}
	w.part(h)
	return m.copyFile(w)
}

func (m *Multipart) copyFile(w *partWriter) error {
	for {
		piece, end, err := m.in.Content()
		if err != nil || end {
			return err
		}
		if w.write(piece); w.err != nil {
			return w.err
		}
	}
}

// header reads the header lines of the next part and checks its name. The result stays valid.
func (m *Multipart) header() (multipart.Part, error) {
	if m.parts++; m.parts > MaxPairs {
		return multipart.Part{}, refusal.New(refusal.CodeTooMany, "the multipart body has too many parts: send at most 1000")
	}
	lines, err := m.in.Lines()
	if err != nil {
		return multipart.Part{}, err
	}
	h, err := multipart.ParsePart(lines)
	if err != nil {
		return multipart.Part{}, err
	}
	h.Name, h.Filename = m.set.keep(h.Name), m.set.keep(h.Filename)
	if h.ContentType != nil {
		h.ContentType = m.set.keep(h.ContentType)
	}
	if !h.File {
		return h, nil
	}
	if refusal.HoldsToken(h.Filename) || refusal.HoldsToken(h.ContentType) {
		return h, refusal.Named(refusal.CodeSecret, h.Name, "has a patgate token in its file name or type")
	}
	return h, m.fileName(h)
}

// fileName applies the rules of names to a file.
func (m *Multipart) fileName(h multipart.Part) error {
	l, err := m.set.readName(entry{name: h.Name}, inBody)
	if err != nil {
		return err
	}
	d, err := m.set.decide(l)
	switch {
	case err != nil:
		return err
	case d.kind != entryPlain:
		return refusal.Named(refusal.CodeShape, h.Name, "must be one id or full path, not a file")
	case m.set.textField(l.name) != nil:
		return refusal.Named(refusal.CodeShape, h.Name, "must be a text, not a file")
	case d.undeclared:
		m.set.Undeclared++
	}
	return m.set.seen(l.name, inBody, d.repeats())
}

// field reads a field of the head and records it.
func (m *Multipart) field(h multipart.Part) error {
	start := len(m.set.buf)
	var err error
	if m.set.buf, err = m.fieldValue(m.set.buf, h); err != nil {
		return err
	}
	value := m.set.buf[start:len(m.set.buf):len(m.set.buf)]
	_, err = m.set.add(entry{name: h.Name, value: value}, inBody)
	return err
}

// lateField checks a field behind the first file and sends it. A field that the decision depends on comes too late.
func (m *Multipart) lateField(w *partWriter, h multipart.Part) error {
	var err error
	s := m.set
	if s.scratch, err = m.fieldValue(s.scratch[:0], h); err != nil {
		return err
	}
	l, err := s.readName(entry{name: h.Name, value: s.scratch}, inBody)
	if err != nil {
		return err
	}
	d, err := s.decide(l)
	if err != nil {
		return err
	}
	if d.kind != entryPlain {
		return refusal.Named(refusal.CodeLate, l.name, "names a container and stands behind a file: send it before the "+
			"first file")
	}
	if s.textField(l.name) != nil {
		return refusal.Named(refusal.CodeLate, l.name, "may carry commands and stands behind a file: send it before the "+
			"first file")
	}
	if err := s.seen(l.name, inBody, d.repeats()); err != nil {
		return err
	}
	w.part(h)
	w.write(s.scratch)
	return w.err
}

// fieldValue appends the content of a field to dst.
func (m *Multipart) fieldValue(dst []byte, h multipart.Part) ([]byte, error) {
	start, limit, name := len(dst), m.set.route.Body.Limit, h.Name
	for {
		piece, end, err := m.in.Content()
		if err != nil || end {
			return dst, err
		}
		if h.ASCII && !isASCII(piece) {
			return dst, refusal.Named(refusal.CodeMultipart, name, "is a text that is not in UTF-8: send it in UTF-8")
		}
		dst = append(dst, piece...)
		m.held += len(piece)
		if int64(len(dst)-start) > max(MaxField, limit) || int64(m.held) > max(MaxFields, limit) {
			return dst, refusal.Named(refusal.CodeTooLarge, name,
				"makes the fields too large: send at most 64 KiB in one and 1 MiB in all that "+
					"are no files (limit: body.limit of the row in the route table, where that is more)")
		}
	}
}

func isASCII(text []byte) bool {
	return !slices.ContainsFunc(text, func(c byte) bool { return c >= utf8.RuneSelf })
}

// keep copies bytes into the Set.
func (s *Set) keep(text []byte) []byte {
	start := len(s.buf)
	s.buf = append(s.buf, text...)
	return s.buf[start:len(s.buf):len(s.buf)]
}

// partWriter writes parts under a boundary and remembers the first error.
type partWriter struct {
	dst      io.Writer
	boundary string
	started  bool
	line     []byte
	err      error
}

func (w *partWriter) part(h multipart.Part) {
	w.line = w.delimiter(w.line[:0])
	w.line = append(w.line, "\r\n"...)
	w.write(h.AppendTo(w.line))
}

func (w *partWriter) close() {
	w.line = w.delimiter(w.line[:0])
	w.write(append(w.line, "--\r\n"...))
}

func (w *partWriter) delimiter(dst []byte) []byte {
	if w.started {
		dst = append(dst, "\r\n"...)
	}
	w.started = true
	return append(append(dst, "--"...), w.boundary...)
}

func (w *partWriter) write(p []byte) {
	if w.err != nil {
		return
	}
	if _, err := w.dst.Write(p); err != nil {
		w.err = fmt.Errorf("writing the multipart body: %w", err)
	}
}
