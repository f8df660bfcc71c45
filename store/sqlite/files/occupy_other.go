//go:build !linux

package files

import (
	"errors"
	"os"
)

// occupy takes room for a part of a file, beyond its end too.
func occupy(f *os.File, at, bytes int64) error { return write(f, at, bytes) }

// Ahead would take room for the first bytes of a file, without making it longer.
func Ahead(string, int64) error { return errors.ErrUnsupported }

// Free would give how many bytes are free in the file system of a directory, and how many it has. Here that is not known.
func Free(string) (free, all int64, known bool) { return 0, 0, false }

// Solid would take room for the first bytes of a -shm. Only Linux is known to leave some out.
func Solid(string, int64) error { return nil }
