package refusal

import "bytes"

// tokenPrefix and minTokenTail tell patgate's own tokens: what looks like one never passes through unread.
const (
	tokenPrefix  = "patgate_"
	minTokenTail = 20
)

// HoldsToken tells whether text holds tokenPrefix followed by at least minTokenTail characters of a token.
func HoldsToken(text []byte) bool {
	for {
		i := bytes.Index(text, []byte(tokenPrefix))
		if i < 0 {
			return false
		}
		text = text[i+len(tokenPrefix):]
		n := 0
		for n < len(text) && n < minTokenTail && tokenByte(text[n]) {
			n++
		}
		if n == minTokenTail {
			return true
		}
	}
}

func tokenByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}
