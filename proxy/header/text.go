package header

import (
	"bytes"
	"encoding/binary"
)

// Each byte of a word by itself: the lowest and the highest bit of all of them.
const (
	eachLowest  = 0x0101010101010101
	eachHighest = 0x8080808080808080
)

// anyBelow marks a word in which a byte is less than n, which is at most 128.
func anyBelow(w, n uint64) uint64 { return (w - n*eachLowest) & ^w & eachHighest }

// anyIs marks a word in which a byte is c.
func anyIs(w, c uint64) uint64 { return anyBelow(w^c*eachLowest, 1) }

// IsVisible tells whether all bytes are visible ASCII characters (VCHAR of RFC 5234).
func IsVisible(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		w := binary.LittleEndian.Uint64(b)
		if w&eachHighest|anyBelow(w, '!')|anyIs(w, 0x7f) != 0 {
			return false
		}
	}
	for _, c := range b {
		if c < '!' || c >= 0x7f {
			return false
		}
	}
	return true
}

// IsValue tells whether all bytes may stand in a field value (RFC 9110, 5.5).
func IsValue(b []byte) bool {
	last := len(b) - 8
	if last < 0 {
		return isFieldText(b)
	}
	for i := 0; i < last; i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		if anyBelow(w, ' ')|anyIs(w, 0x7f) != 0 && !isFieldText(b[i:i+8]) {
			return false
		}
	}
	w := binary.LittleEndian.Uint64(b[last:]) // some of these bytes are looked at twice
	return anyBelow(w, ' ')|anyIs(w, 0x7f) == 0 || isFieldText(b[last:])
}

func isFieldText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// CutList takes the first element of a comma-separated list.
func CutList(list []byte) (element, rest []byte) {
	element, rest, _ = bytes.Cut(list, []byte{','})
	return TrimSpace(element), rest
}

// TrimSpace removes the optional white space of RFC 9110, 5.6.3.
func TrimSpace(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// HasPrefixFold tells whether ASCII text begins with prefix, without case.
func HasPrefixFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && EqualFold(b[:len(prefix)], prefix)
}

// EqualFold compares ASCII text without case.
func EqualFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if d := s[i]; c != d && lowered[c] != lowered[d] {
			return false
		}
	}
	return true
}

// lowered are the bytes of ASCII text in lower case.
var lowered = func() (to [256]byte) {
	for c := range to {
		if to[c] = byte(c); c >= 'A' && c <= 'Z' {
			to[c] += 'a' - 'A'
		}
	}
	return to
}()

// IsToken tells whether b is a token of RFC 9110, 5.6.2.
func IsToken(b []byte) bool {
	for _, c := range b {
		if !tokenByte[c] {
			return false
		}
	}
	return len(b) > 0
}

var tokenByte = func() (ok [256]bool) {
	for c := range ok {
		ok[c] = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
	}
	for _, c := range []byte("!#$%&'*+-.^_`|~") {
		ok[c] = true
	}
	return ok
}()
