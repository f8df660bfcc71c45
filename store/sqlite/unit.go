package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"patgate/learn"
	"patgate/store"
	"patgate/store/sqlite/millis"
	"patgate/store/sqlite/units"
)

// seenAtOnce bounds what one transaction stores, so that a revocation does not wait for all of it.
const seenAtOnce = 500

// AddSeen implements store.Subjects.
func (db *DB) AddSeen(ctx context.Context, seen []learn.Seen) (lost, damaged int64, err error) {
	for batch := range slices.Chunk(seen, seenAtOnce) {
		if err == nil {
			var beyond, unread int64
			beyond, unread, err = db.addSeen(ctx, batch)
			lost, damaged = lost+beyond, damaged+unread
		}
		if err != nil {
			for i := range batch {
				lost += batch[i].Count
			}
		}
	}
	return lost, damaged, err
}

func (db *DB) addSeen(ctx context.Context, seen []learn.Seen) (lost, damaged int64, err error) {
	err = db.change(ctx, "storing what was seen", func(tx *sql.Tx) (err error) {
		lost, damaged, err = units.Add(ctx, tx, seen)
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	return lost, damaged, nil
}

// Observations implements store.Subjects.
func (db *DB) Observations(ctx context.Context, id int64, since time.Time) (list []learn.Observation, damaged int, err error) {
	fail := func(err error) ([]learn.Observation, int, error) {
		return nil, 0, fmt.Errorf("reading what %d was seen to do: %w", id, explain(err))
	}
	rows, err := db.read.QueryContext(ctx, `SELECT k.kind, u.places, u.above, u.first_at, u.last_at, u.uses, u.days, u.suspect
		FROM units u JOIN unit_kinds k ON k.id = u.kind_id WHERE u.subject_id = ? AND u.last_at >= ?
		ORDER BY u.first_at, k.id, u.places`, id, millis.Of(since))
	if err != nil {
		return fail(err)
	}
	defer rows.Close()
	for rows.Next() {
		var kind, places, above string
		var first, last int64
		var days []byte
		var o learn.Observation
		if err := rows.Scan(&kind, &places, &above, &first, &last, &o.Uses, &days, &o.Suspect); err != nil {
			return fail(err)
		}
		unit, unread := learn.ParseUnit(kind, places, above)
		counts, uncounted := learn.ParseDays(days)
		if unread != nil || uncounted != nil {
			damaged++
			continue
		}
		o.Unit, o.First, o.Last = unit, millis.Time(first), millis.Time(last)
		o.Days = slices.DeleteFunc(counts, func(c learn.Count) bool { return c.Day < learn.DayOf(since) })
		list = append(list, o)
	}
	if err := rows.Err(); err != nil {
		return fail(err)
	}
	return list, damaged, nil
}

// LastSeen implements store.Store.
func (db *DB) LastSeen(ctx context.Context, id int64) (time.Time, error) {
	var last int64
	err := db.read.QueryRowContext(ctx, `SELECT max(
		coalesce((SELECT max(last_at) FROM units WHERE subject_id = t.id), 0),
		coalesce((SELECT last_used_at FROM token_uses WHERE token_id = t.id), 0), t.touched_at) FROM tokens t WHERE t.id = ?`,
		id).Scan(&last)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return time.Time{}, store.ErrUnknownToken
	case err != nil:
		return time.Time{}, fmt.Errorf("reading when token %d was last seen: %w", id, explain(err))
	}
	return millis.Time(last), nil
}

// PermissionUses implements store.Store.
func (db *DB) PermissionUses(ctx context.Context, id int64) ([]store.PermissionUse, error) {
	uses := map[string]store.PermissionUse{}
	add := func(name string, n int64, last time.Time) {
		u := uses[name]
		u.Permission = name
		u.Uses += n
		if u.LastUsedAt.Before(last) {
			u.LastUsedAt = last
		}
		uses[name] = u
	}
	if err := db.earlierUses(ctx, id, add); err != nil {
		return nil, fmt.Errorf("reading what token %d was used for: %w", id, explain(err))
	}
	list, _, err := db.Observations(ctx, id, time.Time{})
	if err != nil {
		return nil, err
	}
	for i := range list {
		o := &list[i]
		if o.Unit.Denied != "" || o.Unit.WouldDeny != "" {
			continue
		}
		for _, name := range o.Unit.Needs {
			add(name, o.Uses, o.Last)
		}
	}
	byName := func(a, b store.PermissionUse) int { return cmp.Compare(a.Permission, b.Permission) }
	return slices.SortedFunc(maps.Values(uses), byName), nil
}

// earlierUses gives what was counted before there were units.
func (db *DB) earlierUses(ctx context.Context, id int64, add func(name string, n int64, last time.Time)) error {
	rows, err := db.read.QueryContext(ctx, "SELECT permission, uses, last_used_at FROM token_permissions WHERE token_id = ?", id)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var n, last int64
		if err := rows.Scan(&name, &n, &last); err != nil {
			return err
		}
		add(name, n, millis.Time(last))
	}
	return rows.Err()
}
