package surface

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"patgate/proxy/header"
	"patgate/token"
)

// Seals makes what patgate gives out where the forge would give out a token: an opaque text that is of use at patgate
// alone, and says there for which patgate token it was made, until when it holds, and what the forge gave, if anything.
// The patgate token is looked up at each request, so that it does not outlive it.
type Seals struct{ keys func() [][SealKeySize]byte }

// SealKeySize is the length of a key for seals.
const SealKeySize = chacha20poly1305.KeySize

// SealKind is what a sealed text is good for, and how it begins.
type SealKind string

// The kinds.
const (
	SealNone     SealKind = ""
	SealRegistry SealKind = "pgr." // below /v2/
	SealConan    SealKind = "pgc." // on Conan's rows
	SealTicket   SealKind = "pgt." // on rows where the forge takes nothing but a token of its own answer
)

// KindOf gives the kind that a text says it is.
func KindOf(text []byte) SealKind {
	for _, k := range [...]SealKind{SealRegistry, SealConan, SealTicket} {
		if header.HasPrefix(text, string(k)) {
			return k
		}
	}
	return SealNone
}

// NewSeals makes seals under the first of some keys, which all of them open. With no keys it makes one that lives as long as the
// process: clients of an earlier one are sent for a new text then.
func NewSeals(keys func() [][SealKeySize]byte) *Seals {
	if keys == nil {
		var key [SealKeySize]byte
		_, _ = rand.Read(key[:]) // never fails (crypto/rand)
		keys = func() [][SealKeySize]byte { return [][SealKeySize]byte{key} }
	}
	return &Seals{keys}
}

// aead gives the cipher of a key: with nonces of 192 random bits a key may be used for as long as it lives.
func aead(key [SealKeySize]byte) cipher.AEAD {
	c, _ := chacha20poly1305.NewX(key[:]) // the key has the length that it takes
	return c
}

// sealHead is the hash and the time in front of what the forge gave.
const sealHead = len(token.Hash{}) + 8

// Seal makes the text. inner may be empty.
func (s *Seals) Seal(kind SealKind, hash token.Hash, until time.Time, inner string) string {
	plain := binary.BigEndian.AppendUint64(append(make([]byte, 0, sealHead+len(inner)), hash[:]...), uint64(until.Unix()))
	nonce := make([]byte, chacha20poly1305.NonceSizeX)
	_, _ = rand.Read(nonce) // never fails (crypto/rand)
	sealed := aead(s.keys()[0]).Seal(nonce, nonce, append(plain, inner...), []byte(kind))
	return string(kind) + base64.RawURLEncoding.EncodeToString(sealed)
}

// Open is the reverse of Seal; ok is false for anything else, and for what is over.
func (s *Seals) Open(kind SealKind, text []byte, now time.Time) (hash token.Hash, inner []byte, ok bool) {
	encoded, found := bytes.CutPrefix(text, []byte(kind))
	if !found || bytes.ContainsAny(encoded, "\r\n") { // which the decoder skips
		return hash, nil, false
	}
	raw, err := base64.RawURLEncoding.Strict().AppendDecode(nil, encoded)
	if err != nil || len(raw) < chacha20poly1305.NonceSizeX {
		return hash, nil, false
	}
	var plain []byte
	for _, key := range s.keys() {
		at := chacha20poly1305.NonceSizeX
		if plain, err = aead(key).Open(nil, raw[:at], raw[at:], []byte(kind)); err == nil {
			break
		}
	}
	if err != nil || len(plain) < sealHead || now.Unix() >= int64(binary.BigEndian.Uint64(plain[len(hash):])) {
		return hash, nil, false
	}
	copy(hash[:], plain)
	return hash, plain[sealHead:], true
}
