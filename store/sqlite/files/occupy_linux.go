package files

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// occupy takes room for a part of a file, beyond its end too.
func occupy(f *os.File, at, bytes int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, at, bytes)
	for errors.Is(err, unix.EINTR) {
		err = unix.Fallocate(int(f.Fd()), 0, at, bytes)
	}
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return write(f, at, bytes)
	}
	return err
}

// Ahead takes room for the first bytes of a file, without making it longer: later writes find their room. This process must hold
// no locks on the file: closing it would drop them.
func Ahead(name string, bytes int64) error {
	f, err := os.OpenFile(name, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	return errors.Join(unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, bytes), f.Close())
}

// Free gives how many bytes of a directory's file system are free for this user, and how many it has in all; known is false when
// that cannot be found out.
func Free(dir string) (free, all int64, known bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0, false
	}
	size := int64(s.Frsize) // in which blocks are counted; of another type on other processors
	return int64(s.Bavail) * size, int64(s.Blocks) * size, true
}

// counted says that it is known what a file takes of the file system.
const counted = true

// taken gives what a file takes of the file system.
func taken(info fs.FileInfo) int64 {
	if s, is := info.Sys().(*syscall.Stat_t); is {
		return s.Blocks * 512
	}
	return info.Size()
}

// openReserve opens the file of a reserve, which may be no link.
func openReserve(name string, more int) (*os.File, error) {
	return os.OpenFile(name, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK|more, 0o600)
}

// readOnlyPlace tells whether an error says that a place is only for reading, or that a name is a link's.
func readOnlyPlace(err error) bool { return errors.Is(err, unix.EROFS) || errors.Is(err, unix.ELOOP) }

// pageOfIndex is the smallest block of a file system that SQLite reckons with. It writes one byte of each page of the -shm. With
// smaller blocks the rest of a page has no room yet, and on a full disk a write there kills the process.
const pageOfIndex = 4096

// Solid takes room for the first bytes of a -shm on file systems whose blocks are smaller than SQLite reckons. The descriptor is
// never closed: that would drop the locks that SQLite has on the file in this process, for other stores too.
func Solid(name string, bytes int64) error {
	var s unix.Statfs_t
	if err := unix.Statfs(name, &s); err != nil || s.Bsize >= pageOfIndex {
		return nil //nolint:nilerr // what is not known is taken for usual
	}
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil //nolint:nilerr // it is best effort
	}
	err = unix.Fallocate(fd, 0, 0, bytes)
	for errors.Is(err, unix.EINTR) {
		err = unix.Fallocate(fd, 0, 0, bytes)
	}
	if Full(err) {
		return err
	}
	return nil
}
