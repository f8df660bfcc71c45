package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"patgate/store"
	"patgate/store/sqlite/files"
	"patgate/store/tables"
)

// standing knows the files of an open store by what they were when it was opened. They are only looked at by name: opening and
// closing one would drop the locks that SQLite holds on it.
type standing []standingFile

type standingFile struct {
	path string
	info fs.FileInfo
}

// stand notes the files under their names. opened is the database as it was before it was opened.
func stand(path string, opened fs.FileInfo) (standing, error) {
	real, err := filepath.EvalSymlinks(path) // SQLite names what is beside a database after the file itself
	if err != nil {
		return nil, err
	}
	s := standing{{path, opened}}
	for _, beside := range []string{"-wal", "-shm"} {
		info, err := os.Stat(real + beside)
		if err != nil {
			return nil, err
		}
		s = append(s, standingFile{real + beside, info})
	}
	return s, s.look()
}

// look tells, by store.ErrMoved, that a file that is held no longer stands under its name.
func (s standing) look() error {
	for _, f := range s {
		now, err := os.Stat(f.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("%w: %s is gone; what is written now would be lost, so nothing is (fix: put the file back "+
				"where it was, or stop patgate and put back a copy with patgate store restore)", store.ErrMoved, f.path)
		case err != nil:
			return fmt.Errorf("%w: looking for its file: %w", store.ErrMoved, err)
		case !os.SameFile(now, f.info):
			return fmt.Errorf("%w: %s is another file than the one in use; what is written now would be lost, so nothing "+
				"is (fix: when "+
				"the new one is the right one, start patgate anew; else put the old one back)", store.ErrMoved, f.path)
		}
	}
	return nil
}

// look is standing.look. A closed store answers nothing, even when its file was moved away and is still held. A store with damage
// in the tables that decide answers nothing either: a revocation may be missing.
func (db *DB) look() error {
	if db.closed.Load() {
		return store.ErrClosed
	}
	if err, closed := db.damage(); closed {
		return err
	}
	return db.standing.look()
}

// reads is a connection of the readers', which answers nothing once a file was taken away.
type reads struct{ conn }

// Query implements tables.Conn.
func (r reads) Query(ctx context.Context, query string, args ...any) (tables.Rows, error) {
	if err := r.db.look(); err != nil {
		return nil, err
	}
	return r.conn.Query(ctx, query, args...)
}

// QueryRow implements tables.Conn.
func (r reads) QueryRow(ctx context.Context, query string, args ...any) tables.Row {
	if err := r.db.look(); err != nil {
		return unread{err}
	}
	return r.conn.QueryRow(ctx, query, args...)
}

// unread is a row that was not read.
type unread struct{ err error }

// Scan implements tables.Row.
func (u unread) Scan(...any) error { return u.err }

// Faults implements store.Faulty.
func (db *DB) Faults() (faults []error) {
	if db.closed.Load() {
		return nil
	}
	if err := db.standing.look(); err != nil {
		faults = append(faults, err)
	}
	if err, _ := db.damage(); err != nil {
		faults = append(faults, err)
	}
	if err := db.noRoomLeft(); err != nil {
		faults = append(faults, err)
	}
	return faults
}

// Retry implements store.Faulty. It writes beside the database, never into it.
func (db *DB) Retry(context.Context) {
	full := db.full.Load()
	if _ = db.fillReserve(); !db.reserve.Whole() || full == nil || files.Full(files.TryRoom(db.dir())) {
		return
	}
	db.full.CompareAndSwap(full, nil)
}

// indexKept is how much room of the -shm is taken at the start, where SQLite does not do that: it is for a -wal of 32 MiB.
const indexKept = 64 << 10

// solid takes that room.
func (s standing) solid() error {
	for _, f := range s {
		if strings.HasSuffix(f.path, "-shm") {
			if err := files.Solid(f.path, indexKept); err != nil && !errors.Is(err, syscall.EROFS) {
				return fmt.Errorf("taking room for %s: %w", f.path, err)
			}
		}
	}
	return nil
}

// SignIn implements store.SignIns. Where sign-ins are damaged a sign-out may be what is missing, and nobody is signed in.
func (db *DB) SignIn(ctx context.Context, id store.SignInID) (store.SignIn, error) {
	if err := db.damagedTable("sign_ins"); err != nil {
		return store.SignIn{}, fmt.Errorf("reading a sign-in: %w", err)
	}
	return db.SignIns.SignIn(ctx, id)
}
