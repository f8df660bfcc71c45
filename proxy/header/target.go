package header

import "bytes"

// UnescapeInPlace decodes valid percent-escapes and gives the new length.
func UnescapeInPlace(b []byte) int {
	n := bytes.IndexByte(b, '%')
	if n < 0 {
		return len(b)
	}
	for i := n; i < len(b); i++ {
		c := b[i]
		if c == '%' && i+2 < len(b) {
			hi, lo := HexValue(b[i+1]), HexValue(b[i+2])
			if hi >= 0 && lo >= 0 {
				c = byte(hi<<4 | lo)
				i += 2
			}
		}
		b[n] = c
		n++
	}
	return n
}

// HexValue gives what a hexadecimal digit stands for; -1 when it is none.
func HexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// Before gives the part of b in front of the first c, or all of it.
func Before(b []byte, c byte) []byte {
	if i := bytes.IndexByte(b, c); i >= 0 {
		return b[:i]
	}
	return b
}

// Below tells whether path is prefix, or continues it with "/" or "." (a format suffix).
func Below(path []byte, prefix string) bool {
	return HasPrefix(path, prefix) && (len(path) == len(prefix) || path[len(prefix)] == '/' || path[len(prefix)] == '.')
}

// HasPrefix tells whether b begins with prefix.
func HasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}
