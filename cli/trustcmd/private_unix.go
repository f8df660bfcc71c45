//go:build unix

package trustcmd

import (
	"io/fs"
	"os"
	"syscall"
)

// private tells whether a folder is this user's and nobody else's.
func private(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid() && info.Mode().Perm()&0o077 == 0
}
