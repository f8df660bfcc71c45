package seal

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
)

// KeySize is the length of a sealing key in bytes.
const KeySize = chacha20poly1305.KeySize

// keyIDLabel separates the id of a key from every other use of its bytes.
const keyIDLabel = "patgate sealing key id v1\x00"

// Key is one sealing key. It cannot print itself: every form of it is its id alone. The zero value is no key.
type Key struct {
	id    string
	bytes [KeySize]byte
}

// NewKey makes a key of 256 bits from random, which is crypto/rand.Reader when nil.
func NewKey(random io.Reader) (Key, error) {
	if random == nil {
		random = rand.Reader
	}
	var b [KeySize]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return Key{}, fmt.Errorf("making a sealing key: %w", err)
	}
	return keyOf(b), nil
}

// keyOf names a key by a hash of its bytes, so that a key and its id cannot come apart.
func keyOf(b [KeySize]byte) Key {
	sum := sha256.Sum256(append([]byte(keyIDLabel), b[:]...))
	return Key{id: hex.EncodeToString(sum[:8]), bytes: b}
}

// ParseKey reads 32 bytes in base64, with or without padding, or in hexadecimal (64 digits).
func ParseKey(text string) (Key, error) {
	decode := base64.RawStdEncoding.DecodeString
	if len(text) == hex.EncodedLen(KeySize) {
		decode = hex.DecodeString
	}
	b, err := decode(strings.TrimRight(text, "="))
	if err != nil || len(b) != KeySize {
		return Key{}, fmt.Errorf("%w: a key is %d bytes, in base64 (44 characters) or hexadecimal (64)", ErrBadKey, KeySize)
	}
	k := keyOf([KeySize]byte(b))
	clear(b)
	return k, nil
}

// ID names the key: 16 hexadecimal digits, derived from its bytes. It is no secret.
func (k Key) ID() string { return k.id }

// String gives the key's id, never its bytes.
func (k Key) String() string { return "sealing key " + k.id }

// GoString gives the key's id, never its bytes.
func (k Key) GoString() string { return k.String() }

// Format writes the key's id whatever the verb, so that no verb reaches its bytes.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// MarshalText gives the key's id, never its bytes.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// reveal gives the key's bytes in base64, for the key file alone.
func (k Key) reveal() string { return base64.StdEncoding.EncodeToString(k.bytes[:]) }
