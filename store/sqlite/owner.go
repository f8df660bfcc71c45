package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"patgate/store"
	"patgate/store/sqlite/millis"
)

const ownerColumns = "o.id, o.origin, o.user_id, o.username, o.admin, o.created_at, o.removed_at"

// ownerRow receives ownerColumns.
type ownerRow struct {
	o                  store.Owner
	createdAt, removed int64
}

func (r *ownerRow) fields() []any {
	return []any{&r.o.ID, &r.o.Origin, &r.o.UserID, &r.o.Username, &r.o.Admin, &r.createdAt, &r.removed}
}

func (r *ownerRow) owner() store.Owner {
	r.o.CreatedAt, r.o.RemovedAt = millis.Time(r.createdAt), millis.Time(r.removed)
	return r.o
}

// PutOwner implements store.Owners.
func (db *DB) PutOwner(ctx context.Context, o store.Owner) (out store.Owner, err error) {
	err = db.change(ctx, "storing owner", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO owners (origin, user_id, username, admin, created_at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (origin, user_id) DO UPDATE SET username = excluded.username, admin = excluded.admin, removed_at = 0`,
			o.Origin, o.UserID, o.Username, o.Admin, millis.Of(o.CreatedAt))
		if err != nil {
			return err
		}
		var row ownerRow
		err = tx.QueryRowContext(ctx, "SELECT "+ownerColumns+" FROM owners o WHERE origin = ? AND user_id = ?", o.Origin,
			o.UserID).Scan(row.fields()...)
		out = row.owner()
		return err
	})
	return out, err
}

// Owner implements store.Owners.
func (db *DB) Owner(ctx context.Context, id int64) (store.Owner, error) {
	var row ownerRow
	err := db.read.QueryRowContext(ctx, "SELECT "+ownerColumns+" FROM owners o WHERE id = ?", id).Scan(row.fields()...)
	if errors.Is(err, sql.ErrNoRows) {
		return store.Owner{}, store.ErrUnknownOwner
	}
	if err != nil {
		return store.Owner{}, fmt.Errorf("reading owner %d: %w", id, explain(err))
	}
	return row.owner(), nil
}

// Owners implements store.Owners.
func (db *DB) Owners(ctx context.Context) ([]store.Owner, error) {
	rows, err := db.read.QueryContext(ctx, "SELECT "+ownerColumns+
		" FROM owners o WHERE removed_at = 0 ORDER BY origin, username, id")
	if err != nil {
		return nil, fmt.Errorf("listing owners: %w", explain(err))
	}
	defer rows.Close()
	var out []store.Owner
	for rows.Next() {
		var row ownerRow
		if err := rows.Scan(row.fields()...); err != nil {
			return nil, fmt.Errorf("listing owners: %w", explain(err))
		}
		out = append(out, row.owner())
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("listing owners: %w", explain(err))
	}
	return out, nil
}

// RemoveOwner implements store.Owners.
func (db *DB) RemoveOwner(ctx context.Context, id int64, c store.Cause) (revoked int, err error) {
	err = db.change(ctx, "removing owner", func(t *sql.Tx) error {
		tx := tx{t}
		res, err := tx.ExecContext(ctx, "UPDATE owners SET removed_at = ? WHERE id = ? AND removed_at = 0", millis.Of(c.At), id)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, store.ErrUnknownOwner)
		}
		if revoked, err = tx.Revoke(ctx, store.Kin{Owner: id}, c); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE credentials SET sealed = x'', status = 'removed', reason = ?, updated_at = ?
			WHERE owner_id = ? AND status <> 'removed'`, c.Reason, millis.Of(c.At), id)
		return err
	})
	if err != nil {
		return 0, err
	}
	db.scrub(ctx)
	return revoked, nil
}

// MoveOrigin implements store.Owners.
func (db *DB) MoveOrigin(ctx context.Context, from, to string, reseal store.ResealFunc) (moved int, err error) {
	err = db.change(ctx, "moving owners to "+to, func(tx *sql.Tx) error {
		var clash int
		err := tx.QueryRowContext(ctx, `SELECT count(*) FROM owners a JOIN owners b ON a.user_id = b.user_id
			WHERE a.origin = ? AND b.origin = ?`, from, to).Scan(&clash)
		if err != nil {
			return err
		}
		if clash > 0 {
			return fmt.Errorf("%w: %d owners are known under both addresses", store.ErrConflict, clash)
		}
		err = resealAll(ctx, tx, from, reseal, func(o store.Owner) store.Owner { o.Origin = to; return o })
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE subjects SET origin = ? WHERE origin = ?", to, from); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, "UPDATE owners SET origin = ? WHERE origin = ?", to, from)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		moved = int(n)
		return err
	})
	if err != nil {
		return 0, err
	}
	return moved, nil
}
