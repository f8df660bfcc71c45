package tables

import (
	"context"
	"time"

	"patgate/store"
)

// BeginForm implements store.SignIns.
func (db *Tables) BeginForm(ctx context.Context, id store.SignInID, form store.FormID, at time.Time) (tokenID int64, before bool,
	err error) {
	err = db.d.Sign(ctx, "storing that a form is sent", func(tx Conn) error {
		if err := signedIn(ctx, tx, id); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `INSERT INTO sign_in_forms (sign_in, form, sent_at) VALUES (?, ?, ?)
			ON CONFLICT (sign_in, form) DO NOTHING`, id[:], form[:], millis(at))
		if err != nil {
			return err
		}
		if before = n == 0; before {
			const came = "SELECT token_id FROM sign_in_forms WHERE sign_in = ? AND form = ?"
			return tx.QueryRow(ctx, came, id[:], form[:]).Scan(&tokenID)
		}
		tokenID = 0
		_, err = tx.Exec(ctx, `DELETE FROM sign_in_forms WHERE sign_in = ?1 AND form <> ?2 AND form IN
			(SELECT form FROM sign_in_forms WHERE sign_in = ?1 AND form <> ?2 ORDER BY sent_at DESC, form LIMIT ?3 OFFSET ?4)`, id[:],
			form[:], most, store.FormsKept-1)
		return err
	})
	if err != nil {
		return 0, false, err
	}
	return tokenID, before, nil
}

// FinishForm implements store.SignIns.
func (db *Tables) FinishForm(ctx context.Context, id store.SignInID, form store.FormID, tokenID int64) error {
	return db.d.Sign(ctx, "storing what came of a form", func(tx Conn) error {
		_, err := tx.Exec(ctx, "UPDATE sign_in_forms SET token_id = ? WHERE sign_in = ? AND form = ?", tokenID, id[:], form[:])
		return err
	})
}

// DropForm implements store.SignIns.
func (db *Tables) DropForm(ctx context.Context, id store.SignInID, form store.FormID) error {
	return db.d.Sign(ctx, "letting a form be sent again", func(tx Conn) error {
		_, err := tx.Exec(ctx, "DELETE FROM sign_in_forms WHERE sign_in = ? AND form = ?", id[:], form[:])
		return err
	})
}
