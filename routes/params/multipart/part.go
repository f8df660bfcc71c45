package multipart

import (
	"bytes"
	"unicode/utf8"

	"patgate/routes/params/names"
	"patgate/routes/params/refusal"
	"patgate/routes/percent"
)

// Part is what the header lines of one part say. Its slices are valid until the next read of the scanner.
type Part struct {
	Name        []byte
	Filename    []byte // as text: neither escaped nor quoted
	File        bool
	ContentType []byte
	ASCII       bool // its type names an encoding: only ASCII is read in it
}

// ParsePart reads the header lines of a part: Content-Disposition: form-data with a name and, for a file, a filename, and
// perhaps a Content-Type. Lines that mean nothing in a form (RFC 7578, 4.7 and 4.8) are left out of what is sent. Anything
// else is refused.
func ParsePart(lines []byte) (Part, error) {
	var h Part
	var disposition, contentType bool
	for more := true; more; {
		var line []byte
		line, lines, more = bytes.Cut(lines, []byte("\r\n"))
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || !quotableLine(line) {
			return h, refusal.New(refusal.CodeMultipart, "a part of the multipart body has a malformed header line")
		}
		value = TrimSpace(value)
		switch {
		case Is(name, "content-disposition") && !disposition:
			disposition = true
			if err := h.parseDisposition(value); err != nil {
				return h, err
			}
		case Is(name, "content-type") && !contentType:
			contentType, h.ContentType = true, value
		case Is(name, "content-length"), Is(name, "mime-version"):
		case Is(name, "content-transfer-encoding"):
			if !Is(value, "binary") && !Is(value, "8bit") && !Is(value, "7bit") {
				return h, refusal.New(refusal.CodeMultipart,
					"a part of the multipart body has a Content-Transfer-Encoding, which one part of the "+
						"forge undoes and another does not: send the part as it is")
			}
		default:
			return h, refusal.New(refusal.CodeMultipart,
				"a part of the multipart body has another header than one Content-Disposition and one "+
					"Content-Type: leave it out")
		}
	}
	if !disposition {
		return h, refusal.New(refusal.CodeMultipart, "a part of the multipart body has no Content-Disposition")
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

func (h *Part) parseDisposition(value []byte) error {
	bad := refusal.New(refusal.CodeMultipart,
		`a part of the multipart body needs the header Content-Disposition: form-data; name="...", `+
			`with a filename="..." or a filename*=UTF-8''... for a file, and no slash, backslash or control character in them`)
	n := tokenLength(value)
	if !Is(value[:n], "form-data") {
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
			if len(h.Name) == 0 || extended != nil && !h.extend(extended) || h.File && !PlainFilename(h.Filename) {
				return bad
			}
			return nil
		case Is(name, "name") && h.Name == nil:
			h.Name = text
		case Is(name, "filename") && !h.File:
			h.Filename, h.File = text, true
		case Is(name, "filename*") && extended == nil:
			extended = text
		default:
			return bad
		}
	}
}

// extend takes the file name of filename*=utf-8”x (RFC 8187), which some clients send alone and others beside filename=x. Of
// two that differ the forge's parts would take one each.
func (h *Part) extend(extended []byte) bool {
	const charset = "utf-8''"
	if !HasPrefixFold(extended, charset) {
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
	if h.File {
		return bytes.Equal(name, h.Filename) || bytes.Equal(raw, h.Filename)
	}
	h.Filename, h.File = name, true
	return utf8.Valid(name) && quotableLine(name)
}

// PlainFilename tells whether every reader takes the same file name when it is written as appendFilename does: Go cuts at
// slashes, Rack at backslashes too.
func PlainFilename(name []byte) bool {
	return len(name) > 0 && len(name) <= 255 && bytes.IndexByte(name, '/') < 0 && bytes.IndexByte(name, '\\') < 0
}

// appendFilename writes the file name so that Rack and Go read the same text. Between quotes Rack undoes percent escapes where
// there is nothing but such, and takes "; name=" for the name of the part; so names with such characters are written in the
// other form, whose escapes both undo, once. In a quoted file name, a percent sign is one (WHATWG HTML, 4.10.22.8; Go).
func appendFilename(dst, name []byte) []byte {
	if !bytes.ContainsAny(name, "%;=\"") {
		return append(append(append(dst, `; filename="`...), name...), '"')
	}
	dst = append(dst, "; filename*=UTF-8''"...)
	for _, c := range name {
		if names.LetterOrDigit(c) || c == '-' || c == '.' || c == '_' {
			dst = append(dst, c)
		} else {
			dst = percent.Append(dst, c)
		}
	}
	return dst
}

// checkType refuses types that make a forge read the part in another way: a field that is not plain UTF-8 text, a file
// that is itself multipart.
func (h *Part) checkType() error {
	if h.ContentType == nil {
		return nil
	}
	m, ok := ParseMediaType(h.ContentType)
	for _, c := range h.ContentType {
		ok = ok && c < 0x7f
	}
	switch {
	case !ok:
		return refusal.New(refusal.CodeMultipart, "a part of the multipart body has a malformed Content-Type")
	case h.File && (HasPrefixFold(m.Full, "multipart/") || HasPrefixFold(m.Full, "message/")):
		return refusal.New(refusal.CodeMultipart, "a file in the multipart body must not be multipart itself")
	case !h.File && Is(m.Full, "text/plain") && m.Boundary == nil && !m.Others &&
		(Is(m.Charset, "us-ascii") || Is(m.Charset, "iso-8859-1")):
		h.ASCII = true
	case !h.File && !(Is(m.Full, "text/plain") && m.Utf8Only()):
		return refusal.Named(refusal.CodeMultipart, h.Name,
			"is a field with a Content-Type that is not text/plain in UTF-8: leave it out, or "+
				"give it a filename")
	}
	return nil
}

// AppendTo appends the header lines in their one canonical form, with the empty line.
func (h *Part) AppendTo(dst []byte) []byte {
	dst = append(dst, `Content-Disposition: form-data; name="`...)
	dst = append(dst, h.Name...)
	dst = append(dst, '"')
	if h.File {
		dst = appendFilename(dst, h.Filename)
		if h.ContentType != nil {
			dst = append(dst, "\r\nContent-Type: "...)
			dst = append(dst, h.ContentType...)
		}
	}
	return append(dst, "\r\n\r\n"...)
}
