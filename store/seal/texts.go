package seal

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync/atomic"

	"golang.org/x/crypto/chacha20poly1305"
)

// Texts seals what patgate gives out and takes back, under a key that is derived from the active one of a ring: what one node
// sealed opens on every other that seals under the same key, and after a restart, until another key is the active one. Nonces are
// of 192 random bits, so that one key may seal any number of texts. It is safe for concurrent use.
type Texts struct {
	ring *Keyring
	use  string
	made atomic.Pointer[derivation]
}

// derivation is what was derived from a key.
type derivation struct {
	of   Key
	aead cipher.AEAD
}

// Texts gives a Texts for one use. A text that was sealed for another use does not open.
func (r *Keyring) Texts(use string) *Texts { return &Texts{ring: r, use: use} }

// Seal seals plain. About is needed again to open it, and not part of the text.
func (t *Texts) Seal(plain, about []byte) []byte {
	aead := t.aead()
	out := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	_, _ = rand.Read(out) // never fails (crypto/rand)
	return aead.Seal(out, out, plain, about)
}

// Open reverses Seal; ok is false for anything else.
func (t *Texts) Open(sealed, about []byte) (plain []byte, ok bool) {
	aead := t.aead()
	n := aead.NonceSize()
	if len(sealed) < n {
		return nil, false
	}
	plain, err := aead.Open(nil, sealed[:n], sealed[n:], about)
	return plain, err == nil
}

// aead derives the key of the ring as it is now.
func (t *Texts) aead() cipher.AEAD {
	active := t.ring.Active()
	if made := t.made.Load(); made != nil && made.of == active {
		return made.aead
	}
	aead, _ := chacha20poly1305.NewX(active.derived(t.use)) // it refuses other lengths alone
	t.made.Store(&derivation{active, aead})
	return aead
}

// derived gives a key of the same length for one use. It does not give k away.
func (k Key) derived(use string) []byte {
	mac := hmac.New(sha256.New, k.bytes[:])
	mac.Write([]byte("patgate key of texts v1\x00"))
	mac.Write([]byte(use))
	return mac.Sum(nil)
}
