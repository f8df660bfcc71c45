package trustcmd

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"patgate/token"
)

// kept is the token that an ID token was traded for. It is in the user's cache folder until it ends, sealed under a key that is
// derived from the ID token, so another job of the same user finds nothing that it could use.
type kept struct {
	dir, file string
	seal      cipher.AEAD
}

// keptFor finds what is kept for an ID token, and drops what has ended.
func keptFor(address, trust string, id token.Secret) (k kept, err error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return k, fmt.Errorf("finding where tokens are kept: %w", err)
	}
	k.dir = filepath.Join(dir, "patgate")
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return k, fmt.Errorf("making the folder where tokens are kept: %w", err)
	}
	info, err := os.Lstat(k.dir)
	switch {
	case err != nil:
		return k, fmt.Errorf("looking at the folder where tokens are kept: %w", err)
	case !info.IsDir() || !private(info):
		return k, fmt.Errorf("%s is not a folder of yours alone (fix: chmod 700 it, or set XDG_CACHE_HOME)", k.dir)
	}
	name := sha256.Sum256([]byte(address + "\x00" + trust + "\x00" + id.Reveal()))
	k.file = filepath.Join(k.dir, hex.EncodeToString(name[:]))
	key := sha256.Sum256([]byte("patgate kept token v1\x00" + id.Reveal()))
	block, err := aes.NewCipher(key[:])
	if err == nil {
		k.seal, err = cipher.NewGCMWithRandomNonce(block)
	}
	k.sweep()
	return k, err
}

// sweep drops what has ended: a file has the time of that.
func (k *kept) sweep() {
	files, _ := os.ReadDir(k.dir)
	for _, f := range files {
		if info, err := f.Info(); err == nil && info.Mode().IsRegular() && time.Now().After(info.ModTime()) {
			_ = os.Remove(filepath.Join(k.dir, f.Name()))
		}
	}
}

// read gives the kept token; false when there is none, or none that lives for a while.
func (k *kept) read() (t traded, ok bool) {
	const left = 30 * time.Second
	sealed, err := os.ReadFile(k.file)
	if err != nil {
		return t, false
	}
	data, err := k.seal.Open(nil, nil, sealed, []byte(filepath.Base(k.file)))
	if err != nil || json.Unmarshal(data, &t) != nil || time.Until(t.Expires) <= left {
		return traded{}, false
	}
	return t, true
}

// write keeps a token until it ends.
func (k *kept) write(t *traded) error {
	data, err := json.Marshal(t)
	if err != nil {
		return err
	}
	if err := write(k.file, k.seal.Seal(nil, nil, data, []byte(filepath.Base(k.file)))); err != nil {
		return err
	}
	return os.Chtimes(k.file, t.Expires, t.Expires)
}

// drop keeps it no more.
func (k *kept) drop() error {
	if err := os.Remove(k.file); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
