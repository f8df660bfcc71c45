package sqlite

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"patgate/store"
	"patgate/store/sqlite/files"
)

// noRoom makes a store.ErrNoRoom of an error that comes from a change which failed for lack of room and was not made. Other
// errors stay as they are. Among these are errors of the -wal's index and of syncing: after them the change may be in the -wal,
// and is made when patgate is killed and started again.
func noRoom(dir string, err error) error {
	return noRoomAs(dir, err, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_TRUNCATE, sqlite3.SQLITE_CANTOPEN)
}

// noRoomToOpen is noRoom of an error of opening or copying a database, when nothing can be in the -wal that was not there before.
func noRoomToOpen(dir string, err error) error {
	return noRoomAs(dir, noRoom(dir, err), sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMOPEN,
		sqlite3.SQLITE_IOERR_SHMMAP, sqlite3.SQLITE_IOERR_IN_PAGE)
}

// noRoomAs is noRoom with further codes. SQLite has one code for a full disk, and uses others where it did not look for the
// cause: for these, the directory is tried.
func noRoomAs(dir string, err error, others ...int) error {
	if err == nil || errors.Is(err, store.ErrNoRoom) {
		return err
	}
	var driver *sqlite.Error
	full := files.Full(err)
	if errors.As(err, &driver) {
		unclear := slices.Contains(others, driver.Code())
		full = full || driver.Code() == sqlite3.SQLITE_FULL || unclear && files.Full(files.TryRoom(dir))
	}
	if !full {
		return err
	}
	return fmt.Errorf("%w: %s takes no more (fix: free some space there, or enlarge it, and try again): %w", store.ErrNoRoom, dir,
		err)
}

// unwritten gives an error of opening or making a database in a directory the meaning that it has in package store.
func unwritten(dir string, err error) error {
	err = noRoomToOpen(dir, err)
	var driver *sqlite.Error
	refused := errors.As(err, &driver) &&
		(driver.Code()&0xff == sqlite3.SQLITE_CANTOPEN || driver.Code()&0xff == sqlite3.SQLITE_READONLY)
	if errors.Is(err, syscall.EROFS) || refused && errors.Is(files.TryRoom(dir), syscall.EROFS) {
		return fmt.Errorf("%w: %w", readOnly(dir), err)
	}
	return explain(err)
}

// realDir gives the directory in which a file is that may be named by a link.
func realDir(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return filepath.Dir(real)
	}
	return filepath.Dir(path)
}

// readOnly says that nothing can be written in a directory.
func readOnly(dir string) error {
	return fmt.Errorf("the file system of %s is read-only (fix: mount it for writing, or give a place on another one)", dir)
}

// Writable gives an error when the file is on a file system that is mounted read-only. SQLite opens it all the same when a -wal
// and a -shm were left beside it, as after a crash, so it can be read and backed up.
func (db *DB) Writable() error {
	if files.ReadOnly(db.path) {
		return fmt.Errorf("store %s: %w", db.path, readOnly(filepath.Dir(db.path)))
	}
	return nil
}
