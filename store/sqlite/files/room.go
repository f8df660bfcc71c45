package files

import (
	"crypto/rand"
	"errors"
	"os"
	"syscall"
)

// Full tells whether an error says that a file system has no room left, or gives this user no more.
func Full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// roomTried is how many bytes TryRoom writes: more than a change of a few tokens does.
const roomTried = 256 << 10

// TryRoom tells whether a directory takes some more, by writing a file that has lost its name before anything is in it.
func TryRoom(dir string) error {
	f, err := os.CreateTemp(dir, ".patgate-room-*")
	if err != nil {
		return err
	}
	gone := os.Remove(f.Name())
	data := make([]byte, roomTried)
	_, _ = rand.Read(data) // what a file system could not make smaller; it does not fail
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if gone != nil { // some systems do not let go of the name of an open file
		gone = os.Remove(f.Name())
	}
	return errors.Join(err, gone)
}
