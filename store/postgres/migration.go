package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"patgate/store"
	"patgate/store/tables"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// worksWith is the schema of the oldest program that works on the newest schema: nodes of two versions serve side by side while
// a fleet is upgraded. A migration adds in one release what the next release relies on, and drops in the release after.
const worksWith = 1

// migrationLock is the key of the lock under which migrations run ("PATG").
const migrationLock = 0x50415447

// migrations gives the schema's steps in order.
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

// version says which steps a database has seen.
type version struct {
	known     int // how many; 0: it has no tables of patgate's
	worksWith int // the fewest that a program may know
}

// schema reads the version of a database.
func schema(ctx context.Context, on beginner) (v version, err error) {
	err = on.QueryRow(ctx, "SELECT version, works_with FROM patgate_schema").Scan(&v.known, &v.worksWith)
	var told *pgconn.PgError
	if errors.As(err, &told) && told.Code == "42P01" { // undefined table
		return version{}, nil
	}
	return v, err
}

// usable tells, by ErrNewer, that this program does not know enough steps.
func (v version) usable() error {
	if known := len(migrations()); v.worksWith > known {
		return fmt.Errorf("%w: it has schema %d, this patgate knows %d; install the newer patgate again", store.ErrNewer,
			v.known, known)
	}
	return nil
}

const (
	// lockWait is how long a migration waits for a lock, because all changes of the table wait behind it meanwhile; lockRest is
	// how long it leaves them alone before it tries again.
	lockWait = 500 * time.Millisecond
	lockRest = time.Second
)

// migrate brings the schema up to date. It waits for who reads for long, as pg_dump does, but lets nobody wait for that.
func migrate(ctx context.Context, pool beginner) error {
	for {
		err := tryMigrate(ctx, pool)
		if !again(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("another transaction, such as a backup, holds the tables (fix: start again when it is "+
				"over): %w", err)
		case <-time.After(lockRest):
		}
	}
}

// tryMigrate does so in one transaction. Nodes that start together wait for each other.
func tryMigrate(ctx context.Context, pool beginner) error {
	v, err := schema(ctx, pool)
	if err == nil {
		err = v.usable()
	}
	if err != nil || v.known >= len(migrations()) {
		return err
	}
	tx, err := pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite})
	if err != nil {
		return err
	}
	defer rollback(ctx, tx)
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", migrationLock); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, fmt.Sprintf("SET LOCAL lock_timeout = %d", lockWait.Milliseconds())); err != nil {
		return err
	}
	const table = "CREATE TABLE IF NOT EXISTS patgate_schema (version INTEGER NOT NULL, works_with INTEGER NOT NULL)"
	if _, err := tx.Exec(ctx, table); err != nil {
		return fmt.Errorf("making the tables (the role must own the schema): %w", err)
	}
	v = version{}
	err = tx.QueryRow(ctx, "SELECT version, works_with FROM patgate_schema").Scan(&v.known, &v.worksWith)
	if errors.Is(err, pgx.ErrNoRows) {
		_, err = tx.Exec(ctx, "INSERT INTO patgate_schema VALUES (0, 0)")
	}
	if err == nil {
		err = v.usable()
	}
	if err != nil {
		return err
	}
	steps := migrations()
	for i := v.known; i < len(steps); i++ {
		if _, err := tx.Exec(ctx, steps[i]); err != nil {
			return fmt.Errorf("migrating to schema %d: %w", i+1, err)
		}
	}
	if v.known < len(steps) {
		if _, err := tx.Exec(ctx, "UPDATE patgate_schema SET version = $1, works_with = $2", len(steps), worksWith); err != nil {
			return err
		}
	}
	return tx.Commit(ctx)
}

// SchemaOf tells which schema a database has, 0 when none, and which one this program makes of it, changing nothing.
func SchemaOf(ctx context.Context, url string) (has, want int, err error) {
	db, err := connect(url, Options{})
	if err != nil {
		return 0, 0, err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(ctx, db.patience)
	defer cancel()
	v, err := schema(ctx, db.read)
	if err == nil {
		err = v.usable()
	}
	if err != nil {
		return v.known, len(migrations()), fmt.Errorf("reading the schema of %s: %w", db.name, err)
	}
	return v.known, len(migrations()), nil
}

// OriginsOf tells for which forges a database has owners, changing nothing: none when it has no tables of ours.
func OriginsOf(ctx context.Context, url string) (origins []string, err error) {
	if has, _, err := SchemaOf(ctx, url); err != nil || has == 0 {
		return nil, err
	}
	db, err := connect(url, Options{})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(ctx, db.patience)
	defer cancel()
	rows, err := db.read.Query(ctx, tables.Origins)
	if err == nil {
		origins, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil {
		return nil, fmt.Errorf("reading the owners of %s: %w", db.name, err)
	}
	return origins, nil
}
