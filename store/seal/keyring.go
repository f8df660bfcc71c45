package seal

import (
	"fmt"
	"sync/atomic"
)

// Keyring holds the keys of one source. The first one seals; all of them open. It is safe for concurrent use.
type Keyring struct {
	source Source
	keys   atomic.Pointer[[]Key]
}

// Open reads the source's keys. A key file that does not exist is ErrKeyMissing: Create makes one.
func Open(source Source) (*Keyring, error) {
	keys, err := source.read()
	if err != nil {
		return nil, err
	}
	return newKeyring(source, keys), nil
}

// Create makes a key file with one new key. It never writes over an existing file. A source that is not a file cannot
// be created.
func Create(source Source) (*Keyring, error) {
	key, err := NewKey(nil)
	if err != nil {
		return nil, err
	}
	if err := source.create(key); err != nil {
		return nil, err
	}
	return newKeyring(source, []Key{key}), nil
}

func newKeyring(source Source, keys []Key) *Keyring {
	r := &Keyring{source: source}
	r.keys.Store(&keys)
	return r
}

// Source gives where the keys come from.
func (r *Keyring) Source() Source { return r.source }

// Active is the key that seals.
func (r *Keyring) Active() Key { return (*r.keys.Load())[0] }

// Keys gives all keys, the active one first.
func (r *Keyring) Keys() []Key { return append([]Key(nil), *r.keys.Load()...) }

// Key finds a key by its id.
func (r *Keyring) Key(id string) (Key, bool) {
	for _, k := range *r.keys.Load() {
		if k.id == id {
			return k, true
		}
	}
	return Key{}, false
}

// Seal seals plain under the active key and gives that key's id.
func (r *Keyring) Seal(b Binding, plain []byte) (keyID string, sealed []byte, err error) {
	k := r.Active()
	sealed, err = k.seal(b, plain)
	if err != nil {
		return "", nil, err
	}
	return k.id, sealed, nil
}

// Unseal opens what was sealed under the key with this id. When the ring does not know the id, the source is read again,
// because another process may have rotated the key; what is still unknown is ErrWrongKey.
func (r *Keyring) Unseal(b Binding, keyID string, sealed []byte) ([]byte, error) {
	k, err := r.known(keyID)
	if err != nil {
		return nil, err
	}
	return k.open(b, sealed)
}

// known finds a key by its id, in the source too when the ring does not know it.
func (r *Keyring) known(keyID string) (Key, error) {
	k, ok := r.Key(keyID)
	if ok {
		return k, nil
	}
	if err := r.Reload(); err != nil {
		return Key{}, fmt.Errorf("reading the sealing keys again, for key %s: %w", keyID, err)
	}
	if k, ok = r.Key(keyID); !ok {
		return Key{}, fmt.Errorf("%w: the credential is sealed under key %s; %s holds %s", ErrWrongKey, keyID, r.source,
			idsOf(r.Keys()))
	}
	return k, nil
}

// Reload reads the source again. On an error the keys at hand stay.
func (r *Keyring) Reload() error {
	keys, err := r.source.read()
	if err != nil {
		return err
	}
	r.keys.Store(&keys)
	return nil
}

// Replace writes keys, the active one first, in place of the source's and takes them over. The file is replaced whole
// and synced, so that a crash leaves either the old or the new one.
func (r *Keyring) Replace(keys []Key) error {
	if err := r.source.replace(keys); err != nil {
		return err
	}
	keys = append([]Key(nil), keys...)
	r.keys.Store(&keys)
	return nil
}

// idsOf lists keys for a message.
func idsOf(keys []Key) string {
	out := ""
	for i, k := range keys {
		if i > 0 {
			out += ", "
		}
		out += k.id
	}
	return out
}
