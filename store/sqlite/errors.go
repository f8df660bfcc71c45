package sqlite

import (
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"patgate/store"
)

// explain gives a driver's error the meaning it has in package store. Others stay as they are.
func explain(err error) error {
	if err == nil || errors.Is(err, store.ErrDamaged) || errors.Is(err, store.ErrNoRoom) {
		return err
	}
	switch err.Error() { // database/sql exports no values for the first two
	case "sql: database is closed", "sql: statement is closed", sql.ErrConnDone.Error():
		return store.ErrClosed
	}
	var driver *sqlite.Error
	if !errors.As(err, &driver) {
		return err
	}
	switch driver.Code() & 0xff { // the low byte is the primary result code
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("%w: another process holds it; wait for it to finish, or stop it: %w", store.ErrLocked, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: the file was left as it is; put back a copy with patgate store restore: %w", store.ErrDamaged, err)
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY:
		return fmt.Errorf("reading or writing the file is not permitted to this user: %w", err)
	}
	return err
}

// constraint tells whether a change broke a UNIQUE, CHECK or FOREIGN KEY rule.
func constraint(err error) bool {
	var driver *sqlite.Error
	return errors.As(err, &driver) && driver.Code()&0xff == sqlite3.SQLITE_CONSTRAINT
}
