package store

import (
	"context"
	"fmt"
	"time"

	"patgate/token"
	"patgate/token/limits"
)

// Cause says why something was done, who did it ("cli:alice", "user:42") and when, for the record and for the owner.
type Cause struct {
	Reason, By string
	At         time.Time
}

// Tx is what the rules ask of a database: one transaction, in which nobody else changes tokens.
type Tx interface {
	// Token, LiveOwner and Credential read one. The errors are ErrUnknownToken, ErrUnknownOwner, also for a removed owner, and
	// ErrUnknownCredential.
	Token(ctx context.Context, id int64) (Listed, error)
	LiveOwner(ctx context.Context, id int64) (Owner, error)
	Credential(ctx context.Context, id int64) (Credential, error)
	// Insert stores a new token and gives its id; without a family it begins one. A known hash is ErrConflict.
	Insert(ctx context.Context, r token.Record) (id int64, err error)
	// Save stores what can change in a token. by is for the record.
	Save(ctx context.Context, l *Listed, by string) error
	// Revoke revokes those that are not revoked yet, and tells how many that were.
	Revoke(ctx context.Context, of Kin, c Cause) (int, error)
	// CutBelow has the tokens below a family expire at end, if they do not before.
	CutBelow(ctx context.Context, family int64, end time.Time) error
	// CountChild counts a child for a token, its family and all above them.
	CountChild(ctx context.Context, parentID int64) error
	// SetNarrowing keeps what a token could do before it was narrowed; nil drops what is kept.
	SetNarrowing(ctx context.Context, id int64, n *Narrowing) error
	// SetLimits stores the limits of a family, none when they are empty.
	SetLimits(ctx context.Context, family int64, s *limits.Spec) error
	// MoveNarrowing moves the kept narrowing of a token to the token that takes its place.
	MoveNarrowing(ctx context.Context, from, to int64) error
	// Idle lists the tokens that were neither used nor touched after before. It may leave out tokens that are revoked, or expired
	// at the instant at.
	Idle(ctx context.Context, before, at time.Time) ([]Listed, error)
}

// Kin names several tokens: those of a family, those that were made below it, or those of an owner. The zero value names none.
type Kin struct{ Family, Below, Owner int64 }

// Rules are the rules for tokens that hold in every database: a Store embeds them and gives them its transactions.
type Rules struct {
	// Transact runs f in a transaction and commits it, unless f fails. doing names the step for errors. f may be run again when
	// the transaction was rolled back.
	Transact func(ctx context.Context, doing string, f func(Tx) error) error
	// Withdraw is Transact for what only takes rights away: it may use room that is kept for that.
	Withdraw func(ctx context.Context, doing string, f func(Tx) error) error
}

// transaction is Transact or Withdraw.
type transaction func(ctx context.Context, doing string, f func(Tx) error) error

// Usable tells, by an error, why a token cannot be used at an instant.
func Usable(r *token.Record, at time.Time) error {
	switch v := r.Validity(at); {
	case v == token.Valid:
		return nil
	case v == token.Paused:
		return ErrPaused
	case v == token.Unknown:
		return ErrUnknownToken
	case r.RotatedTo != 0:
		return ErrRotated
	case v == token.Expired:
		return ErrExpired
	}
	return ErrRevoked
}

// change changes one token that exists and gives it back as it is then.
func (in transaction) change(ctx context.Context, doing string, id int64, f func(Tx, *Listed) error) (out Listed, err error) {
	err = in(ctx, fmt.Sprintf("%s %d", doing, id), func(tx Tx) error {
		l, err := tx.Token(ctx, id)
		if err != nil {
			return err
		}
		if err := f(tx, &l); err != nil {
			return err
		}
		out, err = tx.Token(ctx, id)
		return err
	})
	return out, err
}

// CreateToken implements Tokens.
func (r Rules) CreateToken(ctx context.Context, fresh token.Record) (out token.Record, err error) {
	err = r.Transact(ctx, "storing token", func(tx Tx) (err error) {
		out, err = insert(ctx, tx, fresh)
		return err
	})
	return out, err
}

