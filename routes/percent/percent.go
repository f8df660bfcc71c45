// Package percent reads and writes percent-encoding (RFC 3986, 2.1).
package percent

import "bytes"

// Decode reads the escape with which b begins: a percent sign, which the caller has seen, and two hexadecimal digits. ok is
// false when these are missing.
func Decode[T []byte | string](b T) (c byte, ok bool) {
	if len(b) < 3 {
		return 0, false
	}
	high, low := digits[b[1]], digits[b[2]]
	return byte(high)<<4 | byte(low), high|low >= 0
}

// DecodeInPlace decodes the escapes that can be read, leaves everything else as it is, and gives the new length.
func DecodeInPlace(b []byte) int {
	n := bytes.IndexByte(b, '%')
	if n < 0 {
		return len(b)
	}
	for i := n; i < len(b); i++ {
		c := b[i]
		if c == '%' {
			if decoded, ok := Decode(b[i:]); ok {
				c = decoded
				i += 2
			}
		}
		b[n] = c
		n++
	}
	return n
}

// Append writes a byte as an escape, in upper case.
func Append(dst []byte, c byte) []byte {
	const digits = "0123456789ABCDEF"
	return append(dst, '%', digits[c>>4], digits[c&15])
}

// AppendText writes text with everything escaped but the unreserved characters (RFC 3986, 2.3).
func AppendText[T []byte | string](dst []byte, text T) []byte {
	for i := range len(text) {
		if c := text[i]; Unreserved(c) {
			dst = append(dst, c)
		} else {
			dst = Append(dst, c)
		}
	}
	return dst
}

// Unreserved tells whether a character means the same with and without an escape (RFC 3986, 2.3).
func Unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// IsCanonical tells whether raw, which begins with a percent sign, begins with the one spelling of a byte: two upper-case
// digits, and not of an unreserved character, which is written as it is.
func IsCanonical(raw []byte) bool {
	c, ok := Decode(raw)
	return ok && raw[1] < 'a' && raw[2] < 'a' && !Unreserved(c)
}

// AppendCanonical writes a raw path part with each escape in its one spelling; slashes stay.
func AppendCanonical(dst, raw []byte) []byte {
	first := bytes.IndexByte(raw, '%')
	if first < 0 {
		return append(dst, raw...)
	}
	dst = append(dst, raw[:first]...)
	for i := first; i < len(raw); i++ {
		c := raw[i]
		if c != '%' {
			dst = append(dst, c)
			continue
		}
		c, _ = Decode(raw[i:])
		i += 2
		if Unreserved(c) {
			dst = append(dst, c)
		} else {
			dst = Append(dst, c)
		}
	}
	return dst
}

// digits gives what a hexadecimal digit stands for; -1 for every other byte.
var digits = func() (v [256]int8) {
	for c := range v {
		switch {
		case c >= '0' && c <= '9':
			v[c] = int8(c - '0')
		case c >= 'a' && c <= 'f':
			v[c] = int8(c - 'a' + 10)
		case c >= 'A' && c <= 'F':
			v[c] = int8(c - 'A' + 10)
		default:
			v[c] = -1
		}
	}
	return v
}()
