//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package files

import (
	"io/fs"
	"os"
	"syscall"
)

// errHeld says that another process holds the file.
const errHeld = syscall.EWOULDBLOCK

// hold holds a file until it is closed.
func hold(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// open opens a file, but no link, and without waiting.
func open(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
}

// owned tells whether a file is of this user, and how many names it has.
func owned(info fs.FileInfo) (mine bool, links uint64) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false, 0
	}
	return int(s.Uid) == os.Geteuid(), uint64(s.Nlink) // other systems have another type
}
