package tables

import (
	"context"

	"patgate/store"
)

// AddDetails implements store.Store.
func (db *Tables) AddDetails(ctx context.Context, details []store.Detail) error {
	if len(details) == 0 {
		return nil
	}
	return db.d.Note(ctx, "storing where tokens were used from", func(tx Conn) error {
		const raise = "UPDATE token_addresses SET last_used_at = max(last_used_at, ?) WHERE token_id = ? AND address = ?"
		for i := range details {
			d := &details[i]
			known, err := tx.Exec(ctx, raise, millis(d.Last), d.TokenID, d.Address)
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
func addDetail(ctx context.Context, tx Conn, d *store.Detail) error {
	const add = "INSERT INTO token_addresses (token_id, address, last_used_at) SELECT id, ?, ? FROM tokens WHERE id = ?"
	if _, err := tx.Exec(ctx, add, d.Address, millis(d.Last), d.TokenID); err != nil {
		return err
	}
	const drop = `DELETE FROM token_addresses WHERE token_id = ?1 AND address NOT IN
		(SELECT address FROM token_addresses WHERE token_id = ?1 ORDER BY last_used_at DESC, address LIMIT ?2)`
	_, err := tx.Exec(ctx, drop, d.TokenID, store.AddressesKept)
	return err
}
