package tables

import (
	"context"
	"fmt"

	"patgate/store"
	"patgate/store/seal"
)

// SealingKeys implements store.Credentials.
func (db *Tables) SealingKeys(ctx context.Context) ([]store.SealingKey, error) {
	rows, err := db.d.Read.Query(ctx, "SELECT id, check_value, created_at, retired_at FROM sealing_keys "+
		"ORDER BY created_at DESC, rowid DESC")
	if err != nil {
		return nil, fmt.Errorf("listing sealing keys: %w", err)
	}
	defer rows.Close()
	var out []store.SealingKey
	for rows.Next() {
		var k store.SealingKey
		var created, retired int64
		if err := rows.Scan(&k.ID, &k.Check, &created, &retired); err != nil {
			return nil, fmt.Errorf("listing sealing keys: %w", err)
		}
		k.CreatedAt, k.RetiredAt = instant(created), instant(retired)
		out = append(out, k)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("listing sealing keys: %w", err)
	}
	return out, nil
}

// RegisterKey implements store.Credentials.
func (db *Tables) RegisterKey(ctx context.Context, k store.SealingKey) error {
	var known int
	err := db.d.Read.QueryRow(ctx, "SELECT count(*) FROM sealing_keys WHERE id = ?", k.ID).Scan(&known)
	if err == nil && known > 0 {
		return nil // no write for what every start finds
	}
	return db.d.Change(ctx, "registering sealing key", func(tx Conn) error { return registerKey(ctx, tx, k) })
}

func registerKey(ctx context.Context, tx Conn, k store.SealingKey) error {
	_, err := tx.Exec(ctx, "INSERT INTO sealing_keys (id, check_value, created_at) VALUES (?, ?, ?) "+
		"ON CONFLICT (id) DO NOTHING",
		k.ID, k.Check, millis(k.CreatedAt))
	return err
}

// Rekey implements store.Credentials.
func (db *Tables) Rekey(ctx context.Context, to store.SealingKey, reseal store.ResealFunc) (resealed int, err error) {
	err = db.d.Change(ctx, "rotating the sealing key", func(tx Conn) error {
		resealed = 0
		if err := registerKey(ctx, tx, to); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "UPDATE sealing_keys SET retired_at = "+
			"CASE WHEN id = ? THEN 0 WHEN retired_at > 0 THEN retired_at ELSE ? END",
			to.ID, millis(to.CreatedAt))
		if err != nil {
			return err
		}
		count := func(c store.Credential, old, b seal.Binding) (string, []byte, error) {
			keyID, sealed, err := reseal(c, old, b)
			if err == nil && keyID != to.ID {
				err = fmt.Errorf("%w: sealed under %s instead of %s", store.ErrConflict, keyID, to.ID)
			}
			resealed++
			return keyID, sealed, err
		}
		if err := resealAll(ctx, tx, "", count, func(o store.Owner) store.Owner { return o }); err != nil {
			return err
		}
		// What is sealed for sign-ins cannot be sealed anew: that takes their cookies.
		if err := db.d.Alone(ctx, tx); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "DELETE FROM sign_ins WHERE key_id <> ?", to.ID)
		return err
	})
	if err != nil {
		return 0, err
	}
	db.d.Scrub(ctx)
	return resealed, nil
}

// resealAll seals anew the credentials of the owners of an origin (of all when it is empty), for the owners as moved gives them.
func resealAll(ctx context.Context, tx Conn, origin string, reseal store.ResealFunc,
	moved func(store.Owner) store.Owner) error {
	rows, err := tx.Query(ctx, "SELECT "+credentialColumns+` FROM credentials c JOIN owners o ON o.id = c.owner_id
		WHERE c.status <> 'removed' AND (o.origin = ?1 OR '' = ?1)`, origin)
	if err != nil {
		return err
	}
	credentials, err := scanCredentials(rows)
	if err != nil {
		return err
	}
	for _, c := range credentials {
		owner, err := liveOwner(ctx, tx, c.OwnerID)
		if err != nil {
			return err
		}
		now := moved(owner)
		keyID, sealed, err := reseal(c, c.Binding(&owner), c.Binding(&now))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE credentials SET key_id = ?, sealed = ? WHERE id = ?", keyID, sealed, c.ID)
		if err != nil {
			return err
		}
	}
	return nil
}
