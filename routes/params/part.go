package params

import (
	"bytes"
	"unicode/utf8"

	"patgate/routes/percent"
)

// partHeader is what the header lines of one part say. Its slices are valid until the next read of the scanner.
type partHeader struct {
	name        []byte
	filename    []byte // as text: neither escaped nor quoted
	file        bool
	contentType []byte
	ascii       bool // its type gives the field an encoding of which only the ASCII part is read
}

// parsePart reads the header lines of a part: Content-Disposition: form-data with a name and, of a file, a filename, and
// perhaps a Content-Type. What means nothing in a form (RFC 7578, 4.7 and 4.8) is left out of what is sent. Anything else is
// refused.
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
		case is(name, "content-length"), is(name, "mime-version"):
		case is(name, "content-transfer-encoding"):
			if !is(value, "binary") && !is(value, "8bit") && !is(value, "7bit") {
				return h, refuse(CodeMultipart, "a part of the multipart body has a Content-Transfer-Encoding, which one part of the "+
					"forge undoes and another does not: send the part as it is")
			}
		default:
			return h, refuse(CodeMultipart, "a part of the multipart body has another header than one Content-Disposition and one "+
				"Content-Type: leave it out")
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
			`with a filename="..." or a filename*=UTF-8''... for a file, and no slash, backslash or control character in them`)
	n := tokenLength(value)
	if !is(value[:n], "form-data") {
		return bad
	}
	var extended []byte
	p := parameters{rest: value[n:], escapes: "filename"}
	for {
		name, text, more := p.next()
		switch {
		case !more && p.bad:
			return bad
		case !more:
			if len(h.name) == 0 || extended != nil && !h.extend(extended) || h.file && !plainFilename(h.filename) {
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

// extend takes the file name of filename*=utf-8”x (RFC 8187), which some clients send alone and others beside filename=x. Of
// two that differ the forge's parts would take one each.
func (h *partHeader) extend(extended []byte) bool {
	const charset = "utf-8''"
	if !hasPrefixFold(extended, charset) {
		return false
	}
	raw := extended[len(charset):]
	name := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '%' {
			var ok bool
			if c, ok = percent.Decode(raw[i:]); !ok {
				return false
			}
			i += 2
		}
		name = append(name, c)
	}
	if h.file {
		return bytes.Equal(name, h.filename) || bytes.Equal(raw, h.filename)
	}
	h.filename, h.file = name, true
	return utf8.Valid(name) && quotableLine(name)
}

// plainFilename tells whether every reader takes the same file name when it is written as appendFilename does: Go cuts at
// slashes, Rack at backslashes too.
func plainFilename(name []byte) bool {
	return len(name) > 0 && len(name) <= 255 && bytes.IndexByte(name, '/') < 0 && bytes.IndexByte(name, '\\') < 0
}

// appendFilename writes the file name so that Rack and Go read the same text. Between quotes Rack undoes percent escapes where
// there is nothing but such, and takes "; name=" for the name of the part; so names with such characters are written in the
// other form, of which both undo the escapes, once. In a quoted file name, a percent sign is one (WHATWG HTML, 4.10.22.8; Go).
func appendFilename(dst, name []byte) []byte {
	if !bytes.ContainsAny(name, "%;=\"") {
		return append(append(append(dst, `; filename="`...), name...), '"')
	}
	dst = append(dst, "; filename*=UTF-8''"...)
	for _, c := range name {
		if letterOrDigit(c) || c == '-' || c == '.' || c == '_' {
			dst = append(dst, c)
		} else {
			dst = percent.Append(dst, c)
		}
	}
	return dst
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
	case !h.file && is(m.full, "text/plain") && m.boundary == nil && !m.others &&
		(is(m.charset, "us-ascii") || is(m.charset, "iso-8859-1")):
		h.ascii = true
	case !h.file && !(is(m.full, "text/plain") && m.utf8Only()):
		return refuseName(CodeMultipart, h.name, "is a field with a Content-Type that is not text/plain in UTF-8: leave it out, or "+
			"give it a filename")
	}
	return nil
}

// appendTo appends the header lines in their one canonical form, with the empty line.
func (h *partHeader) appendTo(dst []byte) []byte {
	dst = append(dst, `Content-Disposition: form-data; name="`...)
	dst = append(dst, h.name...)
	dst = append(dst, '"')
	if h.file {
		dst = appendFilename(dst, h.filename)
		if h.contentType != nil {
			dst = append(dst, "\r\nContent-Type: "...)
			dst = append(dst, h.contentType...)
		}
	}
	return append(dst, "\r\n\r\n"...)
}
