package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"patgate/store"
)

// AddDetails implements store.Store.
func (db *DB) AddDetails(ctx context.Context, details []store.Detail) error {
	if len(details) == 0 {
		return nil
	}
	return db.change(ctx, "storing what tokens were used for", func(tx *sql.Tx) error {
		for i := range details {
			if err := addDetail(ctx, tx, &details[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func addDetail(ctx context.Context, tx *sql.Tx, d *store.Detail) error {
	if d.Permission != "" {
		_, err := tx.ExecContext(ctx,
			`INSERT INTO token_permissions (token_id, permission, uses, last_used_at) SELECT id, ?, ?, ? FROM tokens WHERE id = ?
			ON CONFLICT (token_id, permission) DO UPDATE
			SET uses = uses + excluded.uses, last_used_at = max(last_used_at, excluded.last_used_at)`,
			d.Permission, d.Count, millis(d.Last), d.TokenID)
		if err != nil {
			return err
		}
	}
	if d.Address == "" {
		return nil
	}
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

// PermissionUses implements store.Store.
func (db *DB) PermissionUses(ctx context.Context, id int64) (uses []store.PermissionUse, err error) {
	rows, err := db.read.QueryContext(ctx, "SELECT permission, uses, last_used_at FROM token_permissions WHERE token_id = ? "+
		"ORDER BY permission", id)
	if err != nil {
		return nil, fmt.Errorf("reading what token %d was used for: %w", id, explain(err))
	}
	defer rows.Close()
	for rows.Next() {
		var u store.PermissionUse
		var last int64
		if err := rows.Scan(&u.Permission, &u.Uses, &last); err != nil {
			return nil, fmt.Errorf("reading what token %d was used for: %w", id, explain(err))
		}
		u.LastUsedAt = instant(last)
		uses = append(uses, u)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading what token %d was used for: %w", id, explain(err))
	}
	return uses, nil
}
