package tables

import (
	"context"
	"fmt"

	"patgate/store"
)

// Unjudged implements store.Marks.
func (db *Tables) Unjudged(ctx context.Context, limit int) (list []store.Listed, err error) {
	rows, err := db.d.Read.Query(ctx, "SELECT token_id FROM marks WHERE judged = 0 ORDER BY token_id LIMIT ?", limit)
	var ids []int64
	if err == nil {
		ids, err = numbers(rows)
	}
	if err == nil && len(ids) > 0 {
		list, err = listed(ctx, db.d.Read, ids)
	}
	if err != nil {
		return nil, fmt.Errorf("listing what is not judged: %w", err)
	}
	return list, nil
}

// Judge implements store.Marks.
func (db *Tables) Judge(ctx context.Context, all []store.Judgement) error {
	if len(all) == 0 {
		return nil
	}
	return db.d.Note(ctx, "keeping what is to be said of tokens", func(tx Conn) error {
		for i := range all {
			j := &all[i]
			_, err := tx.Exec(ctx, `UPDATE marks SET judged = ?, judged_at = ?, broad = ?, mints = ?, reach = ?, unused_from = ?
				WHERE token_id = ? AND turn = ?`, j.Under, millis(j.At), number(j.Broad), number(j.Mints), j.Reach, millis(j.UnusedFrom),
				j.TokenID, j.Turn)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// number stores a truth.
func number(is bool) int64 {
	if is {
		return 1
	}
	return 0
}
