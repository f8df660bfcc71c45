package tables

import (
	"context"
	"fmt"

	"patgate/store"
)

// Due implements store.Marks.
func (db *Tables) Due(ctx context.Context, d store.Due, limit int) (list []store.Listed, err error) {
	where, args := "judged = 0", []any{d.After}
	switch {
	case d.Under != 0:
		where, args = "judged <> ?", append(args, d.Under)
	case !d.UnusedBy.IsZero():
		where = `live = 1 AND expires_at > ? AND unused_from <= ? AND judged_at < ?
			AND EXISTS (SELECT 1 FROM token_uses u WHERE u.token_id = m.token_id AND u.last_used_at > 0)`
		args = append(args, millis(d.Now), millis(d.UnusedBy), millis(d.JudgedBefore))
	}
	rows, err := db.d.Read.Query(ctx, "SELECT token_id FROM marks m WHERE token_id > ? AND "+where+" ORDER BY token_id LIMIT ?",
		append(args, limit)...)
	var ids []int64
	if err == nil {
		ids, err = numbers(rows)
	}
	if err == nil && len(ids) > 0 {
		list, err = listed(ctx, db.d.Read, ids)
	}
	if err != nil {
		return nil, fmt.Errorf("listing what is to be judged: %w", err)
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
