package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"patgate/store"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations gives the schema's steps in order. The file's user_version is how many of them it has seen.
func migrations() []string {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql") // sorted
	if err != nil {
		panic(err) // the pattern is a constant
	}
	steps := make([]string, len(names))
	for i, name := range names {
		text, err := migrationFiles.ReadFile(name)
		if err != nil {
			panic(err) // embedded
		}
		steps[i] = string(text)
	}
	return steps
}

// SchemaOf tells which schema a file has, 0 when there is none, and which one this program makes of it, changing nothing.
func SchemaOf(ctx context.Context, path string) (has, want int, err error) {
	want = len(migrations())
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return 0, want, nil
	}
	pool, err := connect(path, lockPatience, 1, true)
	if err != nil {
		return 0, want, err
	}
	defer pool.Close()
	if err := verify(ctx, pool, path); err != nil {
		return 0, want, fmt.Errorf("reading the schema of %s: %w", path, explain(err))
	}
	err = pool.QueryRowContext(ctx, "PRAGMA user_version").Scan(&has)
	return has, want, explain(err)
}

// migrate brings the schema up to date in one transaction. Processes that start together wait for each other.
func migrate(ctx context.Context, pool *sql.DB) error {
	steps := migrations()
	var version int
	if err := pool.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version == len(steps) {
		return nil
	}
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(steps) {
		return fmt.Errorf("%w: it has schema %d, this patgate knows %d", store.ErrNewer, version, len(steps))
	}
	for i := version; i < len(steps); i++ {
		if _, err := tx.ExecContext(ctx, steps[i]); err != nil {
			return fmt.Errorf("migrating to schema %d: %w", i+1, err)
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id=%d", applicationID)); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version=%d", len(steps))); err != nil {
		return err
	}
	return tx.Commit()
}
