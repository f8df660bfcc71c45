package store

import (
	"context"
	"time"

	"patgate/policy"
	"patgate/token"
)

// Lineage is the part of Tokens in which tokens follow from one another: a child is made on another token's word, a
// rotation takes a token's place. No child outlives the token that it comes from: revoking that one revokes it.
type Lineage interface {
	// CreateChild stores a token that the token r.ParentID authorised as it was at parentRevision. The parent must be valid
	// at r.CreatedAt (else ErrRevoked, ErrExpired, ErrPaused) and unchanged since, and the child must not outlive it (else
	// ErrConflict).
	CreateChild(ctx context.Context, r token.Record, parentRevision int64) (token.Record, error)
	// RotateToken stores r in the place of the token id, which must be valid and not rotated yet (ErrRotated) and at that
	// revision (ErrConflict). The old one ends at graceUntil, or at once when that is zero. r joins the old one's family
	// and keeps its owner, credential and parent.
	RotateToken(ctx context.Context, id, revision int64, r token.Record, graceUntil time.Time, by string) (token.Record, error)
	// RevokeFamily revokes a token, all that it was rotated from and to, and what was made below any of them. It tells how
	// many tokens were revoked by it.
	RevokeFamily(ctx context.Context, id int64, reason, by string, at time.Time) (revoked int, err error)
	// EditToken changes what a token is called and may do, if it is still as e says it was (ErrConflict), and not revoked.
	// The lives of tokens made below it are cut to its own.
	EditToken(ctx context.Context, id int64, e Edit, by string, at time.Time) (Listed, error)
	// Descendants lists the tokens that were made below a token or its family, whatever their state.
	Descendants(ctx context.Context, id int64) ([]Listed, error)
	// RevokeUnused revokes every token that is valid at the time and was neither used nor made, resumed or edited after
	// before; it tells which, those below them excepted.
	RevokeUnused(ctx context.Context, before time.Time, reason, by string, at time.Time) ([]int64, error)
	// RevokeOwned revokes all tokens of an owner, and tells how many that were.
	RevokeOwned(ctx context.Context, ownerID int64, reason, by string, at time.Time) (revoked int, err error)
}

// Edit is what a token is to be, whole, and what it was when that was decided.
type Edit struct {
	Revision, Children    int64 // as they were read
	Name, Description     string
	Scopes                []policy.ScopeSpec
	TableVersion          int
	ExpiresAt, RenewUntil time.Time
	// RevokeBelow are tokens made below this one that would hold more than it: they are revoked in the same transaction.
	RevokeBelow []int64
}
