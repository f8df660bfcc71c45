package multipart

import (
	"bytes"
	"errors"
	"io"
)

// ErrAmbiguous means that readers of multipart bodies take different things from one.
var ErrAmbiguous = errors.New("the multipart body can be read in more than one way")

// Fields gives the parts of a multipart/form-data body that stays as it is. Its bytes reach a forge that reads leniently (Rack
// 2.2, lib/rack/multipart): for that one, a boundary ends at a comma, stands within a line and has blanks about it, and the last
// "; name=" of the header lines is the part's. A body in which it may find what this reader does not is an error. Of a long value
// the beginning is given.
func Fields(contentType []byte, body io.Reader, found func(name, value []byte)) error {
	m, ok := ParseMediaType(contentType)
	if !ok || m.Others || !Is(m.Full, "multipart/form-data") || !ValidBoundary(m.Boundary) ||
		bytes.IndexByte(m.Boundary, ',') >= 0 {
		return ErrAmbiguous
	}
	all := &tally{from: body, text: append([]byte("--"), m.Boundary...)}
	in := NewScanner(all, m.Boundary)
	boundaries := 1
	last, err := in.First()
	for ; err == nil && !last; last, err = in.AfterBoundary() {
		boundaries++
		if err = readPart(in, found); err != nil {
			return err
		}
	}
	if err == nil {
		_, err = io.Copy(io.Discard, all)
	}
	switch {
	case err != nil:
		return err
	case boundaries == 1 || all.n != boundaries:
		return ErrAmbiguous
	}
	return nil
}

// tally counts how often a text stands in what is read.
type tally struct {
	from       io.Reader
	text, seen []byte
	n          int
}

// Read reads on.
func (t *tally) Read(p []byte) (int, error) {
	n, err := t.from.Read(p)
	t.seen = append(t.seen, p[:n]...)
	rest := t.seen
	for at := bytes.Index(rest, t.text); at >= 0; at = bytes.Index(rest, t.text) {
		t.n++
		rest = rest[at+len(t.text):]
	}
	begun := min(len(rest), len(t.text)-1) // of a text that may go on
	t.seen = t.seen[:copy(t.seen, rest[len(rest)-begun:])]
	return n, err
}

// mostValue is how much of a value is given, in bytes.
const mostValue = 64 << 10

// readPart gives one part.
func readPart(in *Scanner, found func(name, value []byte)) error {
	lines, err := in.Lines()
	if err != nil {
		return err
	}
	small := bytes.ToLower(lines)
	if bytes.Count(small, []byte("name="))-bytes.Count(small, []byte("filename=")) != 1 || bytes.IndexByte(small, '\\') >= 0 {
		return ErrAmbiguous
	}
	h, err := ParsePart(lines)
	if err != nil {
		return err
	}
	name := bytes.Clone(h.Name)
	var value []byte
	for {
		piece, end, err := in.Content()
		if err != nil {
			return err
		}
		if end {
			break
		}
		value = append(value, piece[:min(len(piece), mostValue-len(value))]...)
	}
	found(name, value)
	return nil
}
