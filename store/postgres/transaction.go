package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"patgate/store"
	"patgate/store/tables"
	"patgate/store/tables/filter"
)

// attempts is how often a transaction is tried that fails only because another one runs beside it.
const attempts = 12

// signIns is the counter that a transaction holds while it changes sign-ins. One that also holds that of changes takes it first.
const signIns = "sign_ins"

// database gives package tables what it needs of the pools.
func (db *DB) database(read *pgxpool.Pool) tables.Database {
	holding := func(counter string) func(context.Context, string, func(tables.Conn) error) error {
		return func(ctx context.Context, doing string, f func(tables.Conn) error) error {
			return db.change(ctx, doing, counter, f)
		}
	}
	return tables.Database{
		Read:     conn{read, db, db.patience},
		Snapshot: db.snapshot,
		Change:   holding("changes"),
		Withdraw: holding("changes"), // the server's disk is not ours to keep room on
		Note:     holding("seen"),
		Sign:     holding(signIns),
		SignOut:  holding(signIns),
		Alone:    func(ctx context.Context, tx tables.Conn) error { return hold(ctx, tx, signIns) },
		NextID:   nextID,
		Head:     "(SELECT seq FROM counters WHERE name = 'changes')",
		Scrub:    func(context.Context) {},

		Filter:   filter.Dialect{Loose: true, Grams: grams},
		Untexted: "untexted",
		FillText: "INSERT INTO token_text SELECT id, text_grams(name || chr(10) || description) FROM tokens " +
			"WHERE id > ? AND id <= ? ON CONFLICT DO NOTHING",
		FillMarks: "INSERT INTO marks (token_id) SELECT id FROM tokens WHERE id > ? AND id <= ? ON CONFLICT DO NOTHING",
		MissMarks: missing,
		Unjudged: "EXISTS (SELECT 1 FROM unmarked) OR EXISTS (SELECT 1 FROM marks WHERE judged = 0) " +
			"OR EXISTS (SELECT 1 FROM marks WHERE dangerous = -1)",

		Counter:    counter,
		SetCounter: setCounter,
		CopyBegins: triggers("DISABLE"),
		CopyEnds:   copyEnds,
	}
}

// grams looks names and descriptions up in token_text.
func grams(all []string) (string, any) {
	return "SELECT token_id AS id FROM token_text WHERE grams @> CAST(? AS TEXT[])", all
}

// missing has rows made for tokens without one in marks, tallied or token_text: a node of an older version has copied these
// tokens while the triggers were off.
const missing = `WITH uncounted AS (
		INSERT INTO untallied SELECT t.id, t.owner_id FROM tokens t LEFT JOIN tallied k ON k.token_id = t.id
			WHERE k.token_id IS NULL AND NOT EXISTS (SELECT 1 FROM untallied u WHERE u.token_id = t.id)
	), untold AS (
		INSERT INTO untexted SELECT min(t.id) - 1, max(t.id) FROM tokens t LEFT JOIN token_text x ON x.token_id = t.id
			WHERE x.token_id IS NULL HAVING count(*) > 0 AND NOT EXISTS (SELECT 1 FROM untexted)
	) INSERT INTO unmarked SELECT min(t.id) - 1, max(t.id) FROM tokens t LEFT JOIN marks m ON m.token_id = t.id
	WHERE m.token_id IS NULL HAVING count(*) > 0 AND NOT EXISTS (SELECT 1 FROM unmarked)`

// nextID moves the counter of a table.
func nextID(ctx context.Context, tx tables.Conn, table string) (id int64, err error) {
	err = tx.QueryRow(ctx, "UPDATE counters SET seq = seq + 1 WHERE name = ? RETURNING seq", table).Scan(&id)
	return id, err
}

// counter reads a counter.
func counter(ctx context.Context, on tables.Conn, name string) (seq int64, err error) {
	err = on.QueryRow(ctx, "SELECT seq FROM counters WHERE name = ?", name).Scan(&seq)
	return seq, err
}

// setCounter sets one.
func setCounter(ctx context.Context, tx tables.Conn, name string, seq int64) error {
	_, err := tx.Exec(ctx, "UPDATE counters SET seq = ? WHERE name = ?", seq, name)
	return err
}

// triggers switches the triggers on or off, until the transaction ends.
func triggers(to string) func(context.Context, tables.Conn) error {
	return func(ctx context.Context, tx tables.Conn) error {
		for _, table := range []string{"tokens", "owners", "credentials", "units"} {
			if _, err := tx.Exec(ctx, "ALTER TABLE "+table+" "+to+" TRIGGER USER"); err != nil {
				return err
			}
		}
		return nil
	}
}

