// Package signins keeps, in the tables of a relational database, which users are signed in to the console, which forms were
// sent, and which tokens these made.
package signins

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"patgate/store"
	"patgate/store/tables"
)

// SignIns implements store.SignIns.
type SignIns struct{ db *tables.Tables }

// Of keeps sign-ins beside the tables of a store.
func Of(db *tables.Tables) SignIns { return SignIns{db} }

func (all SignIns) database() *tables.Database { return all.db.Database() }

func millis(t time.Time) int64 { return t.UnixMilli() }

func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// most is a LIMIT without effect.
const most int64 = math.MaxInt64

// BeginForm implements store.SignIns.
func (all SignIns) BeginForm(ctx context.Context, id store.SignInID, form store.FormID, at time.Time) (tokenID int64, before bool,
	err error) {
	err = all.database().Sign(ctx, "storing that a form is sent", func(tx tables.Conn) error {
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
			(SELECT form FROM sign_in_forms WHERE sign_in = ?1 AND form <> ?2
				ORDER BY sent_at DESC, form LIMIT ?3 OFFSET ?4)`, id[:], form[:], most, store.FormsKept-1)
		return err
	})
	if err != nil {
		return 0, false, err
	}
	return tokenID, before, nil
}

// FinishForm implements store.SignIns.
func (all SignIns) FinishForm(ctx context.Context, id store.SignInID, form store.FormID, tokenID int64) error {
	return all.database().Sign(ctx, "storing the outcome of a form", func(tx tables.Conn) error {
		_, err := tx.Exec(ctx, "UPDATE sign_in_forms SET token_id = ? WHERE sign_in = ? AND form = ?", tokenID, id[:], form[:])
		return err
	})
}

// DropForm implements store.SignIns.
func (all SignIns) DropForm(ctx context.Context, id store.SignInID, form store.FormID) error {
	return all.database().Sign(ctx, "letting a form be sent again", func(tx tables.Conn) error {
		_, err := tx.Exec(ctx, "DELETE FROM sign_in_forms WHERE sign_in = ? AND form = ?", id[:], form[:])
		return err
	})
}

// signInsAtOnce bounds how many sign-ins that are over are dropped in one transaction.
const signInsAtOnce = 100

// AddSignIn implements store.SignIns.
func (all SignIns) AddSignIn(ctx context.Context, s store.SignIn, b store.SignInBounds) error {
	return all.database().Sign(ctx, "storing a sign-in", func(tx tables.Conn) error {
		if err := tables.UsableKey(ctx, tx, s.KeyID); err != nil {
			return err
		}
		if _, err := dropSignIns(ctx, tx, s.MadeAt, b.Idle); err != nil {
			return err
		}
		const ofUser = "SELECT id FROM sign_ins WHERE user_id = ? ORDER BY made_at DESC, id LIMIT ? OFFSET ?"
		if err := dropThose(ctx, tx, ofUser, s.UserID, most, max(0, b.MostOfUser-1)); err != nil {
			return err
		}
		const all = "SELECT id FROM sign_ins ORDER BY made_at DESC, id LIMIT ? OFFSET ?"
		if err := dropThose(ctx, tx, all, most, max(0, b.Most-1)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `INSERT INTO sign_ins (id, user_id, key_id, sealed, made_at, used_at, ends_at)
			VALUES (?, ?, ?, ?, ?, ?, ?)`,
			s.ID[:], s.UserID, s.KeyID, s.Sealed, millis(s.MadeAt), millis(s.UsedAt), millis(s.EndsAt))
		if errors.Is(err, tables.ErrConstraint) {
			err = fmt.Errorf("%w: %w", store.ErrConflict, err)
		}
		return err
	})
}

// dropThose drops the sign-ins whose ids a query gives.
func dropThose(ctx context.Context, tx tables.Conn, query string, args ...any) error {
	_, err := tx.Exec(ctx, "DELETE FROM sign_ins WHERE id IN ("+query+")", args...)
	return err
}

// dropSignIns drops some of those that are over.
func dropSignIns(ctx context.Context, tx tables.Conn, at time.Time, idle time.Duration) (int64, error) {
	return tx.Exec(ctx, "DELETE FROM sign_ins WHERE id IN (SELECT id FROM sign_ins WHERE ends_at <= ? OR used_at <= ? LIMIT ?)",
		millis(at), millis(at.Add(-idle)), signInsAtOnce)
}

// SignIn implements store.SignIns.
func (all SignIns) SignIn(ctx context.Context, id store.SignInID) (store.SignIn, error) {
	s := store.SignIn{ID: id}
	var made, used, ends int64
	const asked = "SELECT user_id, key_id, sealed, made_at, used_at, ends_at FROM sign_ins WHERE id = ?"
	err := all.database().Read.QueryRow(ctx, asked, id[:]).
		Scan(&s.UserID, &s.KeyID, &s.Sealed, &made, &used, &ends)
	switch {
	case errors.Is(err, tables.ErrNone):
		return store.SignIn{}, store.ErrUnknownSignIn
	case err != nil:
		return store.SignIn{}, fmt.Errorf("reading a sign-in: %w", err)
	}
	s.MadeAt, s.UsedAt, s.EndsAt = instant(made), instant(used), instant(ends)
	return s, nil
}

// TouchSignIn implements store.SignIns.
func (all SignIns) TouchSignIn(ctx context.Context, s store.SignIn) error {
	return all.database().Sign(ctx, "storing the use of a sign-in", func(tx tables.Conn) error {
		if err := tables.UsableKey(ctx, tx, s.KeyID); err != nil {
			return err
		}
		if err := signedIn(ctx, tx, s.ID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "UPDATE sign_ins SET key_id = ?, sealed = ?, used_at = ? WHERE id = ? AND used_at < ?", s.KeyID,
			s.Sealed, millis(s.UsedAt), s.ID[:], millis(s.UsedAt))
		return err
	})
}

// signedIn tells, by ErrUnknownSignIn, that a sign-in is not there any more.
func signedIn(ctx context.Context, tx tables.Conn, id store.SignInID) error {
	var there bool
	err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM sign_ins WHERE id = ?)", id[:]).Scan(&there)
	if err == nil && !there {
		err = store.ErrUnknownSignIn
	}
	return err
}

// EndSignIn implements store.SignIns.
func (all SignIns) EndSignIn(ctx context.Context, id store.SignInID) error {
	err := all.database().SignOut(ctx, "ending a sign-in", func(tx tables.Conn) error {
		_, err := tx.Exec(ctx, "DELETE FROM sign_ins WHERE id = ?", id[:])
		return err
	})
	if err == nil {
		all.database().Scrub(ctx)
	}
	return err
}

// ForgetSignIns implements store.SignIns.
func (all SignIns) ForgetSignIns(ctx context.Context, at time.Time, idle time.Duration) (dropped int, err error) {
	var over bool
	err = all.database().Read.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM sign_ins WHERE ends_at <= ? OR used_at "+
		"<= ?)", millis(at),
		millis(at.Add(-idle))).Scan(&over)
	switch {
	case err != nil:
		return 0, fmt.Errorf("looking for sign-ins that are over: %w", err)
	case !over:
		return 0, nil // no write for what every look finds
	}
	err = all.database().Sign(ctx, "dropping sign-ins that are over", func(tx tables.Conn) error {
		n, err := dropSignIns(ctx, tx, at, idle)
		dropped = int(n)
		return err
	})
	if err != nil {
		return 0, err
	}
	all.database().Scrub(ctx)
	return dropped, nil
}
