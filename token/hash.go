package token

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// Hash is the SHA-256 of a token: all that is stored of it. A token has 178 random bits, so its hash needs no salt. Without
// the sealing key it tells nothing. The zero value is the hash of no token.
type Hash [sha256.Size]byte

// Equal compares in constant time.
func (h Hash) Equal(o Hash) bool {
	var differs uint64
	for i := 0; i < len(h); i += 8 {
		differs |= binary.LittleEndian.Uint64(h[i:]) ^ binary.LittleEndian.Uint64(o[i:])
	}
	return differs == 0
}

// IsZero tells whether it is the hash of no token.
func (h Hash) IsZero() bool { return h == Hash{} }

// String gives 64 lower-case hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText gives what String gives.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what String gives, and nothing else.
func (h *Hash) UnmarshalText(text []byte) error {
	parsed, err := ParseHash(string(text))
	if err != nil {
		return err
	}
	*h = parsed
	return nil
}

// ParseHash reads what Hash.String gives; upper-case digits are an error, so that a hash has one spelling.
func ParseHash(text string) (Hash, error) {
	var h Hash
	if len(text) != hex.EncodedLen(len(h)) {
		return Hash{}, fmt.Errorf("a token hash has %d hexadecimal digits, not %d characters", hex.EncodedLen(len(h)), len(text))
	}
	for _, c := range []byte(text) {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f') {
			return Hash{}, fmt.Errorf("a token hash has lower-case hexadecimal digits, not %q", c)
		}
	}
	if _, err := hex.Decode(h[:], []byte(text)); err != nil {
		return Hash{}, fmt.Errorf("reading token hash: %w", err)
	}
	return h, nil
}
