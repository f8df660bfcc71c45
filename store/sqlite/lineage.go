package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"patgate/store"
	"patgate/token"
)

// belowQuery gives the ids of the tokens that were made below any member of a family.
const belowQuery = `WITH RECURSIVE below (id, family_id) AS (
		SELECT t.id, t.family_id FROM tokens t JOIN tokens m ON m.id = t.parent_id WHERE m.family_id = ?
		UNION
		SELECT t.id, t.family_id FROM below b JOIN tokens m ON m.family_id = b.family_id JOIN tokens t ON t.parent_id = m.id
	) SELECT id FROM below`

// aboveQuery gives the ids of all members of the families above a token.
const aboveQuery = `WITH RECURSIVE above (id, parent_id) AS (
		SELECT m.id, m.parent_id FROM tokens p JOIN tokens m ON m.family_id = p.family_id WHERE p.id = ?
		UNION
		SELECT m.id, m.parent_id FROM above a JOIN tokens p ON p.id = a.parent_id JOIN tokens m ON m.family_id = p.family_id
	) SELECT id FROM above`

// CreateChild implements store.Lineage.
func (db *DB) CreateChild(ctx context.Context, r token.Record, parentRevision int64) (out token.Record, err error) {
	err = db.change(ctx, "storing token", func(tx *sql.Tx) error {
		parent, err := tokenByID(ctx, tx, r.ParentID)
		if err != nil {
			return err
		}
		if err := usable(&parent, r.CreatedAt); err != nil {
			return fmt.Errorf("token %d: %w", r.ParentID, err)
		}
		switch {
		case parent.Revision != parentRevision:
			return fmt.Errorf("%w: token %d was changed meanwhile", store.ErrConflict, r.ParentID)
		case r.OwnerID != parent.OwnerID || r.CredentialID != parent.CredentialID:
			return fmt.Errorf("%w: a token passes on its own owner and credential only", store.ErrConflict)
		case r.ExpiresAt.After(parent.ExpiresAt) || r.RenewUntil.After(parent.ExpiresAt):
			return fmt.Errorf("%w: it would outlive token %d", store.ErrConflict, r.ParentID)
		}
		if _, err := tx.ExecContext(ctx, "UPDATE tokens SET children = children + 1 WHERE id IN ("+aboveQuery+")", r.ParentID); err != nil {
			return err
		}
		out, err = insertToken(ctx, tx, r)
		return err
	})
	if err != nil {
		return token.Record{}, err
	}
	return out, nil
}

// usable tells, by an error, why a token cannot be used at an instant.
func usable(l *store.Listed, at time.Time) error {
	switch v := l.Validity(at); {
	case l.RotatedTo != 0:
		return store.ErrRotated
	case v == token.Revoked:
		return store.ErrRevoked
	case v == token.Expired:
		return store.ErrExpired
	case v == token.Paused:
		return store.ErrPaused
	case v != token.Valid:
		return store.ErrUnknownToken
	}
	return nil
}

