package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// JointSecret is the least length, in bytes, of the secret that opens together with a key: 256 bits.
const JointSecret = 32

// Joint seals texts that only a key of a ring and a secret, which somebody else holds, open together. The keys and the store open
// nothing without the secret, and the secret opens nothing without the keys. It is safe for concurrent use.
type Joint struct {
	ring *Keyring
	use  string
}

// Joint gives a Joint for one use. A text that was sealed for another use does not open.
func (r *Keyring) Joint(use string) *Joint { return &Joint{ring: r, use: use} }

// Seal seals plain under the active key and secret, and gives that key's id. About is needed again to open it, and not part of
// what is sealed. A secret that is shorter than JointSecret is an error.
func (j *Joint) Seal(secret, about, plain []byte) (keyID string, sealed []byte, err error) {
	k := j.ring.Active()
	aead, err := j.aead(k, secret)
	if err != nil {
		return "", nil, err
	}
	out := make([]byte, 1+aead.NonceSize(), 1+aead.NonceSize()+len(plain)+aead.Overhead())
	out[0] = version
	_, _ = rand.Read(out[1:]) // never fails (crypto/rand)
	return k.id, aead.Seal(out, out[1:], plain, j.associated(k, about)), nil
}

// Open reverses Seal. The key is looked for as Unseal does: ErrWrongKey when none has this id. Any other secret, or
// anything else that it was not sealed with, is ErrDamaged.
func (j *Joint) Open(keyID string, secret, about, sealed []byte) ([]byte, error) {
	k, err := j.ring.known(keyID)
	if err != nil {
		return nil, err
	}
	aead, err := j.aead(k, secret)
	if err != nil {
		return nil, err
	}
	head := 1 + aead.NonceSize()
	if len(sealed) < head+aead.Overhead() || sealed[0] != version {
		return nil, ErrDamaged
	}
	plain, err := aead.Open(nil, sealed[1:head], sealed[head:], j.associated(k, about))
	if err != nil {
		return nil, ErrDamaged
	}
	return plain, nil
}

// aead derives the key of a ring's key and a secret. The ring's part has a fixed length, so that the two cannot be cut elsewhere.
func (j *Joint) aead(k Key, secret []byte) (cipher.AEAD, error) {
	if len(secret) < JointSecret {
		return nil, fmt.Errorf("sealing jointly: the secret has %d bytes, fewer than %d", len(secret), JointSecret)
	}
	both := append(k.derived("joint "+j.use), secret...)
	defer clear(both)
	key, err := hkdf.Key(sha256.New, both, nil, "patgate joint key v1\x00"+j.use, chacha20poly1305.KeySize)
	if err != nil {
		return nil, fmt.Errorf("deriving a joint key: %w", err)
	}
	defer clear(key)
	return chacha20poly1305.NewX(key)
}

// associated encodes use, key and what it is about so that no two give the same bytes.
func (j *Joint) associated(k Key, about []byte) []byte {
	out := []byte("patgate jointly sealed v1\x00")
	for _, part := range []string{j.use, k.id, string(about)} {
		out = binary.BigEndian.AppendUint32(out, uint32(len(part)))
		out = append(out, part...)
	}
	return out
}
