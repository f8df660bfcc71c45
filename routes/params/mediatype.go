package params

import (
	"bytes"
	"unicode/utf8"
)

// parameters reads the rest of a header value, ; name=value; name="value", strictly: no empty parameter, no escape inside
// quotes, no comment. Values are given without their quotes.
type parameters struct {
	rest    []byte
	escapes string // the parameter in whose quotes \" stands for a quotation mark
	bad     bool
}

// next gives the next parameter; more is false at the end and when the text is malformed, which bad tells apart.
func (p *parameters) next() (name, value []byte, more bool) {
	p.rest = trimSpace(p.rest)
	if len(p.rest) == 0 {
		return nil, nil, false
	}
	p.bad = true
	if p.rest[0] != ';' {
		return nil, nil, false
	}
	rest := trimSpace(p.rest[1:])
	n := tokenLength(rest)
	if n == 0 || n == len(rest) || rest[n] != '=' {
		return nil, nil, false
	}
	name, rest = rest[:n], rest[n+1:]
	if len(rest) > 0 && rest[0] == '"' {
		text, end := quoted(rest[1:], p.escapes != "" && is(name, p.escapes))
		if end < 0 {
			return nil, nil, false
		}
		value, rest = text, rest[end+2:]
	} else {
		n := tokenLength(rest)
		if n == 0 {
			return nil, nil, false
		}
		value, rest = rest[:n], rest[n:]
	}
	p.rest, p.bad = rest, false
	return name, value, true
}

// quoted reads what stands between quotes, from behind the first one. n is how long it is as it was sent; -1: it is malformed.
// There are no escapes; where escaped says so there is one, \" for a quotation mark.
func quoted(text []byte, escaped bool) (value []byte, n int) {
	escapes := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			if value = text[:i]; escapes > 0 {
				value = bytes.ReplaceAll(value, []byte(`\"`), []byte{'"'})
			}
			if !utf8.Valid(value) {
				return nil, -1
			}
			return value, i
		case c == '\\' && escaped && i+1 < len(text) && text[i+1] == '"':
			escapes++
			i++
		case c < 0x20 || c == 0x7f || c == '\\':
			return nil, -1
		}
	}
	return nil, -1
}

// tokenLength gives the length of the token (RFC 9110, 5.6.2) that text begins with.
func tokenLength(text []byte) int {
	for i, c := range text {
		if !letterOrDigit(c) && bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), c) < 0 {
			return i
		}
	}
	return len(text)
}

// trimSpace takes blanks off both ends; tabs are left in and make the text malformed.
func trimSpace(text []byte) []byte { return bytes.Trim(text, " ") }

// mediaType is a Content-Type, read strictly.
type mediaType struct {
	full     []byte // type/subtype as sent
	boundary []byte
	charset  []byte
	others   bool // further parameters
}

// parseMediaType reads a Content-Type. ok is false when it can be read in more than one way.
func parseMediaType(value []byte) (m mediaType, ok bool) {
	value = trimSpace(value)
	n := tokenLength(value)
	if n == 0 || n == len(value) || value[n] != '/' {
		return m, false
	}
	k := tokenLength(value[n+1:])
	if k == 0 {
		return m, false
	}
	m.full = value[:n+1+k]
	for p := (parameters{rest: value[n+1+k:]}); ; {
		name, text, more := p.next()
		if !more {
			return m, !p.bad
		}
		switch {
		case is(name, "boundary"):
			if m.boundary != nil {
				return m, false
			}
			m.boundary = text
		case is(name, "charset"):
			if m.charset != nil {
				return m, false
			}
			m.charset = text
		default:
			m.others = true
		}
	}
}

// utf8Only tells whether the type has no parameter but charset=utf-8.
func (m *mediaType) utf8Only() bool {
	return m.boundary == nil && !m.others && (m.charset == nil || is(m.charset, "utf-8"))
}

// is compares without regard to the case of ASCII letters; want is in small letters.
func is(text []byte, want string) bool {
	return len(text) == len(want) && hasPrefixFold(text, want)
}

func hasPrefixFold(text []byte, want string) bool {
	if len(text) < len(want) {
		return false
	}
	for i := range len(want) {
		c := text[i]
		if upper(c) {
			c += 'a' - 'A'
		}
		if c != want[i] {
			return false
		}
	}
	return true
}

func hasSuffixFold(text []byte, want string) bool {
	return len(text) >= len(want) && hasPrefixFold(text[len(text)-len(want):], want)
}

// validBoundary tells whether text can delimit the parts of a multipart body: 1 to 70 characters of RFC 2046, 5.1.1,
// without blanks.
func validBoundary[T []byte | string](text T) bool {
	if len(text) == 0 || len(text) > 70 {
		return false
	}
	for i := 0; i < len(text); i++ {
		if c := text[i]; !letterOrDigit(c) && bytes.IndexByte([]byte("'()+_,-./:=?"), c) < 0 {
			return false
		}
	}
	return true
}
