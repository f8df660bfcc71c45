package tables

import "context"

// signOutOwner drops the sign-ins of a stored owner's forge user.
func (db *Tables) signOutOwner(ctx context.Context, tx Conn, ownerID int64) error {
	if err := db.d.Alone(ctx, tx); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM sign_ins WHERE id IN
		(SELECT s.id FROM sign_ins s JOIN owners o ON o.user_id = s.user_id WHERE o.id = ?)`, ownerID)
	return err
}
