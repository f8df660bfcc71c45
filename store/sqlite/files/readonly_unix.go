//go:build unix

package files

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// ReadOnly tells whether a file is on a file system that is mounted read-only. The file is not opened: closing it would drop the
// locks that SQLite has on it in this process.
func ReadOnly(path string) bool { return errors.Is(unix.Access(path, unix.W_OK), syscall.EROFS) }
