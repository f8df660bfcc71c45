package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"patgate/store"
	"patgate/store/tables"
	"patgate/store/tables/filter"
)

// database gives package tables what it needs of the open pools.
func (db *DB) database() tables.Database {
	return tables.Database{
		Read:     reads{conn{db.prepared, db}},
		Snapshot: db.snapshot,
		Change:   db.change,
		Withdraw: db.withdraw,
		Note:     db.change, // there is one writer at a time
		Sign:     db.sign,
		SignOut:  db.withdraw,
		Alone:    func(context.Context, tables.Conn) error { return nil },
		NextID:   nextID,
		Head:     "(SELECT seq FROM sqlite_sequence WHERE name = 'changes')",
		Scrub:    db.scrub,
		Filter:   filter.Dialect{Grams: grams, IndexedBy: func(index string) string { return " INDEXED BY " + index }},
		Untexted: "unmarked",
		FillText: `INSERT INTO token_text (rowid, text)
			SELECT id, name || char(10) || description FROM tokens WHERE id > ? AND id <= ?`,
		MissMarks: missing,
		Unjudged:  "EXISTS (SELECT 1 FROM marks WHERE judged = 0) OR EXISTS (SELECT 1 FROM marks WHERE dangerous = -1)",

		Counter:    counter,
		SetCounter: setCounter,
		CopyBegins: func(context.Context, tables.Conn) error { return nil },
		CopyEnds:   copyEnds,
	}
}

// grams looks names and descriptions up in token_text.
func grams(all []string) (string, any) {
	quoted := make([]string, len(all))
	for i, gram := range all {
		quoted[i] = `"` + strings.ReplaceAll(gram, `"`, `""`) + `"`
	}
	return "SELECT rowid AS id FROM token_text WHERE token_text MATCH ?", strings.Join(quoted, " AND ")
}

// nextID tells what AUTOINCREMENT gives next. The transaction holds the write lock, so nobody else takes it.
func nextID(ctx context.Context, tx tables.Conn, table string) (id int64, err error) {
	const next = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?), 0) + 1"
	err = tx.QueryRow(ctx, next, table).Scan(&id)
	return id, err
}

// counter reads the last id that AUTOINCREMENT gave.
func counter(ctx context.Context, on tables.Conn, name string) (seq int64, err error) {
	err = on.QueryRow(ctx, "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?), 0)", name).Scan(&seq)
	return seq, err
}

// setCounter sets it.
func setCounter(ctx context.Context, tx tables.Conn, name string, seq int64) error {
	if _, err := tx.Exec(ctx, "DELETE FROM sqlite_sequence WHERE name = ?", name); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", name, seq)
	return err
}

// missing gives tokens the rows that triggers make with them, if those are not there.
const missing = `INSERT INTO marks (token_id, owner_id, live, expires_at)
		SELECT id, owner_id, revoked_at = 0 AND paused_at = 0, expires_at FROM tokens
		WHERE id NOT IN (SELECT token_id FROM marks);
	INSERT INTO token_uses (token_id, uses, last_used_at) SELECT id, 0, 0 FROM tokens WHERE true ON CONFLICT DO NOTHING`

// copyEnds counts the units of each kind anew: the triggers have counted them a second time. Every token has its use, and marks.
func copyEnds(ctx context.Context, tx tables.Conn) error {
	_, err := tx.Exec(ctx, `UPDATE unit_kinds SET units = of.n
		FROM (SELECT kind_id, count(*) AS n FROM units GROUP BY kind_id) AS of WHERE of.kind_id = id`)
	if err == nil {
		_, err = tx.Exec(ctx, missing)
	}
	return err
}

// snapshot runs f on one state of the file.
func (db *DB) snapshot(ctx context.Context, f func(tables.Conn) error) error {
	if err := db.look(); err != nil {
		return err
	}
	tx, err := db.read.BeginTx(ctx, nil)
	if err != nil {
		return db.unsound(explain(err))
	}
	defer tx.Rollback()
	return f(conn{tx, db})
}

// change runs f in a writing transaction and commits it. doing names the step for errors. While there is no room it fails at
// once: the little that is left is for changes that take rights away.
func (db *DB) change(ctx context.Context, doing string, f func(tables.Conn) error) error {
	return db.written(doing, func() error {
		if err := db.noRoomLeft(); err != nil {
			return err
		}
		return db.try(ctx, f)
	})
}

// sign is change for sign-ins. It is tried even without room: to revoke in the console, one has to sign in first.
func (db *DB) sign(ctx context.Context, doing string, f func(tables.Conn) error) error {
	return db.written(doing, func() error { return db.try(ctx, f) })
}

// written runs what writes in a transaction, and gives its error the meaning that it has for callers.
func (db *DB) written(doing string, run func() error) error {
	err := db.look()
	if err == nil {
		err = noRoom(db.dir(), run())
	}
	if errors.Is(err, store.ErrNoRoom) {
		full := err
		db.full.Store(&full)
		return fmt.Errorf("%s was not done: %w", doing, err)
	}
	if err == nil {
		err = db.look() // what was written may have gone into a file that is lost
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// try runs f in a writing transaction and commits it.
func (db *DB) try(ctx context.Context, f func(tables.Conn) error) error {
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return db.unsound(explain(err))
	}
	defer tx.Rollback()
	within := &prepared{runner: tx, kept: map[string]*sql.Stmt{}} // the transaction closes what it prepared
	if err := f(conn{within, db}); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, tables.ForgetChanges, tables.ChangesKept); err != nil {
		return db.unsound(explain(err))
	}
	return db.unsound(explain(tx.Commit()))
}

// scrub moves the WAL into the file and empties it, so that sealed bytes which were just erased are gone from the disk's
// files. It is best effort: a reader that is in the way leaves them to the next checkpoint.
func (db *DB) scrub(ctx context.Context) {
	_, _ = db.write.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	_ = db.fillReserve()
}
