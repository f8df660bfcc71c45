package proxy

import "encoding/binary"

// Each byte of a word by itself: the lowest and the highest bit of all of them.
const (
	eachLowest  = 0x0101010101010101
	eachHighest = 0x8080808080808080
)

// anyBelow marks a word in which a byte is less than n, which is at most 128.
func anyBelow(w, n uint64) uint64 { return (w - n*eachLowest) & ^w & eachHighest }

// anyIs marks a word in which a byte is c.
func anyIs(w, c uint64) uint64 { return anyBelow(w^c*eachLowest, 1) }

// isVisible tells whether all bytes are visible ASCII characters (VCHAR of RFC 5234).
func isVisible(b []byte) bool {
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

// isFieldValue tells whether all bytes may stand in a field value (RFC 9110, 5.5).
func isFieldValue(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		w := binary.LittleEndian.Uint64(b)
		if anyBelow(w, ' ')|anyIs(w, 0x7f) != 0 && !isFieldText(b[:8]) {
			return false
		}
	}
	return isFieldText(b)
}

func isFieldText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
