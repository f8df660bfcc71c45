package tables

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"patgate/store"
	"patgate/token"
)

// ChangesKept is how many of the newest changes are listed one by one. A node that has missed more reads everything anew.
const ChangesKept = 10_000

// ForgetChanges drops, at the end of a change, those that are no longer listed.
const ForgetChanges = "DELETE FROM changes WHERE sequence <= (SELECT max(sequence) FROM changes) - ?"

// Changes implements store.Store.
func (db *Tables) Changes(ctx context.Context, since int64) (c store.Changes, err error) {
	var oldest int64
	err = db.d.Read.QueryRow(ctx, "SELECT "+db.d.Head+", (SELECT coalesce(min(sequence), 0) FROM changes)").
		Scan(&c.Sequence, &oldest)
	switch {
	case err != nil:
		return store.Changes{}, fmt.Errorf("reading changes: %w", err)
	case c.Sequence == since:
		return c, nil
	case missed(c.Sequence, oldest, since):
		c.All = true
		return c, nil
	}
	if err := db.changesSince(ctx, since, &c); err != nil {
		return store.Changes{}, fmt.Errorf("reading changes: %w", err)
	}
	return c, nil
}

// missed tells that not all changes since then are listed: it is too much, too long ago, or the store is another than before.
func missed(newest, oldest, since int64) bool {
	return newest-since > ChangesKept || since < oldest-1 || newest < since
}

// changesSince reads the changes together with the newest of them, in one statement, so no change comes between. All is also set
// when no row tells what was changed.
func (db *Tables) changesSince(ctx context.Context, since int64, c *store.Changes) error {
	rows, err := db.d.Read.Query(ctx, "SELECT "+db.d.Head+`, (SELECT coalesce(min(sequence), 0) FROM changes), t.hash
		FROM changes c LEFT JOIN tokens t ON t.id = c.token_id WHERE c.sequence > ? LIMIT ?`, since, ChangesKept+1)
	if err != nil {
		return err
	}
	defer rows.Close()
	listed := 0
	for rows.Next() {
		var oldest int64
		var hash []byte
		if err := rows.Scan(&c.Sequence, &oldest, &hash); err != nil {
			return err
		}
		if listed++; len(hash) != len(token.Hash{}) || missed(c.Sequence, oldest, since) {
			c.All = true
			continue
		}
		c.Hashes = append(c.Hashes, token.Hash(hash))
	}
	c.All = c.All || listed == 0 || listed > ChangesKept
	return rows.Err()
}

// AddUses implements store.Store.
func (db *Tables) AddUses(ctx context.Context, uses []store.Use) error {
	if len(uses) == 0 {
		return nil
	}
	return db.d.Note(ctx, "storing last use", func(tx Conn) error {
		const add = `INSERT INTO token_uses (token_id, uses, last_used_at)
			SELECT id, ?, ? FROM tokens WHERE id = ? ON CONFLICT (token_id) DO UPDATE
			SET uses = token_uses.uses + excluded.uses, last_used_at = max(token_uses.last_used_at, excluded.last_used_at)`
		byID := func(a, b store.Use) int { return cmp.Compare(a.TokenID, b.TokenID) }
		for _, u := range slices.SortedFunc(slices.Values(uses), byID) {
			if _, err := tx.Exec(ctx, add, u.Count, millis(u.Last), u.TokenID); err != nil {
				return err
			}
		}
		return nil
	})
}
