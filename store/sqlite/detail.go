package sqlite

import (
	"context"
	"database/sql"

	"patgate/store"
)

// AddDetails implements store.Store.
func (db *DB) AddDetails(ctx context.Context, details []store.Detail) error {
	if len(details) == 0 {
		return nil
	}
	return db.change(ctx, "storing where tokens were used from", func(tx *sql.Tx) error {
		add, err := tx.PrepareContext(ctx,
			`INSERT INTO token_addresses (token_id, address, last_used_at) SELECT id, ?, ? FROM tokens WHERE id = ?
			ON CONFLICT (token_id, address) DO UPDATE SET last_used_at = max(last_used_at, excluded.last_used_at)`)
		if err != nil {
			return err
		}
		defer add.Close()
		drop, err := tx.PrepareContext(ctx, `DELETE FROM token_addresses WHERE token_id = ? AND address NOT IN
			(SELECT address FROM token_addresses WHERE token_id = ? ORDER BY last_used_at DESC, address LIMIT ?)`)
		if err != nil {
			return err
		}
		defer drop.Close()
		for i := range details {
			d := &details[i]
			if _, err := add.ExecContext(ctx, d.Address, millis(d.Last), d.TokenID); err != nil {
				return err
			}
			if _, err := drop.ExecContext(ctx, d.TokenID, d.TokenID, store.AddressesKept); err != nil {
				return err
			}
		}
		return nil
	})
}
