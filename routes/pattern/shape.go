package pattern

import "regexp"

// Shape tells which raw path segments a capture takes.
type Shape uint8

const (
	// ShapeWord is GitLab's capture without a requirement: no dot, written or encoded (mustermann: [^/?#.]+).
	ShapeWord Shape = iota + 1
	// ShapeText is GitLab's capture with the requirement [^/]+.
	ShapeText
	// ShapePattern is another requirement: Class.Re on the raw segment.
	ShapePattern
)

// takesShape tells whether a capture takes a raw segment. dot tells that there is a dot in it, written or encoded.
func takesShape(s Shape, re *regexp.Regexp, raw []byte, dot bool) bool {
	if len(raw) == 0 {
		return false
	}
	switch s {
	case ShapeWord:
		return !dot
	case ShapePattern:
		return re.Match(raw)
	default:
		return true
	}
}

// wordShape tells whether a raw segment has no dot, neither written nor encoded.
func wordShape(raw []byte) bool {
	for i, c := range raw {
		if c == '.' || c == '%' && EncodedDot(raw[i:]) {
			return false
		}
	}
	return true
}

// EncodedDot tells whether raw starts with %2E.
func EncodedDot(raw []byte) bool {
	return len(raw) >= 3 && raw[0] == '%' && raw[1] == '2' && raw[2]|0x20 == 'e'
}
