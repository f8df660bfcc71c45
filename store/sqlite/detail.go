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
		for i := range details {
			if err := addDetail(ctx, tx, &details[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func addDetail(ctx context.Context, tx *sql.Tx, d *store.Detail) error {
	_, err := tx.ExecContext(ctx,
		`INSERT INTO token_addresses (token_id, address, last_used_at) SELECT id, ?, ? FROM tokens WHERE id = ?
		ON CONFLICT (token_id, address) DO UPDATE SET last_used_at = max(last_used_at, excluded.last_used_at)`,
		d.Address, millis(d.Last), d.TokenID)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM token_addresses WHERE token_id = ? AND address NOT IN
		(SELECT address FROM token_addresses WHERE token_id = ? ORDER BY last_used_at DESC, address LIMIT ?)`,
		d.TokenID, d.TokenID, store.AddressesKept)
	return err
}
