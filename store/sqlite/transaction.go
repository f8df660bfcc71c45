package sqlite

import (
	"context"
	"database/sql"
	"fmt"
)

// changesKept is how many of the newest changes are listed one by one; who polls less often than that reads all anew.
const changesKept = 10_000

// change runs f in a writing transaction and commits it. doing names the step for errors.
func (db *DB) change(ctx context.Context, doing string, f func(tx *sql.Tx) error) error {
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, explain(err))
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		return fmt.Errorf("%s: %w", doing, explain(err))
	}
	const forget = "DELETE FROM changes WHERE sequence <= (SELECT max(sequence) FROM changes) - ?"
	if _, err := tx.ExecContext(ctx, forget, changesKept); err != nil {
		return fmt.Errorf("%s: %w", doing, explain(err))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%s: %w", doing, explain(err))
	}
	return nil
}
