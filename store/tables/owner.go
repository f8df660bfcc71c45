package tables

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"patgate/store"
)

const ownerColumns = "o.id, o.origin, o.user_id, o.username, o.admin, o.created_at, o.removed_at"

// Origins asks for which forges there are owners; every schema understands it.
const Origins = "SELECT DISTINCT origin FROM owners WHERE removed_at = 0"

// ownerRow receives ownerColumns.
type ownerRow struct {
	o                  store.Owner
	createdAt, removed int64
}

func (r *ownerRow) fields() []any {
	return []any{&r.o.ID, &r.o.Origin, &r.o.UserID, &r.o.Username, &r.o.Admin, &r.createdAt, &r.removed}
}

func (r *ownerRow) owner() store.Owner {
	r.o.CreatedAt, r.o.RemovedAt = instant(r.createdAt), instant(r.removed)
	return r.o
}

// PutOwner implements store.Owners.
func (db *Tables) PutOwner(ctx context.Context, o store.Owner) (out store.Owner, err error) {
	err = db.d.Change(ctx, "storing owner", func(tx Conn) error {
		known, err := tx.Exec(ctx, "UPDATE owners SET username = ?, admin = ?, removed_at = 0 WHERE origin = ? AND user_id = ?",
			o.Username, o.Admin, o.Origin, o.UserID)
		if err == nil && known == 0 {
			err = db.insertOwner(ctx, tx, &o)
		}
		if err != nil {
			return err
		}
		var row ownerRow
		err = tx.QueryRow(ctx, "SELECT "+ownerColumns+" FROM owners o WHERE origin = ? AND user_id = ?", o.Origin,
			o.UserID).Scan(row.fields()...)
		out = row.owner()
		return err
	})
	return out, err
}

func (db *Tables) insertOwner(ctx context.Context, tx Conn, o *store.Owner) error {
	id, err := db.d.NextID(ctx, tx, "owners")
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "INSERT INTO owners (id, origin, user_id, username, admin, created_at) VALUES (?, ?, ?, ?, ?, ?)",
		id, o.Origin, o.UserID, o.Username, o.Admin, millis(o.CreatedAt))
	return err
}

// Owner implements store.Owners.
func (db *Tables) Owner(ctx context.Context, id int64) (store.Owner, error) {
	var row ownerRow
	err := db.d.Read.QueryRow(ctx, "SELECT "+ownerColumns+" FROM owners o WHERE id = ?", id).Scan(row.fields()...)
	if errors.Is(err, ErrNone) {
		return store.Owner{}, store.ErrUnknownOwner
	}
	if err != nil {
		return store.Owner{}, fmt.Errorf("reading owner %d: %w", id, err)
	}
	return row.owner(), nil
}

// Owners implements store.Owners.
func (db *Tables) Owners(ctx context.Context) ([]store.Owner, error) {
	rows, err := db.d.Read.Query(ctx, "SELECT "+ownerColumns+
		" FROM owners o WHERE removed_at = 0 ORDER BY origin, username, id")
	if err != nil {
		return nil, fmt.Errorf("listing owners: %w", err)
	}
	defer rows.Close()
	var out []store.Owner
	for rows.Next() {
		var row ownerRow
		if err := rows.Scan(row.fields()...); err != nil {
			return nil, fmt.Errorf("listing owners: %w", err)
		}
		out = append(out, row.owner())
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("listing owners: %w", err)
	}
	return out, nil
}

// RemoveOwner implements store.Owners.
func (db *Tables) RemoveOwner(ctx context.Context, id int64, c store.Cause) (revoked int, err error) {
	err = db.d.Withdraw(ctx, "removing owner", func(t Conn) error {
		tx := tx{t, db}
		n, err := tx.Exec(ctx, "UPDATE owners SET removed_at = ? WHERE id = ? AND removed_at = 0", millis(c.At), id)
		if err != nil || n == 0 {
			return cmp.Or(err, store.ErrUnknownOwner)
		}
		if revoked, err = tx.Revoke(ctx, store.Kin{Owner: id}, c); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM trusts WHERE owner_id = ?", id); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE credentials SET sealed = ?, status = 'removed', reason = ?, updated_at = ?
			WHERE owner_id = ? AND status <> 'removed'`, []byte{}, c.Reason, millis(c.At), id)
		return err
	})
	if err != nil {
		return 0, err
	}
	// Apart from what must not fail on a full disk. What is left ForgetPlaces drops.
	_ = db.d.Note(ctx, "forgetting what an owner saw", func(tx Conn) error {
		_, err := tx.Exec(ctx, "DELETE FROM paths WHERE owner_id = ?", id)
		return err
	})
	db.d.Scrub(ctx)
	return revoked, nil
}

// MoveOrigin implements store.Owners.
func (db *Tables) MoveOrigin(ctx context.Context, from, to string, reseal store.ResealFunc) (moved int, err error) {
	err = db.d.Change(ctx, "moving owners to "+to, func(tx Conn) error {
		var clash int
		err := tx.QueryRow(ctx, `SELECT count(*) FROM owners a JOIN owners b ON a.user_id = b.user_id
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
		// What is sealed for sign-ins is sealed for the old address alone.
		if err := db.d.Alone(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM sign_ins"); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE subjects SET origin = ? WHERE origin = ?", to, from); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, "UPDATE owners SET origin = ? WHERE origin = ?", to, from)
		moved = int(n)
		return err
	})
	if err != nil {
		return 0, err
	}
	return moved, nil
}