// insert stores a new token. Without a bound for rotations its expiry is that.
func insert(ctx context.Context, tx Tx, r token.Record) (token.Record, error) {
	if r.RenewUntil.Before(r.ExpiresAt) {
		r.RenewUntil = r.ExpiresAt
	}
	if err := reports(&r); err != nil {
		return token.Record{}, err
	}
	if _, err := tx.LiveOwner(ctx, r.OwnerID); err != nil {
		return token.Record{}, err
	}
	c, err := tx.Credential(ctx, r.CredentialID)
	if err != nil {
		return token.Record{}, err
	}
	if c.OwnerID != r.OwnerID || c.Status == CredentialRemoved {
		return token.Record{}, fmt.Errorf("%w: credential %d is removed or another owner's", ErrConflict, r.CredentialID)
	}
	id, err := tx.Insert(ctx, r)
	if err != nil {
		return token.Record{}, err
	}
	if r.FamilyID == 0 && !r.Limits.Empty() { // those of a rotation are its family's
		if err := tx.SetLimits(ctx, id, &r.Limits); err != nil {
			return token.Record{}, err
		}
	}
	l, err := tx.Token(ctx, id)
	return l.Record, err
}

// reports gives ErrConflict when a token must not be in report mode for as long as its record says.
func reports(r *token.Record) error {
	if !r.ReportUntil.IsZero() && !r.ReportUntil.Equal(r.ReportEnd()) {
		return fmt.Errorf("%w: report mode is for %s at most, and for tokens that their "+
			"owner made", ErrConflict, token.LongestReport)
	}
	return nil
}

// RevokeToken implements Tokens.
func (r Rules) RevokeToken(ctx context.Context, id int64, c Cause) (Listed, error) {
	return transaction(r.Withdraw).change(ctx, "revoking token", id, func(tx Tx, l *Listed) error {
		if !l.RevokedAt.IsZero() {
			return nil
		}
		return revokeWhole(ctx, tx, l, c)
	})
}

// revokeWhole revokes a token and, unless it was rotated already, the rest of its family, with all tokens below them.
func revokeWhole(ctx context.Context, tx Tx, l *Listed, c Cause) error {
	l.revoke(c)
	err := tx.Save(ctx, l, c.By)
	if err != nil || l.RotatedTo != 0 { // what follows from the family goes on with the token that took its place
		return err
	}
	_, err = revokeFamily(ctx, tx, l, c)
	return err
}

func (l *Listed) revoke(c Cause) { l.RevokedAt, l.RevokeReason, l.RevokedBy = c.At, c.Reason, c.By }

// PauseToken implements Tokens.
func (r Rules) PauseToken(ctx context.Context, id int64, c Cause) (Listed, error) {
	return transaction(r.Withdraw).change(ctx, "pausing token", id, func(tx Tx, l *Listed) error {
		if !l.RevokedAt.IsZero() {
			return ErrRevoked
		}
		l.PausedAt, l.PauseReason, l.PausedBy = c.At, c.Reason, c.By
		return tx.Save(ctx, l, c.By)
	})
}

// ResumeToken implements Tokens.
func (r Rules) ResumeToken(ctx context.Context, id int64, c Cause) (Listed, error) {
	return transaction(r.Transact).change(ctx, "resuming token", id, func(tx Tx, l *Listed) error {
		if !l.RevokedAt.IsZero() {
			return ErrRevoked
		}
		l.PausedAt, l.PauseReason, l.PausedBy = time.Time{}, "", ""
		l.touch(c.At)
		return tx.Save(ctx, l, c.By)
	})
}

// touch notes that somebody took care of a token, which counts as a use for idleness.
func (l *Listed) touch(at time.Time) {
	if at.After(l.TouchedAt) {
		l.TouchedAt = at
	}
}

// ConfirmToken implements Tokens.
func (r Rules) ConfirmToken(ctx context.Context, id int64, tableVersion int, by string) (Listed, error) {
	return transaction(r.Transact).change(ctx, "confirming token", id, func(tx Tx, l *Listed) error {
		switch {
		case !l.RevokedAt.IsZero():
			return ErrRevoked
		case tableVersion < l.TableVersion:
			return fmt.Errorf("%w: the token was confirmed under table version %d, "+
				"not %d", ErrConflict, l.TableVersion, tableVersion)
		}
		l.TableVersion = tableVersion
		l.Revision++
		return tx.Save(ctx, l, by)
	})
}
