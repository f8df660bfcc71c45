package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"patgate/policy"
	"patgate/token"
)

var (
	// ErrUnknownTrust: no trust of that name is allowed, or no longer.
	ErrUnknownTrust = errors.New("the trust is not allowed")
	// ErrUsed: the ID token was traded before.
	ErrUsed = errors.New("used already")
)

// Trust is what an owner has allowed the policy of a name to do.
type Trust struct {
	Name string
	// OwnerID and CredentialID are the store's ids of the owner and of the sealed credential that acts.
	OwnerID, CredentialID int64
	// Scopes and TableVersion are the most that its tokens may do.
	Scopes       []policy.ScopeSpec
	TableVersion int
	// Rules are who gets them, and for how long at most, as package trust writes that.
	Rules     string
	AllowedAt time.Time
	AllowedBy string
}

// TrustListed is a trust as lists show it.
type TrustListed struct {
	Trust
	Owner Owner
	// Active is how many of its tokens are alive, and Made how many were made, without those that ended long ago. Own is how many
	// of Active are its owner's: an earlier owner may still have some.
	Active, Made, Own int
}

// TrustToken is a token of a trust, with the claims by which it was given.
type TrustToken struct {
	ID     int64
	Claims string
}

// TrustUse is what goes with a token of a trust.
type TrustUse struct {
	Trust Trust // as it was read
	// ID is that of an ID token which may be traded once, until Ends; the zero value for one that may be again.
	ID   [sha256.Size]byte
	Ends time.Time
	// MostActive is how many tokens of the trust may be alive at once, with this one.
	MostActive int
	// Claims are those that matched, for people.
	Claims string
}

// Trusts is the part of a Store that keeps which trusts are allowed, and what was made by them.
type Trusts interface {
	// AllowTrust stores what an owner allows, replacing what was allowed under that name before. Owner and credential must
	// exist and belong together.
	AllowTrust(ctx context.Context, t Trust) error
	// Trust reads one; ErrUnknownTrust when there is none.
	Trust(ctx context.Context, name string) (Trust, error)
	// ListTrusts lists all, with how many of their tokens are alive at an instant.
	ListTrusts(ctx context.Context, now time.Time) ([]TrustListed, error)
	// ActiveOf tells how many tokens of a trust are alive at an instant.
	ActiveOf(ctx context.Context, name string, now time.Time) (int, error)
	// AliveOf gives the tokens of a trust that are alive at an instant, the newest first, and at most so many.
	AliveOf(ctx context.Context, name string, now time.Time, most int) ([]TrustToken, error)
	// CreateTrusted stores a new token of a trust, all or nothing: ErrUnknownTrust when what was allowed has changed, ErrUsed
	// when the ID token was traded before, ErrFull when the trust has as many live tokens as it may. Each call also forgets
	// some tokens that ended long ago.
	CreateTrusted(ctx context.Context, r token.Record, use TrustUse) (token.Record, error)
	// RevokeTrust ends what was allowed, and revokes all tokens of the trust with all that were made below them. ownerID is the
	// owner's id in the store, or 0 for everybody's tokens. It gives the ids of the tokens that it revoked.
	RevokeTrust(ctx context.Context, name string, ownerID int64, c Cause) (revoked []int64, err error)
}

// CreateTokenWithin stores a new token in a transaction in which before and after run too, and gives it as it is stored.
func (r Rules) CreateTokenWithin(ctx context.Context, fresh token.Record, before func(Tx) error,
	after func(Tx, int64) error) (out token.Record, err error) {
	err = r.Transact(ctx, "storing token", func(tx Tx) (err error) {
		if err = before(tx); err != nil {
			return err
		}
		if out, err = insert(ctx, tx, fresh); err != nil {
			return err
		}
		return after(tx, out.ID)
	})
	return out, err
}

// RevokeAll revokes the tokens whose ids find gives, each as RevokeToken does, in one transaction. It gives the ids of those that
// were not revoked before.
func (r Rules) RevokeAll(ctx context.Context, doing string, c Cause, find func(Tx) ([]int64, error)) (revoked []int64,
	err error) {
	err = r.Transact(ctx, doing, func(tx Tx) error {
		revoked = nil
		ids, err := find(tx)
		if err != nil {
			return err
		}
		for _, id := range ids {
			l, err := tx.Token(ctx, id)
			if err != nil {
				return err
			}
			if !l.RevokedAt.IsZero() {
				continue
			}
			if err := revokeWhole(ctx, tx, &l, c); err != nil {
				return err
			}
			revoked = append(revoked, id)
		}
		return nil
	})
	return revoked, err
}