// RotateToken implements store.Lineage.
func (db *DB) RotateToken(ctx context.Context, id, revision int64, r token.Record, graceUntil time.Time, by string) (out token.Record, err error) {
	err = db.change(ctx, fmt.Sprintf("rotating token %d", id), func(tx *sql.Tx) error {
		old, err := tokenByID(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := usable(&old, r.CreatedAt); err != nil {
			return err
		}
		if old.Revision != revision {
			return fmt.Errorf("%w: it was changed meanwhile", store.ErrConflict)
		}
		r.OwnerID, r.CredentialID, r.ParentID, r.FamilyID = old.OwnerID, old.CredentialID, old.ParentID, old.FamilyID
		if out, err = insertToken(ctx, tx, r); err != nil {
			return err
		}
		if graceUntil.After(r.CreatedAt) {
			_, err = tx.ExecContext(ctx, "UPDATE tokens SET rotated_to = ?, revision = revision + 1, changed_by = ?, expires_at = min(expires_at, ?) WHERE id = ?",
				out.ID, by, millis(graceUntil), id)
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE tokens SET rotated_to = ?, revision = revision + 1, changed_by = ?, revoked_at = ?, revoke_reason = 'rotated',
			revoked_by = ? WHERE id = ?`, out.ID, by, millis(r.CreatedAt), by, id)
		return err
	})
	if err != nil {
		return token.Record{}, err
	}
	return out, nil
}

// revoke revokes the tokens that the condition names, those that are revoked already excepted.
func revoke(ctx context.Context, tx *sql.Tx, condition string, args []any, reason, by string, at time.Time) error {
	_, err := tx.ExecContext(ctx, "UPDATE tokens SET revoked_at = ?, revoke_reason = ?, revoked_by = ?, changed_by = ? WHERE revoked_at = 0 AND "+condition,
		append([]any{millis(at), reason, by, by}, args...)...)
	return err
}

// revokeFamily revokes what is left of a family and everything below it. of is the token whose fate they share.
func revokeFamily(ctx context.Context, tx *sql.Tx, family, of int64, reason, by string, at time.Time) error {
	if err := revoke(ctx, tx, "family_id = ?", []any{family}, reason, by, at); err != nil {
		return err
	}
	return revoke(ctx, tx, "id IN ("+belowQuery+")", []any{family}, fmt.Sprintf("token %d, which it comes from, was revoked: %s", of, reason), by, at)
}

// RevokeFamily implements store.Lineage.
func (db *DB) RevokeFamily(ctx context.Context, id int64, reason, by string, at time.Time) (revoked int, err error) {
	err = db.change(ctx, fmt.Sprintf("revoking the family of token %d", id), func(tx *sql.Tx) error {
		l, err := tokenByID(ctx, tx, id)
		if err != nil {
			return err
		}
		revoked, err = counting(ctx, tx, func() error { return revokeFamily(ctx, tx, l.FamilyID, id, reason, by, at) })
		return err
	})
	return revoked, err
}

// counting runs f and gives how many tokens it revoked.
func counting(ctx context.Context, tx *sql.Tx, f func() error) (int, error) {
	const query = "SELECT count(*) FROM tokens WHERE revoked_at > 0"
	var before, after int
	if err := tx.QueryRowContext(ctx, query).Scan(&before); err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	err := tx.QueryRowContext(ctx, query).Scan(&after)
	return after - before, err
}

// EditToken implements store.Lineage.
func (db *DB) EditToken(ctx context.Context, id int64, e store.Edit, by string, at time.Time) (store.Listed, error) {
	return db.changeToken(ctx, "editing token", id, func(tx *sql.Tx, l *store.Listed) error {
		scopes, err := json.Marshal(e.Scopes)
		switch {
		case err != nil:
			return err
		case !l.RevokedAt.IsZero():
			return store.ErrRevoked
		case l.Revision != e.Revision || l.Children != e.Children:
			return fmt.Errorf("%w: it was changed meanwhile", store.ErrConflict)
		}
		_, err = tx.ExecContext(ctx, `UPDATE tokens SET name = ?, description = ?, scopes = ?, table_version = ?, expires_at = ?, renew_until = ?,
			revision = revision + 1, changed_by = ?, touched_at = max(touched_at, ?) WHERE id = ?`,
			e.Name, e.Description, string(scopes), e.TableVersion, millis(e.ExpiresAt), millis(e.RenewUntil), by, millis(at), id)
		if err != nil {
			return err
		}
		end := millis(e.ExpiresAt)
		_, err = tx.ExecContext(ctx, "UPDATE tokens SET expires_at = min(expires_at, ?), renew_until = min(renew_until, ?) WHERE renew_until > ? AND id IN ("+belowQuery+")",
			end, end, end, l.FamilyID)
		if err != nil {
			return err
		}
		for _, child := range e.RevokeBelow {
			c, err := tokenByID(ctx, tx, child)
			if err != nil {
				return err
			}
			if err := revokeFamily(ctx, tx, c.FamilyID, child, fmt.Sprintf("token %d, which it comes from, was narrowed below it", id), by, at); err != nil {
				return err
			}
		}
		return nil
	})
}

// Descendants implements store.Lineage.
func (db *DB) Descendants(ctx context.Context, id int64) ([]store.Listed, error) {
	l, err := db.Token(ctx, id)
	if err != nil {
		return nil, err
	}
	rows, err := db.read.QueryContext(ctx, listedQuery+" WHERE t.id IN ("+belowQuery+") ORDER BY t.id", l.FamilyID)
	if err != nil {
		return nil, fmt.Errorf("listing what comes from token %d: %w", id, explain(err))
	}
	list, err := scanListed(rows)
	if err != nil {
		return nil, fmt.Errorf("listing what comes from token %d: %w", id, explain(err))
	}
	return list, nil
}

// RevokeUnused implements store.Lineage.
func (db *DB) RevokeUnused(ctx context.Context, before time.Time, reason, by string, at time.Time) (ids []int64, err error) {
	err = db.change(ctx, "revoking unused tokens", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT t.id FROM tokens t LEFT JOIN token_uses u ON u.token_id = t.id WHERE t.revoked_at = 0 AND t.paused_at = 0
			AND t.expires_at > ? AND t.rotated_to = 0 AND max(t.touched_at, coalesce(u.last_used_at, 0)) < ? ORDER BY t.id`, millis(at), millis(before))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		for _, id := range ids {
			l, err := tokenByID(ctx, tx, id)
			if err != nil {
				return err
			}
			if err := revokeFamily(ctx, tx, l.FamilyID, id, reason, by, at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// RevokeOwned implements store.Lineage.
func (db *DB) RevokeOwned(ctx context.Context, ownerID int64, reason, by string, at time.Time) (revoked int, err error) {
	err = db.change(ctx, "revoking the tokens of an owner", func(tx *sql.Tx) error {
		revoked, err = counting(ctx, tx, func() error { return revoke(ctx, tx, "owner_id = ?", []any{ownerID}, reason, by, at) })
		return err
	})
	return revoked, err
}
