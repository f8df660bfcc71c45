package surface

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"time"

	"patgate/proxy/header"
	"patgate/token"
)

// Seals makes what patgate gives out where the forge would give out a token: an opaque text that is of use at patgate
// alone, and says there for which patgate token it was made, until when it holds, and what the forge gave, if anything.
// The patgate token is looked up at each request, so that it does not outlive it. The key lives as long as the process:
// clients of an earlier one are sent for a new text.
type Seals struct{ aead cipher.AEAD }

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

// NewSeals makes seals under a key of their own.
func NewSeals() (*Seals, error) {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails (crypto/rand)
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &Seals{aead}, err
}

// sealHead is the hash and the time in front of what the forge gave.
const sealHead = len(token.Hash{}) + 8

// Seal makes the text. inner may be empty.
func (s *Seals) Seal(kind SealKind, hash token.Hash, until time.Time, inner string) string {
	plain := binary.BigEndian.AppendUint64(append(make([]byte, 0, sealHead+len(inner)), hash[:]...), uint64(until.Unix()))
	return string(kind) + base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, append(plain, inner...), []byte(kind)))
}

// Open is the reverse of Seal; ok is false for anything else, and for what is over.
func (s *Seals) Open(kind SealKind, text []byte, now time.Time) (hash token.Hash, inner []byte, ok bool) {
	encoded, found := bytes.CutPrefix(text, []byte(kind))
	if !found || bytes.ContainsAny(encoded, "\r\n") { // which the decoder skips
		return hash, nil, false
	}
	raw, err := base64.RawURLEncoding.Strict().AppendDecode(nil, encoded)
	if err != nil {
		return hash, nil, false
	}
	plain, err := s.aead.Open(nil, nil, raw, []byte(kind))
	if err != nil || len(plain) < sealHead || now.Unix() >= int64(binary.BigEndian.Uint64(plain[len(hash):])) {
		return hash, nil, false
	}
	copy(hash[:], plain)
	return hash, plain[sealHead:], true
}
