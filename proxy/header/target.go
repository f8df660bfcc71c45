package header

import "bytes"

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
