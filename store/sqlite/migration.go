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
	"patgate/store/tables"
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
	err = look(ctx, path, func(pool *sql.DB) error { return pool.QueryRowContext(ctx, "PRAGMA user_version").Scan(&has) })
	return has, len(migrations()), err
}

// OriginsOf tells for which forges a file has owners, changing nothing in it: none when there is no file.
func OriginsOf(ctx context.Context, path string) (origins []string, err error) {
	err = look(ctx, path, func(pool *sql.DB) error {
		rows, err := pool.QueryContext(ctx, tables.Origins)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var origin string
			if err := rows.Scan(&origin); err != nil {
				return err
			}
			origins = append(origins, origin)
		}
		return rows.Err()
	})
	return origins, err
}

// look reads a file that is a store of ours, whatever its schema, and changes nothing. A file that is not there is no error.
func look(ctx context.Context, path string, read func(pool *sql.DB) error) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	pool, err := connect(path, lockPatience, 1, true)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err = verify(ctx, pool, path); err == nil {
		err = read(pool)
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, explain(err))
	}
	return nil
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
