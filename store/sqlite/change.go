package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"patgate/store"
	"patgate/store/sqlite/millis"
	"patgate/token"
)

// Changes implements store.Store.
func (db *DB) Changes(ctx context.Context, since int64) (store.Changes, error) {
	var c store.Changes
	tx, err := db.read.BeginTx(ctx, nil) // one consistent read
	if err != nil {
		return c, fmt.Errorf("reading changes: %w", explain(err))
	}
	defer tx.Rollback()
	var oldest sql.NullInt64
	err = tx.QueryRowContext(ctx, "SELECT (SELECT seq FROM sqlite_sequence WHERE name = 'changes'), "+
		"(SELECT min(sequence) FROM changes)").
		Scan(&c.Sequence, &oldest)
	if err != nil {
		return store.Changes{}, fmt.Errorf("reading changes: %w", explain(err))
	}
	if c.Sequence == since {
		return c, nil
	}
	// Too much, too long ago, or another file than before.
	if c.Sequence-since > changesKept || since < oldest.Int64-1 || c.Sequence < since {
		c.All = true
		return c, nil
	}
	rows, err := tx.QueryContext(ctx,
		"SELECT t.hash FROM changes c LEFT JOIN tokens t ON t.id = c.token_id WHERE c.sequence > ?", since)
	if err != nil {
		return store.Changes{}, fmt.Errorf("reading changes: %w", explain(err))
	}
	defer rows.Close()
	for rows.Next() {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return store.Changes{}, fmt.Errorf("reading changes: %w", explain(err))
		}
		if len(b) != len(token.Hash{}) {
			c.All = true
			continue
		}
		c.Hashes = append(c.Hashes, token.Hash(b))
	}
	if err := rows.Err(); err != nil {
		return store.Changes{}, fmt.Errorf("reading changes: %w", explain(err))
	}
	return c, nil
}

// AddUses implements store.Store.
func (db *DB) AddUses(ctx context.Context, uses []store.Use) error {
	if len(uses) == 0 {
		return nil
	}
	return db.change(ctx, "storing last use", func(tx *sql.Tx) error {
		stmt, err := tx.PrepareContext(ctx, `INSERT INTO token_uses (token_id, uses, last_used_at)
			SELECT id, ?, ? FROM tokens WHERE id = ?
			ON CONFLICT (token_id) DO UPDATE SET uses = uses + excluded.uses, last_used_at = max(last_used_at, excluded.last_used_at)`)
		if err != nil {
			return err
		}
		defer stmt.Close()
		for _, u := range uses {
			if _, err := stmt.ExecContext(ctx, u.Count, millis.Of(u.Last), u.TokenID); err != nil {
				return err
			}
		}
		return nil
	})
}
