package seal

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// version is the first byte of everything sealed.
const version = 1

// Binding is what a sealed credential belongs to. It is not secret and not stored with the sealed text: it must be
// given again, unchanged, to open it.
type Binding struct {
	Origin       string // the forge's origin: https://gitlab.example.com
	OwnerUserID  int64  // the owner's numeric user id at that forge
	CredentialID int64  // the credential's id in the store
}

// associated encodes the binding and the key's id so that no two bindings give the same bytes.
func (b Binding) associated(keyID string) []byte {
	out := make([]byte, 0, 64+len(b.Origin)+len(keyID))
	out = append(out, "patgate sealed credential v1\x00"...)
	out = binary.BigEndian.AppendUint32(out, uint32(len(b.Origin)))
	out = append(out, b.Origin...)
	out = binary.BigEndian.AppendUint64(out, uint64(b.OwnerUserID))
	out = binary.BigEndian.AppendUint64(out, uint64(b.CredentialID))
	out = binary.BigEndian.AppendUint32(out, uint32(len(keyID)))
	return append(out, keyID...)
}

// seal gives version, nonce and sealed text. The nonce is random: 192 bits never meet twice.
func (k Key) seal(b Binding, plain []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(k.bytes[:])
	if err != nil {
		return nil, fmt.Errorf("preparing %v: %w", k, err)
	}
	out := make([]byte, 1+aead.NonceSize(), 1+aead.NonceSize()+len(plain)+aead.Overhead())
	out[0] = version
	if _, err := rand.Read(out[1:]); err != nil {
		return nil, fmt.Errorf("making a nonce: %w", err)
	}
	return aead.Seal(out, out[1:], plain, b.associated(k.id)), nil
}

// open reverses seal.
func (k Key) open(b Binding, sealed []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(k.bytes[:])
	if err != nil {
		return nil, fmt.Errorf("preparing %v: %w", k, err)
	}
	head := 1 + aead.NonceSize()
	if len(sealed) < head+aead.Overhead() || sealed[0] != version {
		return nil, ErrDamaged
	}
	plain, err := aead.Open(nil, sealed[1:head], sealed[head:], b.associated(k.id))
	if err != nil {
		return nil, ErrDamaged
	}
	return plain, nil
}

// CheckValue proves possession of the key without telling anything of it. The store keeps it, so that a wrong key is
// told from damage before anything is opened.
func (k Key) CheckValue() []byte {
	mac := hmac.New(sha256.New, k.bytes[:])
	mac.Write([]byte("patgate sealing key check v1"))
	return mac.Sum(nil)
}

// Hash gives a hash of a secret under the key: nobody without the key can tell whether a guess is right.
func (k Key) Hash(secret []byte) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, k.bytes[:])
	mac.Write([]byte("patgate hash of a credential v1\x00"))
	mac.Write(secret)
	mac.Sum(sum[:0])
	return sum
}

// Matches tells whether value is this key's check value.
func (k Key) Matches(value []byte) bool { return hmac.Equal(k.CheckValue(), value) }
