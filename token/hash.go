package token

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
)

// Hash is the SHA-256 of a token's text, the only form in which a token is stored. A token has more than 160 random
// bits, so a plain hash suffices.
type Hash [sha256.Size]byte

// HashOf hashes a token's text.
func HashOf(text []byte) Hash { return sha256.Sum256(text) }

// Equal compares in constant time.
func (h Hash) Equal(o Hash) bool { return subtle.ConstantTimeCompare(h[:], o[:]) == 1 }

// String gives the hash in hexadecimal. It is no secret: nobody can present it.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// ParseHash reads what String gives.
func ParseHash(s string) (h Hash, err error) {
	if len(s) != 2*len(h) {
		return h, fmt.Errorf("a hash has %d hexadecimal digits, not %d", 2*len(h), len(s))
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return Hash{}, fmt.Errorf("reading a hash: %w", err)
	}
	return h, nil
}
