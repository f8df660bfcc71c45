package sqlite

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"patgate/store"
	"patgate/store/sqlite/files"
)

// noRoom gives an error of writing into a directory the meaning of store.ErrNoRoom, when that is what it comes from. Others stay
// as they are.
func noRoom(dir string, err error) error {
	if err == nil || errors.Is(err, store.ErrNoRoom) || !takesNoMore(dir, err) {
		return err
	}
	return fmt.Errorf("%w: %s takes no more (fix: free some space there, or enlarge it, and try again): %w", store.ErrNoRoom, dir,
		err)
}

// takesNoMore tells whether an error comes from a full file system or a quota. SQLite has no code of its own for some of these
// errors: there the directory is tried. An error of syncing is none of them, because what was written may be there after it.
func takesNoMore(dir string, err error) bool {
	if files.Full(err) {
		return true
	}
	var driver *sqlite.Error
	if !errors.As(err, &driver) {
		return false
	}
	switch driver.Code() {
	case sqlite3.SQLITE_FULL:
		return true
	case sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_TRUNCATE, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMOPEN,
		sqlite3.SQLITE_IOERR_SHMMAP, sqlite3.SQLITE_CANTOPEN:
		return files.Full(files.TryRoom(dir))
	}
	return false
}

// unwritten gives an error of opening or making a database in a directory the meaning that it has in package store.
func unwritten(dir string, err error) error {
	err = noRoom(dir, err)
	var driver *sqlite.Error
	refused := errors.As(err, &driver) &&
		(driver.Code()&0xff == sqlite3.SQLITE_CANTOPEN || driver.Code()&0xff == sqlite3.SQLITE_READONLY)
	if errors.Is(err, syscall.EROFS) || refused && errors.Is(files.TryRoom(dir), syscall.EROFS) {
		return fmt.Errorf("%w: %w", readOnly(dir), err)
	}
	return explain(err)
}

// readOnly says that nothing can be written in a directory.
func readOnly(dir string) error {
	return fmt.Errorf("the file system of %s is read-only (fix: mount it for writing, or give a place on another one)", dir)
}

// Writable tells, by an error, that the file is on a file system that is mounted read-only. SQLite opens it all the same where a
// -wal and a -shm were left beside it, as after a crash, so that it can be read and backed up.
func (db *DB) Writable() error {
	if files.ReadOnly(db.path) {
		return fmt.Errorf("store %s: %w", db.path, readOnly(filepath.Dir(db.path)))
	}
	return nil
}
