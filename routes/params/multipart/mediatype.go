package multipart

import (
	"bytes"
	"patgate/routes/params/names"
	"unicode/utf8"
)

// parameters reads the rest of a header value, ; name=value; name="value", strictly: no empty parameter, no escape inside
// quotes, no comment. Values are given without their quotes.
type parameters struct {
	rest    []byte
	escapes string // the parameter whose quoted text has \" for a quotation mark
	bad     bool
}

// next gives the next parameter; more is false at the end and when the text is malformed, which bad tells apart.
func (p *parameters) next() (name, value []byte, more bool) {
	p.rest = TrimSpace(p.rest)
	if len(p.rest) == 0 {
		return nil, nil, false
	}
	p.bad = true
	if p.rest[0] != ';' {
		return nil, nil, false
	}
	rest := TrimSpace(p.rest[1:])
	n := tokenLength(rest)
	if n == 0 || n == len(rest) || rest[n] != '=' {
		return nil, nil, false
	}
	name, rest = rest[:n], rest[n+1:]
	if len(rest) > 0 && rest[0] == '"' {
		text, end := quoted(rest[1:], p.escapes != "" && Is(name, p.escapes))
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
		if !names.LetterOrDigit(c) && bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), c) < 0 {
			return i
		}
	}
	return len(text)
}

// TrimSpace takes blanks off both ends; tabs are left in and make the text malformed.
func TrimSpace(text []byte) []byte { return bytes.Trim(text, " ") }

// MediaType is a Content-Type, read strictly.
type MediaType struct {
	Full     []byte // type/subtype as sent
	Boundary []byte
	Charset  []byte
	Others   bool // further parameters
}

// ParseMediaType reads a Content-Type. ok is false when it can be read in more than one way.
func ParseMediaType(value []byte) (m MediaType, ok bool) {
	value = TrimSpace(value)
	n := tokenLength(value)
	if n == 0 || n == len(value) || value[n] != '/' {
		return m, false
	}
	k := tokenLength(value[n+1:])
	if k == 0 {
		return m, false
	}
	m.Full = value[:n+1+k]
	for p := (parameters{rest: value[n+1+k:]}); ; {
		name, text, more := p.next()
		if !more {
			return m, !p.bad
		}
		switch {
		case Is(name, "boundary"):
			if m.Boundary != nil {
				return m, false
			}
			m.Boundary = text
		case Is(name, "charset"):
			if m.Charset != nil {
				return m, false
			}
			m.Charset = text
		default:
			m.Others = true
		}
	}
}

// Utf8Only tells whether the type has no parameter but charset=utf-8.
func (m *MediaType) Utf8Only() bool {
	return m.Boundary == nil && !m.Others && (m.Charset == nil || Is(m.Charset, "utf-8"))
}

// Is compares without regard to the case of ASCII letters; want is in small letters.
func Is(text []byte, want string) bool {
	return len(text) == len(want) && HasPrefixFold(text, want)
}

func HasPrefixFold(text []byte, want string) bool {
	if len(text) < len(want) {
		return false
	}
	for i := range len(want) {
		c := text[i]
		if names.Upper(c) {
			c += 'a' - 'A'
		}
		if c != want[i] {
			return false
		}
	}
	return true
}

func HasSuffixFold(text []byte, want string) bool {
	return len(text) >= len(want) && HasPrefixFold(text[len(text)-len(want):], want)
}

// ValidBoundary tells whether text can delimit the parts of a multipart body: 1 to 70 characters of RFC 2046, 5.1.1,
// without blanks.
func ValidBoundary[T []byte | string](text T) bool {
	if len(text) == 0 || len(text) > 70 {
		return false
	}
	for i := 0; i < len(text); i++ {
		if c := text[i]; !names.LetterOrDigit(c) && bytes.IndexByte([]byte("'()+_,-./:=?"), c) < 0 {
			return false
		}
	}
	return true
}
