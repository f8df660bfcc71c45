package store

import (
	"context"
	"fmt"
	"time"

	"patgate/policy"
	"patgate/token"
	"patgate/token/limits"
)

// Lineage is the part of Tokens in which tokens follow from one another: a child is made by another token, and a rotation puts
// a token in another's place. No child outlives its parent, and revoking the parent revokes the child.
type Lineage interface {
	// CreateChild stores a token that the token r.ParentID authorised as it was at parentRevision. The parent must be valid
	// at r.CreatedAt (else ErrRevoked, ErrExpired, ErrPaused) and unchanged since, and the child must not outlive it (else
	// ErrConflict). It is as old as its parent, see token.Record.Birth.
	CreateChild(ctx context.Context, r token.Record, parentRevision int64) (token.Record, error)
	// RotateToken stores r in the place of the token id, which must be valid and not rotated yet (ErrRotated) and at that
	// revision (ErrConflict). The old one ends at graceUntil, or at once when that is zero. r joins the old one's family
	// and keeps its owner, credential and parent, and is in report mode for no longer.
	RotateToken(ctx context.Context, id, revision int64, r token.Record, graceUntil time.Time, by string) (token.Record, error)
	// RevokeFamily revokes a token, all that it was rotated from and to, and all that were made below any of them. It gives the
	// number of tokens that it revoked.
	RevokeFamily(ctx context.Context, id int64, c Cause) (revoked int, err error)
	// EditToken changes what a token is called and may do, if it is still as e says it was (ErrConflict), and not revoked.
	// The lives of tokens made below it are cut to its own.
	EditToken(ctx context.Context, id int64, e Edit, c Cause) (Listed, error)
	// Descendants lists the tokens that were made below a token or its family, whatever their state.
	Descendants(ctx context.Context, id int64) ([]Listed, error)
	// RevokeUnused revokes every token that is valid at c.At and was neither used nor made, resumed or edited after before. It
	// gives their ids, without those of the tokens below them.
	RevokeUnused(ctx context.Context, before time.Time, c Cause) ([]int64, error)
	// RevokeOwned revokes all tokens of an owner, and tells how many that were.
	RevokeOwned(ctx context.Context, ownerID int64, c Cause) (revoked int, err error)
}

// Edit is what a token shall become, whole, and what it was when that was decided.
type Edit struct {
	Revision, Children    int64 // as they were read
	Name, Description     string
	Scopes                []policy.ScopeSpec
	TableVersion          int
	ExpiresAt, RenewUntil time.Time
	// ReportUntil is the end of report mode, which begins now when it has not begun before; zero: the grant is enforced.
	ReportUntil time.Time
	// Limits, when they are not nil, take the place of those of its family.
	Limits *limits.Spec
	// Managed is the file that the token is kept by from now on.
	Managed *token.Managed
	// Widened: the token may do more than before. Narrowed: it may do less, or for less long, and in nothing more.
	Widened, Narrowed bool
	// Before, when it is not nil, is kept so that the edit can be undone.
	Before *Narrowing
	// Forget drops what was kept of an earlier edit: what the token may do has changed in another way since.
	Forget bool
	// RevokeBelow are tokens made below this one that would hold more than it: they are revoked in the same transaction.
	RevokeBelow []int64
}

// passes gives an error when a token cannot pass on its rights to a child or a successor: it must be usable, unchanged since
// that was decided, and not be in the grace of a rotation.
func passes(r *token.Record, revision int64, at time.Time) error {
	if r.RotatedTo != 0 {
		return ErrRotated
	}
	if err := Usable(r, at); err != nil {
		return err
	}
	if r.Revision != revision {
		return fmt.Errorf("%w: it was changed meanwhile", ErrConflict)
	}
	return nil
}

// CreateChild implements Lineage.
func (r Rules) CreateChild(ctx context.Context, child token.Record, parentRevision int64) (out token.Record, err error) {
	err = r.Transact(ctx, "storing token", func(tx Tx) error {
		parent, err := tx.Token(ctx, child.ParentID)
		if err == nil {
			err = passes(&parent.Record, parentRevision, child.CreatedAt)
		}
		switch {
		case err != nil:
			return fmt.Errorf("token %d: %w", child.ParentID, err)
		case child.OwnerID != parent.OwnerID || child.CredentialID != parent.CredentialID:
			return fmt.Errorf("%w: a token passes on its own owner and credential only", ErrConflict)
		case child.OwnersWord:
			return fmt.Errorf("%w: a token that another one makes is not made on its owner's word", ErrConflict)
		case child.ExpiresAt.After(parent.ExpiresAt) || child.RenewUntil.After(parent.ExpiresAt):
			return fmt.Errorf("%w: it would outlive token %d", ErrConflict, child.ParentID)
		}
		if err := tx.CountChild(ctx, child.ParentID); err != nil {
			return err
		}
		child.BornAt = child.Elder(&parent.Record)
		out, err = insert(ctx, tx, child)
		return err
	})
	return out, err
}

