package seal

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync/atomic"

	"golang.org/x/crypto/chacha20poly1305"
)

// Texts seals what patgate gives out and takes back. Its keys are derived from those of a ring, one for each: what one node
// sealed opens on every other that has the key, and after a restart, until the key is dropped. Nonces are of 192 random bits, so
// that one key may seal any number of texts. It is safe for concurrent use.
type Texts struct {
	ring *Keyring
	use  string
	made atomic.Pointer[ciphers]
}

// ciphers are the derived keys of a ring as it was.
type ciphers struct {
	of   *[]Key
	each []cipher.AEAD
}

// Texts gives what seals texts for one use. What was sealed for another does not open.
func (r *Keyring) Texts(use string) *Texts { return &Texts{ring: r, use: use} }

// Seal seals plain under the active key. About is needed again to open it, and not part of the text.
func (t *Texts) Seal(plain, about []byte) []byte {
	aead := t.ciphers()[0]
	out := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	_, _ = rand.Read(out) // never fails (crypto/rand)
	return aead.Seal(out, out, plain, about)
}

// Open reverses Seal; ok is false for anything else.
func (t *Texts) Open(sealed, about []byte) (plain []byte, ok bool) {
	for _, aead := range t.ciphers() {
		if n := aead.NonceSize(); len(sealed) >= n {
			if plain, err := aead.Open(nil, sealed[:n], sealed[n:], about); err == nil {
				return plain, true
			}
		}
	}
	return nil, false
}

// ciphers gives one for each key of the ring as it is now.
func (t *Texts) ciphers() []cipher.AEAD {
	keys := t.ring.keys.Load()
	if made := t.made.Load(); made != nil && made.of == keys {
		return made.each
	}
	made := &ciphers{of: keys}
	for _, k := range *keys {
		aead, _ := chacha20poly1305.NewX(k.derived(t.use)) // it refuses other lengths alone
		made.each = append(made.each, aead)
	}
	t.made.Store(made)
	return made.each
}

// derived gives a key of the same length for one use, which tells nothing of k.
func (k Key) derived(use string) []byte {
	mac := hmac.New(sha256.New, k.bytes[:])
	mac.Write([]byte("patgate key of texts v1\x00"))
	mac.Write([]byte(use))
	return mac.Sum(nil)
}
