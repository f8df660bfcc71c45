// Package forms keeps, in the tables of a relational database, which forms of the console were sent, and what came of them.
package forms

import (
	"context"
	"math"
	"time"

	"patgate/store"
	"patgate/store/tables"
)

// Forms is the part of store.SignIns about forms.
type Forms struct{ db *tables.Tables }

// Of keeps forms beside the tables of a store.
func Of(db *tables.Tables) Forms { return Forms{db} }

// BeginForm implements store.SignIns.
func (f Forms) BeginForm(ctx context.Context, id store.SignInID, form store.FormID, at time.Time) (tokenID int64, before bool,
	err error) {
	err = f.db.Database().Sign(ctx, "storing that a form is sent", func(tx tables.Conn) error {
		if err := tables.SignedIn(ctx, tx, id); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `INSERT INTO sign_in_forms (sign_in, form, sent_at) VALUES (?, ?, ?)
			ON CONFLICT (sign_in, form) DO NOTHING`, id[:], form[:], at.UnixMilli())
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
			form[:], int64(math.MaxInt64), store.FormsKept-1)
		return err
	})
	if err != nil {
		return 0, false, err
	}
	return tokenID, before, nil
}

// FinishForm implements store.SignIns.
func (f Forms) FinishForm(ctx context.Context, id store.SignInID, form store.FormID, tokenID int64) error {
	return f.db.Database().Sign(ctx, "storing what came of a form", func(tx tables.Conn) error {
		_, err := tx.Exec(ctx, "UPDATE sign_in_forms SET token_id = ? WHERE sign_in = ? AND form = ?", tokenID, id[:], form[:])
		return err
	})
}

// DropForm implements store.SignIns.
func (f Forms) DropForm(ctx context.Context, id store.SignInID, form store.FormID) error {
	return f.db.Database().Sign(ctx, "letting a form be sent again", func(tx tables.Conn) error {
		_, err := tx.Exec(ctx, "DELETE FROM sign_in_forms WHERE sign_in = ? AND form = ?", id[:], form[:])
		return err
	})
}
