package tables

import (
	"context"
	"fmt"
	"time"

	"patgate/store"
	"patgate/store/tables/tally"
)

// tallyFields are where the numbers of tokens are read into.
func tallyFields(t *store.Tally) []any {
	return []any{&t.Tokens, &t.Active, &t.Paused, &t.Revoked, &t.Broad, &t.Mints, &t.Dangerous, &t.Soon, &t.Unused, &t.NeverUsed,
		&t.Idle}
}

// Tally implements store.Tallies.
func (db *Tables) Tally(ctx context.Context, f store.OwnerFilter) (store.Tally, error) {
	t, err := db.tally(ctx, db.d.Read, &f)
	if err != nil {
		return t, fmt.Errorf("counting tokens: %w", err)
	}
	return t, nil
}

func (db *Tables) tally(ctx context.Context, q Conn, f *store.OwnerFilter) (t store.Tally, err error) {
	query, args := tally.One(f, db.d.Filter)
	err = q.QueryRow(ctx, query, args...).Scan(tallyFields(&t)...)
	return t, err
}

// OwnerTallies implements store.Tallies.
func (db *Tables) OwnerTallies(ctx context.Context, f store.OwnerFilter) (list []store.OwnerTally, total int, err error) {
	query, args := tally.HowMany(&f)
	if err = db.d.Read.QueryRow(ctx, query, args...).Scan(&total); err == nil {
		query, args = tally.Owners(&f, ownerColumns, db.d.Filter)
		list, err = ownerTallies(ctx, db.d.Read, query, args)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("listing what owners' tokens amount to: %w", err)
	}
	return list, total, nil
}

func ownerTallies(ctx context.Context, q Conn, query string, args []any) (list []store.OwnerTally, err error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var o ownerRow
		var one store.OwnerTally
		var used int64
		if err := rows.Scan(append(append(o.fields(), tallyFields(&one.Tally)...), &one.Reach, &used)...); err != nil {
			return nil, err
		}
		one.Owner, one.LastUsedAt = o.owner(), instant(used)
		list = append(list, one)
	}
	return list, rows.Err()
}

// Recount implements store.Tallies.
func (db *Tables) Recount(ctx context.Context, now time.Time) (more bool, err error) {
	ids, err := tally.Uncounted(ctx, db.d.Read, millis(now)) // most of the time there are none, and nothing is written
	if err != nil || len(ids) == 0 {
		return false, err
	}
	err = db.d.Note(ctx, "counting tokens", func(tx Conn) error {
		ids, err = tally.Uncounted(ctx, tx, millis(now))
		if err != nil || len(ids) == 0 {
			return err
		}
		return tally.Keep(ctx, tx, ids, millis(now))
	})
	return len(ids) == tally.AtOnce && err == nil, err
}