// RotateToken implements Lineage.
func (r Rules) RotateToken(ctx context.Context, id, revision int64, fresh token.Record, graceUntil time.Time, by string) (
	out token.Record, err error) {
	_, err = transaction(r.Transact).change(ctx, "rotating token", id, func(tx Tx, old *Listed) (err error) {
		if err := passes(&old.Record, revision, fresh.CreatedAt); err != nil {
			return err
		}
		fresh.OwnerID = old.OwnerID
		fresh.CredentialID = old.CredentialID
		fresh.ParentID = old.ParentID
		fresh.FamilyID = old.FamilyID
		fresh.OwnersWord = old.OwnersWord
		fresh.ReportFrom = old.ReportFrom
		if fresh.ReportUntil.After(old.ReportUntil) {
			fresh.ReportUntil = old.ReportUntil
		}
		if out, err = insert(ctx, tx, fresh); err != nil {
			return err
		}
		if err := follow(ctx, tx, old, out.ID, by); err != nil {
			return err
		}
		old.RotatedTo = out.ID
		old.Revision++
		switch {
		case !graceUntil.After(fresh.CreatedAt):
			old.revoke(Cause{"rotated", by, fresh.CreatedAt})
		case graceUntil.Before(old.ExpiresAt):
			old.ExpiresAt = graceUntil
		}
		return tx.Save(ctx, old, by)
	})
	return out, err
}

// follow gives a token that replaces another what is stored about the old one beside its record.
func follow(ctx context.Context, tx Tx, old *Listed, id int64, by string) error {
	if !old.WidenedAt.IsZero() {
		fresh, err := tx.Token(ctx, id)
		if err != nil {
			return err
		}
		fresh.WidenedAt = old.WidenedAt
		if err := tx.Save(ctx, &fresh, by); err != nil {
			return err
		}
	}
	return tx.MoveNarrowing(ctx, old.ID, id)
}

// RevokeFamily implements Lineage.
func (r Rules) RevokeFamily(ctx context.Context, id int64, c Cause) (revoked int, err error) {
	_, err = transaction(r.Withdraw).change(ctx, "revoking the family of token", id, func(tx Tx, l *Listed) (err error) {
		revoked, err = revokeFamily(ctx, tx, l, c)
		return err
	})
	return revoked, err
}

// revokeFamily revokes what is left of a token's family, and everything below it.
func revokeFamily(ctx context.Context, tx Tx, l *Listed, c Cause) (int, error) {
	members, err := tx.Revoke(ctx, Kin{Family: l.FamilyID}, c)
	if err != nil {
		return 0, err
	}
	c.Reason = fmt.Sprintf("token %d, which it comes from, was revoked: %s", l.ID, c.Reason)
	below, err := tx.Revoke(ctx, Kin{Below: l.FamilyID}, c)
	return members + below, err
}

// EndedLongAgo is how long after its end a token may be given a later one. By then it may be forgotten which trust it was of.
const EndedLongAgo = 30 * 24 * time.Hour

// EditToken implements Lineage.
func (r Rules) EditToken(ctx context.Context, id int64, e Edit, c Cause) (Listed, error) {
	in := transaction(r.Transact)
	if e.Narrowed && !e.Widened {
		in = r.Withdraw
	}
	return in.change(ctx, "editing token", id, func(tx Tx, l *Listed) error {
		switch {
		case !l.RevokedAt.IsZero():
			return ErrRevoked
		case l.Revision != e.Revision || l.Children != e.Children:
			return fmt.Errorf("%w: it was changed meanwhile", ErrConflict)
		case e.ExpiresAt.After(l.ExpiresAt) && c.At.Sub(l.ExpiresAt) > EndedLongAgo:
			return fmt.Errorf("%w: the token ended long ago, and its end cannot be put off any more: make a new one", ErrConflict)
		}
		l.Name, l.Description, l.Scopes, l.TableVersion = e.Name, e.Description, e.Scopes, e.TableVersion
		l.ExpiresAt, l.RenewUntil, l.Managed = e.ExpiresAt, e.RenewUntil, e.Managed
		if l.ReportUntil = e.ReportUntil; l.ReportFrom.IsZero() && !e.ReportUntil.IsZero() {
			l.ReportFrom = c.At
		}
		if err := reports(&l.Record); err != nil {
			return err
		}
		l.Revision++
		l.touch(c.At)
		if e.Widened {
			l.WidenedAt = c.At
		}
		if err := tx.Save(ctx, l, c.By); err != nil {
			return err
		}
		if e.Before != nil || e.Forget {
			if err := tx.SetNarrowing(ctx, id, e.Before); err != nil {
				return err
			}
		}
		if e.Limits != nil {
			if err := tx.SetLimits(ctx, l.FamilyID, e.Limits); err != nil {
				return err
			}
		}
		if err := tx.CutBelow(ctx, l.FamilyID, e.ExpiresAt); err != nil {
			return err
		}
		for _, child := range e.RevokeBelow {
			below, err := tx.Token(ctx, child)
			if err != nil {
				return err
			}
			because := c
			because.Reason = fmt.Sprintf("token %d, which it comes from, was narrowed below it", id)
			if _, err := revokeFamily(ctx, tx, &below, because); err != nil {
				return err
			}
		}
		return nil
	})
}

// RevokeUnused implements Lineage.
func (r Rules) RevokeUnused(ctx context.Context, before time.Time, c Cause) (ids []int64, err error) {
	err = r.Withdraw(ctx, "revoking unused tokens", func(tx Tx) error {
		ids = nil
		idle, err := tx.Idle(ctx, before, c.At)
		for i := range idle {
			l := &idle[i]
			if passes(&l.Record, l.Revision, c.At) != nil {
				continue
			}
			if _, err := revokeFamily(ctx, tx, l, c); err != nil {
				return err
			}
			ids = append(ids, l.ID)
		}
		return err
	})
	return ids, err
}

// RevokeOwned implements Lineage.
func (r Rules) RevokeOwned(ctx context.Context, ownerID int64, c Cause) (revoked int, err error) {
	err = r.Withdraw(ctx, "revoking the tokens of an owner", func(tx Tx) (err error) {
		revoked, err = tx.Revoke(ctx, Kin{Owner: ownerID}, c)
		return err
	})
	return revoked, err
}
