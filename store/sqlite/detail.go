package sqlite

import (
	"context"
	"database/sql"

	"patgate/store"
	"patgate/store/sqlite/millis"
)

// AddDetails implements store.Store.
func (db *DB) AddDetails(ctx context.Context, details []store.Detail) error {
	if len(details) == 0 {
		return nil
	}
	return db.change(ctx, "storing where tokens were used from", func(tx *sql.Tx) error {
		raise, err := tx.PrepareContext(ctx,
			"UPDATE token_addresses SET last_used_at = max(last_used_at, ?) WHERE token_id = ? AND address = ?")
		if err != nil {
			return err
		}
		defer raise.Close()
		for i := range details {
			d := &details[i]
			raised, err := raise.ExecContext(ctx, millis.Of(d.Last), d.TokenID, d.Address)
			if err != nil {
				return err
			}
			known, err := raised.RowsAffected()
			if err != nil {
				return err
			}
			if known > 0 {
				continue
			}
			if err := addDetail(ctx, tx, d); err != nil {
				return err
			}
		}
		return nil
	})
}

// addDetail adds an address that is not known, in place of the one that was used longest ago when there are too many.
func addDetail(ctx context.Context, tx *sql.Tx, d *store.Detail) error {
	const add = "INSERT INTO token_addresses (token_id, address, last_used_at) SELECT id, ?, ? FROM tokens WHERE id = ?"
	if _, err := tx.ExecContext(ctx, add, d.Address, millis.Of(d.Last), d.TokenID); err != nil {
		return err
	}
	const drop = `DELETE FROM token_addresses WHERE token_id = ? AND address NOT IN
		(SELECT address FROM token_addresses WHERE token_id = ? ORDER BY last_used_at DESC, address LIMIT ?)`
	_, err := tx.ExecContext(ctx, drop, d.TokenID, d.TokenID, store.AddressesKept)
	return err
}