// copyEnds switches the triggers on again, and lets the next sealing key come after those that were copied.
func copyEnds(ctx context.Context, tx tables.Conn) error {
	if _, err := tx.Exec(ctx, "SET CONSTRAINTS ALL IMMEDIATE"); err != nil {
		return err
	}
	if err := triggers("ENABLE")(ctx, tx); err != nil {
		return err
	}
	for _, statement := range []string{"INSERT INTO marks (token_id) SELECT id FROM tokens ON CONFLICT DO NOTHING",
		"DELETE FROM ungranted", "INSERT INTO ungranted SELECT 0, max(id) FROM tokens HAVING count(*) > 0",
		"INSERT INTO untallied SELECT id, owner_id FROM tokens", "DELETE FROM untexted",
		"INSERT INTO untexted SELECT 0, max(id) FROM tokens HAVING count(*) > 0"} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	var last int64
	return tx.QueryRow(ctx, `SELECT setval(pg_get_serial_sequence('sealing_keys', 'rowid'),
		(SELECT coalesce(max(rowid), 0) + 1 FROM sealing_keys), false)`).Scan(&last)
}

// snapshotBegins begins to read one state of the database. Compiling a statement, or starting processes that share its work,
// takes longer than running those that are run here; and a list must not take the processors that requests need. How a
// statement is best run depends on its arguments: a plan for any arguments may take five times as long.
const snapshotBegins = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL jit = off; " +
	"SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL plan_cache_mode = force_custom_plan"

// snapshot runs f on one state of the database.
func (db *DB) snapshot(ctx context.Context, f func(tables.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, 4*db.patience) // a list of all tokens takes longer than one of them
	defer cancel()
	tx, err := db.read.BeginTx(ctx, pgx.TxOptions{BeginQuery: snapshotBegins})
	if err != nil {
		return db.mean(err)
	}
	defer rollback(ctx, tx)
	return f(conn{tx, db, 0})
}

// change runs f in a transaction that holds a counter, so that no other change with this counter runs beside it on any node, and
// commits it. doing names the step for errors.
func (db *DB) change(ctx context.Context, doing, counter string, f func(tables.Conn) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*db.patience)
	defer cancel()
	for attempt := range attempts {
		if attempt > 0 {
			time.Sleep(rand.N(10 * time.Millisecond << min(attempt, 5)))
		}
		if err = db.try(ctx, attempt, counter, f); !again(err) {
			break
		}
	}
	if errors.Is(err, store.ErrNoRoom) {
		full := err // the result is another one
		db.full.Store(&full)
		return fmt.Errorf("%s was not done: %w", doing, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// begin gives what a change begins with. A node that is cut off during a change must not hold up the others for as long as the
// server takes it for alive. So its idle transaction ends after half its patience. The nodes that wait behind it give up before
// that, because a waiter waits twice, for its turn and for the row, each time for as long, and would hold the counter
// meanwhile. Nodes that are not cut off try again what they gave up, and have time enough for it.
func begin(patience time.Duration) string {
	ms := patience.Milliseconds()
	return fmt.Sprintf("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL lock_timeout = %d; "+
		"SET LOCAL idle_in_transaction_session_timeout = %d", ms/8, ms/2)
}

// hold keeps a counter for a transaction until it ends.
func hold(ctx context.Context, tx tables.Conn, counter string) error {
	_, err := tx.Exec(ctx, "SELECT seq FROM counters WHERE name = ? FOR UPDATE", counter)
	return err
}

// try runs f once.
func (db *DB) try(ctx context.Context, attempt int, counter string, f func(tables.Conn) error) error {
	t, err := db.write.BeginTx(ctx, pgx.TxOptions{BeginQuery: begin(db.patience)})
	if err != nil {
		return db.mean(err)
	}
	defer rollback(ctx, t)
	tx := conn{t, db, 0}
	if err := hold(ctx, tx, counter); err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return err
	}
	if counter == "changes" {
		if _, err := tx.Exec(ctx, tables.ForgetChanges, tables.ChangesKept); err != nil {
			return err
		}
	}
	if db.refuse != nil {
		if err := db.refuse(attempt); err != nil {
			return err
		}
	}
	return db.mean(t.Commit(ctx))
}

// rollback ends a transaction that was not committed, though its caller may have gone.
func rollback(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = tx.Rollback(ctx)
}
