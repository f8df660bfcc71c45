package sqlite

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"patgate/store"
	"patgate/store/sqlite/files"
)

// probeBytes is more than SQLite makes of any file at once when it opens a database.
const probeBytes = 128 << 10

// because is explain for what was to be written beside the database at path.
func because(path string, err error) error {
	if why := unwritable(path, err); why != nil {
		return why
	}
	return explain(err)
}

// unwritable tells, by store.ErrNoRoom or store.ErrReadOnly, why SQLite could not write; nil when it is neither. SQLite does not
// tell why a write failed: a file that is written there and removed again does.
func unwritable(path string, err error) error {
	var driver *sqlite.Error
	if !errors.As(err, &driver) {
		return nil
	}
	switch driver.Code() & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
	default:
		return nil
	}
	dir := filepath.Dir(path)
	switch probed := probe(dir); {
	case errors.Is(probed, syscall.EROFS):
		return fmt.Errorf("%w at %s (fix: mount it so that it can be written to): %w", store.ErrReadOnly, dir, driver)
	case errors.Is(probed, syscall.ENOSPC), errors.Is(probed, syscall.EDQUOT), driver.Code()&0xff == sqlite3.SQLITE_FULL:
		return noRoom(dir, driver)
	}
	return nil
}

func noRoom(dir string, err error) error {
	return fmt.Errorf("%w at %s: nothing new is stored, revocations are as long as they can be (fix: make room there): %w",
		store.ErrNoRoom, dir, err)
}

// probe tells why nothing can be written in a directory.
func probe(dir string) error {
	name, drop, err := files.Temp(dir, newBegin)
	if err != nil {
		return err
	}
	defer drop()
	return os.WriteFile(name, make([]byte, probeBytes), 0o600)
}

// reserveEnd ends the name of a file beside the database that is given up when there is no room for a revocation.
const reserveEnd = ".reserve"

const reserveBytes = 1 << 20

// reserve makes the reserve when it is not there.
func reserve(path string) error {
	if _, err := os.Lstat(path + reserveEnd); err == nil {
		return nil
	}
	name, drop, err := files.Temp(filepath.Dir(path), newBegin)
	if err != nil {
		return err
	}
	defer drop()
	filled := make([]byte, reserveBytes)
	_, _ = rand.Read(filled) // what is empty may be stored without any room; it never fails
	if err := errors.Join(os.WriteFile(name, filled, 0o600), files.SyncFile(name)); err != nil {
		return err
	}
	if err := os.Link(name, path+reserveEnd); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// giveUp removes the reserve, and tells whether there was one.
func giveUp(path string) bool {
	info, err := os.Lstat(path + reserveEnd)
	return err == nil && info.Mode().IsRegular() && info.Size() == reserveBytes && os.Remove(path+reserveEnd) == nil
}

// room is what is known of the room on the disk.
type room struct {
	mu     sync.Mutex
	none   error // why nothing new is stored; nil while there is room
	looked time.Time
}

// lack notes whether an error is that there is no room.
func (r *room) lack(path string, err error) bool {
	var driver *sqlite.Error
	if !errors.Is(err, store.ErrNoRoom) || !errors.As(err, &driver) {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.none = noRoom(filepath.Dir(path), driver)
	return true
}

// lacking tells why nothing new is stored.
func (r *room) lacking() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.none
}

// regain looks, once a second at most, whether there is room again, for the reserve and more.
func (r *room) regain(path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.none == nil || time.Since(r.looked) < time.Second {
		return
	}
	r.looked = time.Now()
	if reserve(path) == nil && probe(filepath.Dir(path)) == nil {
		r.none = nil
	}
}
