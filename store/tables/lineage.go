package tables

import (
	"context"
	"fmt"
	"time"

	"patgate/store"
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

// Revoke implements store.Tx.
func (tx tx) Revoke(ctx context.Context, of store.Kin, c store.Cause) (int, error) {
	condition, id := "family_id = ?", of.Family
	switch {
	case of.Below != 0:
		condition, id = "id IN ("+belowQuery+")", of.Below
	case of.Owner != 0:
		condition, id = "owner_id = ?", of.Owner
	}
	if of.Owner != 0 {
		if err := tx.db.signOutOwner(ctx, tx, of.Owner); err != nil {
			return 0, err
		}
	}
	n, err := tx.Exec(ctx, `UPDATE tokens SET revoked_at = ?, revoke_reason = ?, revoked_by = ?, changed_by = ?
		WHERE revoked_at = 0 AND `+condition, millis(c.At), c.Reason, c.By, c.By, id)
	return int(n), err
}

// CutBelow implements store.Tx.
func (tx tx) CutBelow(ctx context.Context, family int64, end time.Time) error {
	at := millis(end)
	_, err := tx.Exec(ctx, `UPDATE tokens SET expires_at = min(expires_at, ?), renew_until = min(renew_until, ?)
		WHERE renew_until > ? AND id IN (`+belowQuery+")", at, at, at, family)
	return err
}

// CountChild implements store.Tx.
func (tx tx) CountChild(ctx context.Context, parentID int64) error {
	_, err := tx.Exec(ctx, "UPDATE tokens SET children = children + 1 WHERE id IN ("+aboveQuery+")", parentID)
	return err
}

// Idle implements store.Tx.
func (tx tx) Idle(ctx context.Context, before, at time.Time) ([]store.Listed, error) {
	rows, err := tx.Query(ctx, listedQuery+` WHERE t.revoked_at = 0 AND t.expires_at > ?
		AND max(t.touched_at, coalesce(u.last_used_at, 0)) < ? ORDER BY t.id`, millis(at), millis(before))
	if err != nil {
		return nil, err
	}
	return scanListed(rows)
}

// Descendants implements store.Lineage.
func (db *Tables) Descendants(ctx context.Context, id int64) ([]store.Listed, error) {
	l, err := db.Token(ctx, id)
	if err != nil {
		return nil, err
	}
	rows, err := db.d.Read.Query(ctx, listedQuery+" WHERE t.id IN ("+belowQuery+") ORDER BY t.id", l.FamilyID)
	if err != nil {
		return nil, fmt.Errorf("listing what comes from token %d: %w", id, err)
	}
	list, err := scanListed(rows)
	if err != nil {
		return nil, fmt.Errorf("listing what comes from token %d: %w", id, err)
	}
	return list, nil
}
