package multipart

import (
	"bytes"
	"errors"
)

// ErrAmbiguous means that readers of multipart bodies take different things from one.
var ErrAmbiguous = errors.New("the multipart body can be read in more than one way")

// Fields gives the parts of a multipart/form-data body that stays as it is. Its bytes reach a forge that reads leniently (Rack
// 2.2, lib/rack/multipart): for that one, a boundary ends at a comma, stands within a line and has blanks about it, and the last
// "; name=" of the header lines is the part's. A body in which it may find what this reader does not is an error.
func Fields(contentType, body []byte, found func(name, value []byte)) error {
	m, ok := ParseMediaType(contentType)
	if !ok || m.Others || !Is(m.Full, "multipart/form-data") || !ValidBoundary(m.Boundary) ||
		bytes.IndexByte(m.Boundary, ',') >= 0 {
		return ErrAmbiguous
	}
	in := NewScanner(bytes.NewReader(body), m.Boundary)
	boundaries := 1
	last, err := in.First()
	for ; err == nil && !last; last, err = in.AfterBoundary() {
		boundaries++
		if err = readPart(in, found); err != nil {
			return err
		}
	}
	switch {
	case err != nil:
		return err
	case boundaries == 1 || bytes.Count(body, in.delimiter[2:]) != boundaries:
		return ErrAmbiguous
	}
	return nil
}

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
		value = append(value, piece...)
	}
	found(name, value)
	return nil
}
