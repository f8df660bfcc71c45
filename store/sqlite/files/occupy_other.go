//go:build !linux

package files

import (
	"errors"
	"io/fs"
	"os"
)

// occupy takes room for a part of a file, beyond its end too.
func occupy(f *os.File, at, bytes int64) error { return write(f, at, bytes) }

// Ahead would take room for the first bytes of a file, without making it longer.
func Ahead(string, int64) error { return errors.ErrUnsupported }

// Free would give how many bytes are free in the file system of a directory, and how many it has. Here that is not known.
func Free(string) (free, all int64, known bool) { return 0, 0, false }

// counted says that it is not known what a file takes of the file system.
const counted = false

// taken gives how long a file is.
func taken(info fs.FileInfo) int64 { return info.Size() }

// openReserve opens the file of a reserve.
func openReserve(name string, more int) (*os.File, error) {
	return os.OpenFile(name, os.O_RDWR|more, 0o600)
}

// readOnlyPlace would tell whether an error says that a place is only for reading.
func readOnlyPlace(error) bool { return false }

// Solid would take room for the first bytes of a -shm. Only Linux is known to leave some out.
func Solid(string, int64) error { return nil }
