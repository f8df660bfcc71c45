package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// maxKeyFile bounds a key file in bytes.
const maxKeyFile = 64 << 10

// fileTitle begins every key file that patgate wrote, of whatever version.
const fileTitle = "# patgate sealing key."

// fileHeader opens every key file.
const fileHeader = fileTitle + " Keep it secret, and keep a copy apart from the copies of the database:\n" +
	"# without it the sealed forge credentials cannot be opened. The first key seals, all of them open.\n"

// checkMode refuses a key file that others may read. Windows has no such bits.
func checkMode(path string, info fs.FileInfo) error {
	if runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return fmt.Errorf("%w: key file %s has mode %#o; run: chmod 600 %s", ErrPermissions, path, info.Mode().Perm(), path)
}

// parseFile reads lines of the form "key ID BASE64", or a bare BASE64; empty lines and those that begin with # are
// passed over.
func parseFile(path, text string) ([]Key, error) {
	var words []string
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Fields(line)
		switch {
		case len(fields) == 1:
			words = append(words, fields[0])
		case len(fields) == 3 && fields[0] == "key":
			k, err := ParseKey(fields[2])
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
			}
			if k.id != fields[1] {
				return nil, fmt.Errorf("%s:%d: %w: the line says key %s, its bytes are key %s: the line was changed",
					path, i+1, ErrBadKey, fields[1], k.id)
			}
			words = append(words, fields[2])
		default:
			return nil, fmt.Errorf("%s:%d: %w: a line is: key ID BASE64", path, i+1, ErrBadKey)
		}
	}
	return parseKeys(path, words)
}

// parseKeys reads keys in base64 and refuses none and doubles.
func parseKeys(source string, words []string) ([]Key, error) {
	if len(words) == 0 {
		return nil, fmt.Errorf("%w: %s holds no key", ErrBadKey, source)
	}
	keys := make([]Key, 0, len(words))
	for _, w := range words {
		k, err := ParseKey(w)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", source, err)
		}
		for _, other := range keys {
			if other.id == k.id {
				return nil, fmt.Errorf("%w: %s holds key %s twice", ErrBadKey, source, k.id)
			}
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// create writes a new key file; an existing one stays as it is.
func (s Source) create(key Key) error {
	if !s.IsFile() {
		return fmt.Errorf("%w: %s is not a file; give it a key: %d random bytes in base64 or "+
			"hexadecimal", ErrKeyMissing, s, KeySize)
	}
	if err := os.MkdirAll(filepath.Dir(s.File), 0o700); err != nil {
		return fmt.Errorf("making the directory of key file %s (store.key_file names another place): %w", s.File, err)
	}
	temp, err := writeTemp(s.File, []Key{key})
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	// A link, unlike a rename, never replaces what is there.
	err = os.Link(temp, s.File)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("key file %s exists already and stays as it is", s.File)
	}
	if err != nil {
		return fmt.Errorf("making key file %s (store.key_file names another place): %w", s.File, err)
	}
	return syncDir(filepath.Dir(s.File))
}

// replace writes the file anew, whole.
func (s Source) replace(keys []Key) error {
	if !s.IsFile() {
		return fmt.Errorf("%s is not a file: change the key where it is set", s)
	}
	if len(keys) == 0 {
		return fmt.Errorf("%w: a key file holds at least one key", ErrBadKey)
	}
	temp, err := writeTemp(s.File, keys)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, s.File); err != nil {
		_ = os.Remove(temp)
		return fmt.Errorf("replacing key file %s: %w", s.File, err)
	}
	return syncDir(filepath.Dir(s.File))
}

// writeTemp writes keys to a new synced file of mode 0600 beside path and gives its name.
func writeTemp(path string, keys []Key) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // CreateTemp makes mode 0600
	if err != nil {
		return "", fmt.Errorf("writing key file %s (store.key_file names another place): %w", path, err)
	}
	var b strings.Builder
	b.WriteString(fileHeader)
	for _, k := range keys {
		b.WriteString("key " + k.id + " " + k.reveal() + "\n")
	}
	_, err = f.WriteString(b.String())
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		_ = os.Remove(f.Name())
		return "", fmt.Errorf("writing key file %s: %w", path, err)
	}
	return f.Name(), nil
}

// syncDir makes a rename or link in dir last. Some systems cannot sync a directory, which is no error.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("opening %s: %w", dir, err)
	}
	_ = d.Sync()
	return d.Close()
}
