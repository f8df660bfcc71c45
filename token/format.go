package token

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// The text form of a token: the prefix, randomLength characters of base 62 (178 bits), and checksumLength characters of
// base 62 with the CRC32 (IEEE) of all that stands before them. A scanner can tell a typo from a token without asking
// anybody.
const (
	Prefix         = "patgate_"
	randomLength   = 30
	checksumLength = 6
	// Length is that of every token, in bytes.
	Length = len(Prefix) + randomLength + checksumLength
	// Pattern is the published regular expression of a token, for secret scanners.
	Pattern = `\bpatgate_[0-9A-Za-z]{36}\b`
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// The errors of Parse.
var (
	// ErrNotOurs: the text does not start with Prefix.
	ErrNotOurs = errors.New("not a patgate token")
	// ErrMalformed: the text has another length or alphabet than a token.
	ErrMalformed = errors.New("malformed patgate token")
	// ErrChecksum: the checksum does not fit; a character was changed or lost.
	ErrChecksum = errors.New("patgate token with a wrong checksum")
)

// Mint makes a new token from random bytes, which must be cryptographically strong: crypto/rand.Reader.
func Mint(random io.Reader) (Secret, error) {
	text := make([]byte, 0, Length)
	text = append(text, Prefix...)
	var one [64]byte
	for len(text) < len(Prefix)+randomLength {
		if _, err := io.ReadFull(random, one[:]); err != nil {
			return Secret{}, fmt.Errorf("reading random bytes: %w", err)
		}
		for _, b := range one {
			if b < 248 && len(text) < len(Prefix)+randomLength { // 248 = 4*62: every character is equally likely
				text = append(text, base62[b%62])
			}
		}
	}
	text = appendChecksum(text)
	return NewSecret(string(text)), nil
}

// HasPrefix tells whether the text claims to be a patgate token. Such text never passes through unread.
func HasPrefix(text []byte) bool {
	return len(text) >= len(Prefix) && string(text[:len(Prefix)]) == Prefix
}

// Parse checks the form of a presented token and gives its hash. It does not tell whether the token exists.
func Parse(text []byte) (Hash, error) {
	if !HasPrefix(text) {
		return Hash{}, ErrNotOurs
	}
	if len(text) != Length {
		return Hash{}, ErrMalformed
	}
	for _, c := range text[len(Prefix):] {
		if !alphanumeric(c) {
			return Hash{}, ErrMalformed
		}
	}
	var room [Length]byte
	copy(room[:], text[:Length-checksumLength])
	if !bytes.Equal(appendChecksum(room[:Length-checksumLength]), text) {
		return Hash{}, ErrChecksum
	}
	return HashOf(text), nil
}

// Find tells whether something that looks like a patgate token stands anywhere in the text, whole or cut.
func Find(text []byte) bool {
	for {
		i := bytes.Index(text, []byte(Prefix))
		if i < 0 {
			return false
		}
		text = text[i+len(Prefix):]
		n := 0
		for n < len(text) && alphanumeric(text[n]) {
			n++
		}
		if n >= 20 {
			return true
		}
	}
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

func appendChecksum(text []byte) []byte {
	sum := crc32.ChecksumIEEE(text)
	var digits [checksumLength]byte
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = base62[sum%62]
		sum /= 62
	}
	return append(text, digits[:]...)
}
