package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"patgate/store"
	"patgate/token"
)

// standing knows the files of an open store by what they were when it was opened. They are only looked at by name: who opens and
// closes one drops the locks that SQLite holds on it.
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
			return fmt.Errorf("%w: %s is gone; what is written now would be lost, so nothing is (fix: put the file back where it was, or "+
				"stop patgate and put back a copy with patgate store restore)", store.ErrMoved, f.path)
		case err != nil:
			return fmt.Errorf("%w: looking for its file: %w", store.ErrMoved, err)
		case !os.SameFile(now, f.info):
			return fmt.Errorf("%w: %s is another file than the one in use; what is written now would be lost, so nothing is (fix: when "+
				"the new one is the right one, start patgate anew; else put the old one back)", store.ErrMoved, f.path)
		}
	}
	return nil
}

// look is standing.look. A store that is closed answers nothing, though one that was taken away is still held.
func (db *DB) look() error {
	if db.closed.Load() {
		return store.ErrClosed
	}
	return db.standing.look()
}

// Changes implements store.Store. It is called several times a second.
func (db *DB) Changes(ctx context.Context, since int64) (store.Changes, error) {
	if err := db.look(); err != nil {
		return store.Changes{}, err
	}
	return db.Tables.Changes(ctx, since)
}

// TokenByHash implements store.Store.
func (db *DB) TokenByHash(ctx context.Context, hash token.Hash) (store.Bound, error) {
	if err := db.look(); err != nil {
		return store.Bound{}, err
	}
	return db.Tables.TokenByHash(ctx, hash)
}

// Faults implements store.Faulty.
func (db *DB) Faults() (faults []error) {
	if err := db.look(); err != nil && !errors.Is(err, store.ErrClosed) {
		faults = append(faults, err)
	}
	return faults
}
