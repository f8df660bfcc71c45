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

// Backup implements store.Store. The copy has mode 0600, is in a journal mode without further files, and gets its name only when
// it is whole. It removes what killed backups left in its directory. The keys are not in it: keep a copy of the key file,
// elsewhere.
func (db *DB) Backup(ctx context.Context, path string) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("writing backup: %w: %s stays as it is; give another name", store.ErrExists, path)
	}
	sweep(filepath.Dir(path), true)
	temp, drop, err := vacuumInto(ctx, db.path, path)
	if err != nil {
		return fmt.Errorf("writing backup %s: %w", path, unwritten(filepath.Dir(path), err))
	}
	defer drop()
	if err := os.Link(temp, path); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("writing backup: %w: %s stays as it is; give another name", store.ErrExists, path)
	} else if err != nil {
		return fmt.Errorf("writing backup: %w", unwritten(filepath.Dir(path), err))
	}
	return files.SyncDir(filepath.Dir(path))
}

// copyBegin begins the names of copies that are being made.
const copyBegin = ".patgate-copy-"

// vacuumInto copies the store at from, as one consistent state, to a new file in the directory of beside. The file has mode
// 0600, is synced, and is read whole. drop removes it.
func vacuumInto(ctx context.Context, from, beside string) (temp string, drop func(), err error) {
	temp, drop, err = newCopy(filepath.Dir(beside))
	if err != nil {
		return "", nil, err
	}
	defer func() {
		if err != nil {
			drop()
		}
	}()
	pool, err := connect(from, lockPatience, 1, false)
	if err != nil {
		return temp, drop, err
	}
	defer pool.Close()
	if err := verify(ctx, pool, from); err != nil {
		return temp, drop, err
	}
	if _, err := pool.ExecContext(ctx, "VACUUM INTO ?", temp); err != nil {
		return temp, drop, err
	}
	if err := files.SyncFile(temp); err != nil {
		return temp, drop, err
	}
	return temp, drop, sound(ctx, temp)
}

// newCopy makes an empty file for a copy in a directory. drop removes it, with what SQLite has put beside it.
func newCopy(dir string) (temp string, drop func(), err error) {
	temp, held, err := files.Temp(dir, copyBegin)
	if err != nil {
		return "", nil, err
	}
	drop = func() {
		for _, end := range files.Beside() {
			_ = os.Remove(temp + end)
		}
		held()
	}
	return temp, drop, nil
}

// sound reads a copy whole, so no damaged copy gets its name, and makes sure that the copy has no files beside it.
func sound(ctx context.Context, path string) error {
	pool, err := connect(path, lockPatience, 1, true)
	if err != nil {
		return err
	}
	if err := errors.Join(checkIntegrity(ctx, pool, "integrity_check", "1"), pool.Close()); err != nil {
		return err
	}
	if left := leftBeside(path); len(left) > 0 {
		return fmt.Errorf("%w: a part of the copy is still in %s", store.ErrDamaged, left[0])
	}
	return nil
}

// Check implements store.Store.
func (db *DB) Check(ctx context.Context) (store.Health, error) {
	h := store.Health{Path: db.path}
	if err := checkIntegrity(ctx, db.read, "integrity_check", "1"); err != nil {
		return h, fmt.Errorf("checking store %s: %w", db.path, explain(err))
	}
	var broken int
	if err := db.read.QueryRowContext(ctx, "SELECT count(*) FROM pragma_foreign_key_check").Scan(&broken); err != nil {
		return h, fmt.Errorf("checking store %s: %w", db.path, explain(err))
	}
	if broken > 0 {
		return h, fmt.Errorf("checking store %s: %w: %d rows name an owner, credential or key that is not there", db.path,
			store.ErrDamaged, broken)
	}
	err := db.read.QueryRowContext(ctx, `SELECT (SELECT user_version FROM pragma_user_version),
		(SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM pragma_page_size)`).Scan(&h.SchemaVersion, &h.Bytes)
	if err != nil {
		return h, fmt.Errorf("checking store %s: %w", db.path, explain(err))
	}
	if err := errors.Join(db.Count(ctx, &h), db.Everything(ctx)); err != nil {
		return h, fmt.Errorf("checking store %s: %w", db.path, err)
	}
	return h, nil
}
