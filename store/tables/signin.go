package tables

import (
	"context"
	"errors"
	"fmt"
	"time"

	"patgate/store"
)

// signInsAtOnce bounds how many sign-ins that are over are dropped in one transaction.
const signInsAtOnce = 100

// AddSignIn implements store.SignIns.
func (db *Tables) AddSignIn(ctx context.Context, s store.SignIn, b store.SignInBounds) error {
	return db.d.Sign(ctx, "storing a sign-in", func(tx Conn) error {
		if err := usableKey(ctx, tx, s.KeyID); err != nil {
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
			VALUES (?, ?, ?, ?, ?, ?, ?)`, s.ID[:], s.UserID, s.KeyID, s.Sealed, millis(s.MadeAt), millis(s.UsedAt), millis(s.EndsAt))
		if errors.Is(err, ErrConstraint) {
			err = fmt.Errorf("%w: %w", store.ErrConflict, err)
		}
		return err
	})
}

// dropThose drops the sign-ins whose ids a query gives.
func dropThose(ctx context.Context, tx Conn, query string, args ...any) error {
	_, err := tx.Exec(ctx, "DELETE FROM sign_ins WHERE id IN ("+query+")", args...)
	return err
}

// dropSignIns drops some of those that are over.
func dropSignIns(ctx context.Context, tx Conn, at time.Time, idle time.Duration) (int64, error) {
	return tx.Exec(ctx, "DELETE FROM sign_ins WHERE id IN (SELECT id FROM sign_ins WHERE ends_at <= ? OR used_at <= ? LIMIT ?)",
		millis(at), millis(at.Add(-idle)), signInsAtOnce)
}

// signOutOwner drops the sign-ins of a stored owner's forge user.
func (db *Tables) signOutOwner(ctx context.Context, tx Conn, ownerID int64) error {
	if err := db.d.Alone(ctx, tx); err != nil {
		return err
	}
	return dropThose(ctx, tx, "SELECT s.id FROM sign_ins s JOIN owners o ON o.user_id = s.user_id WHERE o.id = ?", ownerID)
}

// SignIn implements store.SignIns.
func (db *Tables) SignIn(ctx context.Context, id store.SignInID) (store.SignIn, error) {
	s := store.SignIn{ID: id}
	var made, used, ends int64
	err := db.d.Read.QueryRow(ctx, "SELECT user_id, key_id, sealed, made_at, used_at, ends_at FROM sign_ins WHERE id = ?", id[:]).
		Scan(&s.UserID, &s.KeyID, &s.Sealed, &made, &used, &ends)
	switch {
	case errors.Is(err, ErrNone):
		return store.SignIn{}, store.ErrUnknownSignIn
	case err != nil:
		return store.SignIn{}, fmt.Errorf("reading a sign-in: %w", err)
	}
	s.MadeAt, s.UsedAt, s.EndsAt = instant(made), instant(used), instant(ends)
	return s, nil
}

// TouchSignIn implements store.SignIns.
func (db *Tables) TouchSignIn(ctx context.Context, s store.SignIn) error {
	return db.d.Sign(ctx, "storing the use of a sign-in", func(tx Conn) error {
		if err := usableKey(ctx, tx, s.KeyID); err != nil {
			return err
		}
		if err := SignedIn(ctx, tx, s.ID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "UPDATE sign_ins SET key_id = ?, sealed = ?, used_at = ? WHERE id = ? AND used_at < ?", s.KeyID,
			s.Sealed, millis(s.UsedAt), s.ID[:], millis(s.UsedAt))
		return err
	})
}

// SignedIn tells, by ErrUnknownSignIn, that a sign-in is not there any more.
func SignedIn(ctx context.Context, tx Conn, id store.SignInID) error {
	var there bool
	err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM sign_ins WHERE id = ?)", id[:]).Scan(&there)
	if err == nil && !there {
		err = store.ErrUnknownSignIn
	}
	return err
}

// EndSignIn implements store.SignIns.
func (db *Tables) EndSignIn(ctx context.Context, id store.SignInID) error {
	err := db.d.SignOut(ctx, "ending a sign-in", func(tx Conn) error {
		_, err := tx.Exec(ctx, "DELETE FROM sign_ins WHERE id = ?", id[:])
		return err
	})
	if err == nil {
		db.d.Scrub(ctx)
	}
	return err
}

// ForgetSignIns implements store.SignIns.
func (db *Tables) ForgetSignIns(ctx context.Context, at time.Time, idle time.Duration) (dropped int, err error) {
	var over bool
	err = db.d.Read.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM sign_ins WHERE ends_at <= ? OR used_at <= ?)", millis(at),
		millis(at.Add(-idle))).Scan(&over)
	switch {
	case err != nil:
		return 0, fmt.Errorf("looking for sign-ins that are over: %w", err)
	case !over:
		return 0, nil // no write for what every look finds
	}
	err = db.d.Sign(ctx, "dropping sign-ins that are over", func(tx Conn) error {
		n, err := dropSignIns(ctx, tx, at, idle)
		dropped = int(n)
		return err
	})
	if err != nil {
		return 0, err
	}
	db.d.Scrub(ctx)
	return dropped, nil
}
