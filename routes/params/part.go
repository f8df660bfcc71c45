package params

import "bytes"

// partHeader is what the header lines of one part say. Its slices are valid until the next read of the scanner.
type partHeader struct {
	name        []byte
	filename    []byte
	file        bool
	contentType []byte
}

// parsePart reads the header lines of a part: Content-Disposition: form-data with a name and, of a file, a filename, and
// perhaps a Content-Type. Anything else is refused.
func parsePart(lines []byte) (partHeader, error) {
	var h partHeader
	var disposition, contentType bool
	for more := true; more; {
		var line []byte
		line, lines, more = bytes.Cut(lines, []byte("\r\n"))
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || !quotableLine(line) {
			return h, refuse(CodeMultipart, "a part of the multipart body has a malformed header line")
		}
		value = trimSpace(value)
		switch {
		case is(name, "content-disposition") && !disposition:
			disposition = true
			if err := h.parseDisposition(value); err != nil {
				return h, err
			}
		case is(name, "content-type") && !contentType:
			contentType, h.contentType = true, value
		default:
			return h, refuse(CodeMultipart, "a part of the multipart body has another header than one Content-Disposition and one "+
				"Content-Type")
		}
	}
	if !disposition {
		return h, refuse(CodeMultipart, "a part of the multipart body has no Content-Disposition")
	}
	return h, h.checkType()
}

// quotableLine tells whether a header line has no control character.
func quotableLine(line []byte) bool {
	for _, c := range line {
		if c < 0x20 || c == 0x7f {
			return false
		}
	}
	return true
}

func (h *partHeader) parseDisposition(value []byte) error {
	bad := refuse(CodeMultipart,
		`a part of the multipart body needs the header Content-Disposition: form-data; name="...", `+
			`with a filename="..." for a file, and no escape, '%', '/' or quote in them`)
	n := tokenLength(value)
	if !is(value[:n], "form-data") {
		return bad
	}
	var extended []byte
	p := parameters{rest: value[n:]}
	for {
		name, text, more := p.next()
		switch {
		case !more && p.bad:
			return bad
		case !more:
			if len(h.name) == 0 || h.file && !plainFilename(h.filename) || extended != nil && !sameFilename(extended, h.filename) {
				return bad
			}
			return nil
		case is(name, "name") && h.name == nil:
			h.name = text
		case is(name, "filename") && !h.file:
			h.filename, h.file = text, true
		case is(name, "filename*") && extended == nil:
			extended = text
		default:
			return bad
		}
	}
}

// plainFilename tells whether every reader takes the same file name: Rack undoes percent escapes and Go does not, Go cuts
// at slashes.
func plainFilename(name []byte) bool {
	return len(name) > 0 && len(name) <= 255 && bytes.IndexByte(name, '%') < 0 && bytes.IndexByte(name, '/') < 0
}

// sameFilename tells whether filename*=utf-8”x, which .NET sends beside filename=x, says the same.
func sameFilename(extended, name []byte) bool {
	const charset = "utf-8''"
	return hasPrefixFold(extended, charset) && bytes.Equal(extended[len(charset):], name)
}

// checkType refuses types that make a forge read the part in another way: a field that is not plain UTF-8 text, a file
// that is itself multipart.
func (h *partHeader) checkType() error {
	if h.contentType == nil {
		return nil
	}
	m, ok := parseMediaType(h.contentType)
	for _, c := range h.contentType {
		ok = ok && c < 0x7f
	}
	switch {
	case !ok:
		return refuse(CodeMultipart, "a part of the multipart body has a malformed Content-Type")
	case h.file && (hasPrefixFold(m.full, "multipart/") || hasPrefixFold(m.full, "message/")):
		return refuse(CodeMultipart, "a file in the multipart body must not be multipart itself")
	case !h.file && !(is(m.full, "text/plain") && m.utf8Only()):
		return refuseName(CodeMultipart, h.name, "is a field with a Content-Type: leave it out, or give it a filename")
	}
	return nil
}

// appendTo appends the header lines in their one canonical form, with the empty line.
func (h *partHeader) appendTo(dst []byte) []byte {
	dst = append(dst, `Content-Disposition: form-data; name="`...)
	dst = append(dst, h.name...)
	dst = append(dst, '"')
	if h.file {
		dst = append(dst, `; filename="`...)
		dst = append(dst, h.filename...)
		dst = append(dst, '"')
		if h.contentType != nil {
			dst = append(dst, "\r\nContent-Type: "...)
			dst = append(dst, h.contentType...)
		}
	}
	return append(dst, "\r\n\r\n"...)
}
