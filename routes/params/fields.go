package params

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
	m, ok := parseMediaType(contentType)
	if !ok || m.others || !is(m.full, "multipart/form-data") || !validBoundary(m.boundary) || bytes.IndexByte(m.boundary, ',') >= 0 {
		return ErrAmbiguous
	}
	in := newScanner(bytes.NewReader(body), m.boundary)
	boundaries := 1
	last, err := in.first()
	for ; err == nil && !last; last, err = in.afterBoundary() {
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
func readPart(in *scanner, found func(name, value []byte)) error {
	lines, err := in.lines()
	if err != nil {
		return err
	}
	small := bytes.ToLower(lines)
	if bytes.Count(small, []byte("name="))-bytes.Count(small, []byte("filename=")) != 1 || bytes.IndexByte(small, '\\') >= 0 {
		return ErrAmbiguous
	}
	h, err := parsePart(lines)
	if err != nil {
		return err
	}
	name := bytes.Clone(h.name)
	var value []byte
	for {
		piece, end, err := in.content()
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
