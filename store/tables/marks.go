package tables

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"patgate/store"
	"patgate/store/tables/filter"
	"patgate/store/tables/granted"
)

// Due implements store.Marks.
func (db *Tables) Due(ctx context.Context, d store.Due, limit int) (list []store.Listed, next int64, err error) {
	var ids, damaged []int64
	query, args := filter.Due(d, limit)
	ids, err = granted.Column[int64](ctx, db.d.Read, query, args...)
	if len(ids) > 0 && err == nil {
		var rows Rows
		if rows, err = queryListed(ctx, db.d.Read, ids); err == nil {
			list, err = scanSome(rows, func(id int64, _ error) error { // what cannot be read must not hold up the others
				damaged = append(damaged, id)
				return nil
			})
		}
	}
	if err == nil && len(damaged) > 0 {
		err = db.passOver(ctx, damaged)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("listing the tokens to be judged: %w", err)
	}
	if len(ids) == limit {
		next = ids[limit-1]
	}
	return list, next, nil
}

// passOver notes that tokens that cannot be read have no marks.
func (db *Tables) passOver(ctx context.Context, ids []int64) error {
	return db.d.Note(ctx, "passing over tokens that cannot be read", func(tx Conn) error {
		for _, id := range slices.Sorted(slices.Values(ids)) {
			_, err := tx.Exec(ctx, filter.Unreadable, id)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Judge implements store.Marks.
func (db *Tables) Judge(ctx context.Context, all []store.Judgement) error {
	if len(all) == 0 {
		return nil
	}
	all = slices.SortedFunc(slices.Values(all), func(a, b store.Judgement) int { return cmp.Compare(a.TokenID, b.TokenID) })
	return db.d.Note(ctx, "storing the marks of tokens", func(tx Conn) error {
		for i := range all {
			statement, args := filter.Judge(&all[i])
			_, err := tx.Exec(ctx, statement, args...)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Unjudged implements store.Marks.
func (db *Tables) Unjudged(ctx context.Context) (some bool, err error) {
	if err = db.d.Read.QueryRow(ctx, "SELECT "+db.d.Unjudged).Scan(&some); err != nil {
		return false, fmt.Errorf("looking for tokens that were not judged: %w", err)
	}
	return some, nil
}

// filledAtOnce is for how many tokens one transaction makes room.
const filledAtOnce = 100

// FillMarks implements store.Marks.
func (db *Tables) FillMarks(ctx context.Context) (more bool, err error) {
	if db.d.FillMarks != "" {
		if more, err = db.fill(ctx, "unmarked", db.d.FillMarks); more || err != nil {
			return more, err
		}
	}
	return db.fill(ctx, db.d.Untexted, db.d.FillText)
}

// fill runs a statement for some of the tokens that a table says are left. It is a Note, so no change of a token waits for it.
func (db *Tables) fill(ctx context.Context, left, statement string) (more bool, err error) {
	var n int64
	if err = db.d.Read.QueryRow(ctx, "SELECT count(*) FROM "+left).Scan(&n); err != nil || n == 0 {
		return false, err
	}
	err = db.d.Note(ctx, "filling in the marks or the text of tokens", func(tx Conn) error {
		var done, last, upTo int64
		err := tx.QueryRow(ctx, "SELECT done, last FROM "+left).Scan(&done, &last)
		if more = err == nil; errors.Is(err, ErrNone) { // another process has ended it
			return nil
		}
		if err != nil {
			return err
		}
		const next = "SELECT id FROM tokens WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
		err = tx.QueryRow(ctx, "SELECT coalesce(max(id), 0) FROM ("+next+") AS of", done, last, filledAtOnce).Scan(&upTo)
		if err != nil {
			return err
		}
		if upTo == 0 {
			more = false
			_, err := tx.Exec(ctx, "DELETE FROM "+left)
			return err
		}
		if _, err := tx.Exec(ctx, statement, done, upTo); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE "+left+" SET done = ?", upTo)
		return err
	})
	return more && err == nil, err
}

// MissMarks implements store.Marks.
func (db *Tables) MissMarks(ctx context.Context) error {
	return db.d.Note(ctx, "looking for tokens without marks", func(tx Conn) error {
		_, err := tx.Exec(ctx, db.d.MissMarks)
		return err
	})
}
