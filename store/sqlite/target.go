package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"patgate/store"
	"patgate/store/sqlite/files"
)

// Target is a store that another one is copied into. A new one has the name of a copy until it is whole.
type Target struct {
	*DB
	to   string // where the store is to be
	drop func() // removes what has the name of a copy; nil when the store was there before
}

// OpenTarget opens the empty store at path, or begins one that is to be there. Finish or Abandon ends it.
func OpenTarget(ctx context.Context, path string) (*Target, error) {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		db, err := Open(ctx, path, Options{})
		if err != nil {
			return nil, err
		}
		return &Target{DB: db, to: path}, nil
	}
	t, err := newTarget(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("making store %s: %w", path, unwritten(filepath.Dir(path), err))
	}
	return t, nil
}

// newTarget begins a store that is to be at path.
func newTarget(ctx context.Context, path string) (*Target, error) {
	if err := vacant(path, false); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	temp, drop, err := newCopy(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	var db *DB
	if err = begin(ctx, temp); err == nil {
		db, err = openUnmarked(ctx, temp, Options{MustExist: true})
	}
	if err != nil {
		drop()
		return nil, err
	}
	return &Target{DB: db, to: path, drop: drop}, nil
}

// Finish moves everything into the file, closes it, reads it whole and gives it its name. After an error nothing is left of a
// new store; a store that was there before holds the copy, together with its -wal.
func (t *Target) Finish(ctx context.Context) error {
	err := t.empty(ctx)
	if t.drop == nil {
		if errors.Is(explain(err), store.ErrLocked) {
			err = nil // that other process moves it when it ends
		}
		if err = errors.Join(err, t.Close()); err != nil {
			return fmt.Errorf("the copy is whole, but not all of it could be moved from %s-wal into the file: keep both "+
				"together: %w",
				t.to, unwritten(filepath.Dir(t.to), err))
		}
		return nil
	}
	defer t.drop()
	if err = errors.Join(err, t.Close()); err == nil {
		err = t.place(ctx)
	}
	if err != nil {
		return fmt.Errorf("making store %s: %w", t.to, unwritten(filepath.Dir(t.to), err))
	}
	mark(t.to)
	return nil
}

// empty moves everything from the -wal into the file.
func (t *Target) empty(ctx context.Context) error {
	var busy, used, moved int64
	err := t.write.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &used, &moved)
	if err == nil && (busy != 0 || used != moved) {
		err = fmt.Errorf("%w: another process reads the file", store.ErrLocked)
	}
	return err
}

// place gives the closed file its name, when it is whole.
func (t *Target) place(ctx context.Context) error {
	if err := sound(ctx, t.path); err != nil {
		return err
	}
	if err := files.SyncFile(t.path); err != nil {
		return err
	}
	if err := os.Link(t.path, t.to); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: another store was put there meanwhile", store.ErrExists)
	} else if err != nil {
		return err
	}
	return files.SyncDir(filepath.Dir(t.to))
}

// Abandon closes the target after a failure, and gives that failure. Nothing is left of a new store.
func (t *Target) Abandon(failure error) error {
	failure = noRoomToOpen(filepath.Dir(t.to), failure)
	err := errors.Join(failure, t.Close())
	if t.drop != nil {
		t.drop()
	}
	return err
}
