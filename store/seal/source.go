package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Source says where sealing keys come from: a file, or text that the configuration was given (an environment
// variable). Exactly one of the two is set.
type Source struct {
	// File is the path of the key file.
	File string
	// Text holds one key or several, each in base64 or hexadecimal, separated by white space; the first one seals.
	Text string
	// Name tells where Text came from, for messages: PATGATE_STORE_KEY.
	Name string
}

// IsFile tells whether the keys are in a file, which can be created and rotated.
func (s Source) IsFile() bool { return s.Text == "" && s.File != "" }

// Made tells whether the keys are in a file that patgate wrote. It writes one when it has a store.
func (s Source) Made() bool {
	if !s.IsFile() {
		return false
	}
	data, err := os.ReadFile(s.File)
	return err == nil && bytes.HasPrefix(data, []byte(fileTitle))
}

// String names the source without any of its keys.
func (s Source) String() string {
	switch {
	case s.Text != "" && s.Name != "":
		return s.Name
	case s.Text != "":
		return "the configured key"
	case s.File != "":
		return s.File
	}
	return "no key source"
}

// GoString names the source without any of its keys.
func (s Source) GoString() string { return s.String() }

// Outside gives an error when the key file lies in dir or below it: a copy of the database's directory must not carry the key.
func (s Source) Outside(dir string) error {
	if !s.IsFile() {
		return nil
	}
	file, err := filepath.Abs(s.File)
	if err != nil {
		return fmt.Errorf("finding key file %s: %w", s.File, err)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("finding directory %s: %w", dir, err)
	}
	rel, err := filepath.Rel(abs, file)
	if err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return fmt.Errorf("%w: key file %s lies in the database's directory %s, so a copy of that would carry the key; "+
			"move it elsewhere and set store.key_file (PATGATE_STORE_KEY_FILE)", ErrBadKey, s.File, dir)
	}
	return nil
}

// read gives the keys of the source, at least one.
func (s Source) read() ([]Key, error) {
	if s.Text != "" {
		return parseKeys(s.String(), strings.Fields(s.Text))
	}
	if s.File == "" {
		return nil, fmt.Errorf("%w: neither a key file nor a key is configured", ErrKeyMissing)
	}
	info, err := os.Stat(s.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: there is no key file %s", ErrKeyMissing, s.File)
	}
	if err != nil {
		return nil, fmt.Errorf("reading key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrBadKey, s.File)
	}
	if err := checkMode(s.File, info); err != nil {
		return nil, err
	}
	if info.Size() > maxKeyFile {
		return nil, fmt.Errorf("%w: %s is %d bytes long; a key file has a few lines", ErrBadKey, s.File, info.Size())
	}
	data, err := os.ReadFile(s.File)
	if err != nil {
		return nil, fmt.Errorf("reading key file: %w", err)
	}
	return parseFile(s.File, string(data))
}
