package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"patgate/store"
	"patgate/store/sqlite/files"
)

// lockPatience is how long commands that need the file for themselves wait for others to let go.
const lockPatience = time.Second

// RestoreOptions says how to restore.
type RestoreOptions struct {
	// Replace lets Restore replace an existing store, or the files that a lost one has left. They are kept, as Restored.Kept or
	// Restored.Left.
	Replace bool
	// Now is when the restoring happens; it names the kept file.
	Now time.Time
}

// Restored tells what Restore did.
type Restored struct {
	Path string `json:"path"`
	// Kept is where the store that was replaced is now; empty when there was none.
	Kept string `json:"kept,omitempty"`
	// Left is where that is now which was left beside a store that was gone, its -wal and such; empty when nothing was.
	Left string `json:"left,omitempty"`
	// Revocations counts the tokens that the backup holds as valid and that stay revoked, because the replaced store
	// knew them as revoked.
	Revocations int `json:"revocations_kept"`
	Tokens      int `json:"tokens"`
}

// Restore puts the backup at from in the place of the store at to. It refuses while another process holds the store
// (store.ErrLocked), when the file at to is another program's (store.ErrForeign), and, unless Replace is set, when there is a
// store (store.ErrExists) or a lost one has left files (store.ErrLost). When the replaced store is readable, tokens that were
// revoked after the backup was made stay revoked, and the ids that it gave are not given again. Nobody is signed in to the
// console afterwards.
func Restore(ctx context.Context, from, to string, o RestoreOptions) (r Restored, err error) {
	r.Path = to
	if _, err := os.Stat(from); err != nil {
		return r, fmt.Errorf("reading backup: %w", err)
	}
	aside := files.FreeName(to + ".replaced-" + o.Now.UTC().Format("20060102T150405Z"))
	_, err = os.Stat(to)
	exists := !errors.Is(err, fs.ErrNotExist)
	if !exists {
		if err := vacant(to, o.Replace); err != nil {
			return r, fmt.Errorf("restoring: %w", err)
		}
		if len(leftBeside(to)) > 0 {
			r.Left = aside
		}
	}
	if exists && !o.Replace {
		return r, fmt.Errorf("restoring: %w: there is a store at %s; with --replace it is kept beside and replaced",
			store.ErrExists, to)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return r, fmt.Errorf("restoring: %w", unwritten(filepath.Dir(filepath.Dir(to)), err))
	}
	temp, drop, err := vacuumInto(ctx, from, to)
	if err != nil {
		return r, fmt.Errorf("copying backup %s: %w", from, unwritten(filepath.Dir(to), err))
	}
	defer drop()
	fresh, err := connect(temp, lockPatience, 1, false)
	if err != nil {
		return r, fmt.Errorf("restoring: %w", err)
	}
	defer func() { _ = fresh.Close() }()
	if err := migrate(ctx, fresh); err != nil {
		return r, fmt.Errorf("reading backup %s: %w", from, unwritten(filepath.Dir(to), err))
	}
	// Users who have signed out since, or were signed out, stay so.
	if _, err := fresh.ExecContext(ctx, "DELETE FROM sign_ins"); err != nil {
		return r, fmt.Errorf("restoring: %w", explain(err))
	}
	if exists {
		release, err := takeOver(ctx, to, fresh, &r)
		if err != nil {
			return r, fmt.Errorf("restoring over %s: %w", to, noRoomToOpen(filepath.Dir(to), err))
		}
		defer release()
		r.Kept = aside
	}
	if err := fresh.QueryRowContext(ctx, "SELECT count(*) FROM tokens").Scan(&r.Tokens); err != nil {
		return r, fmt.Errorf("reading backup %s: %w", from, explain(err))
	}
	if err := errors.Join(fresh.Close(), files.SyncFile(temp)); err != nil {
		return r, fmt.Errorf("restoring: %w", noRoomToOpen(filepath.Dir(to), err))
	}
	if r.Left != "" {
		if _, err := os.Lstat(to); err == nil { // it was put back meanwhile: what is beside it is its own again
			return r, fmt.Errorf("restoring: %w: there is a store at %s now; with --replace it is kept beside and replaced",
				store.ErrExists, to)
		}
		err = files.Aside(to, r.Left)
	}
	if err == nil {
		err = files.Install(temp, to, r.Kept)
	}
	if errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("%w: another store was put at %s meanwhile; what was beside it is at %s", store.ErrExists, to, r.Left)
	}
	if err != nil {
		return r, fmt.Errorf("restoring: %w", noRoomToOpen(filepath.Dir(to), err))
	}
	if !strings.HasPrefix(filepath.Base(from), copyBegin) {
		sweep(filepath.Dir(to), true)
	}
	return r, nil
}

// takeOver holds the old store until release is called, and carries over to fresh what must not be forgotten. From a damaged
// store it carries nothing.
func takeOver(ctx context.Context, path string, fresh *sql.DB, r *Restored) (release func(), err error) {
	old, err := connect(path, lockPatience, 1, false)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = old.Close()
		}
	}()
	release = func() { _ = old.Close() }
	if err := explain(verify(ctx, old, path)); errors.Is(err, store.ErrDamaged) {
		return release, nil
	} else if err != nil {
		return nil, err
	}
	if err := holdAlone(ctx, old); err != nil {
		return nil, err
	}
	err = carryOver(ctx, old, fresh, r)
	if err = explain(err); errors.Is(err, store.ErrDamaged) {
		err = nil
	}
	return release, err
}

// holdAlone leaves WAL mode, which SQLite permits only to a process that is alone on the file, and keeps the lock.
func holdAlone(ctx context.Context, old *sql.DB) error {
	var mode string
	err := explain(old.QueryRowContext(ctx, "PRAGMA locking_mode=EXCLUSIVE").Scan(&mode))
	if err == nil {
		err = explain(old.QueryRowContext(ctx, "PRAGMA journal_mode=DELETE").Scan(&mode))
	}
	if err == nil && mode != "delete" {
		err = store.ErrLocked
	}
	if err == nil {
		_, err = old.ExecContext(ctx, "BEGIN EXCLUSIVE")
		err = explain(err)
	}
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("%w; a gateway or a command is using it: stop that first", store.ErrLocked)
	}
	return err
}

// carryOver takes revocations and the numbers that were given from the old store into the fresh one.
func carryOver(ctx context.Context, old, fresh *sql.DB, r *Restored) error {
	var version int
	if err := old.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil || version == 0 {
		return err
	}
	tx, err := fresh.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	revoked, err := old.QueryContext(ctx, "SELECT hash, revoked_at, revoke_reason, revoked_by FROM tokens WHERE revoked_at > 0")
	if err != nil {
		return err
	}
	defer revoked.Close()
	for revoked.Next() {
		var hash []byte
		var at int64
		var reason, by string
		if err := revoked.Scan(&hash, &at, &reason, &by); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `UPDATE tokens
			SET revoked_at = ?, revoke_reason = ?, revoked_by = ?, changed_by = 'restore'
			WHERE hash = ? AND revoked_at = 0`, at, reason, by, hash)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		r.Revocations += int(n)
	}
	if err := revoked.Err(); err != nil {
		return err
	}
	given, err := old.QueryContext(ctx, "SELECT name, seq FROM sqlite_sequence")
	if err != nil {
		return err
	}
	defer given.Close()
	for given.Next() {
		var name string
		var seq int64
		if err := given.Scan(&name, &seq); err != nil {
			return err
		}
		if name == "changes" {
			seq++ // so that processes that knew the old store's newest change read anew
		}
		if _, err := tx.ExecContext(ctx, "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", seq, name); err != nil {
			return err
		}
	}
	if err := given.Err(); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO changes (token_id) VALUES (NULL)"); err != nil {
		return err
	}
	return tx.Commit()
}
