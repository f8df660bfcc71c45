package store

import (
	"context"
	"time"
)

// Owner is a forge user that tokens act for, named by the forge's origin and the user's numeric id there.
type Owner struct {
	ID        int64 // in the store
	Origin    string
	UserID    int64
	Username  string // as the forge wrote it last
	Admin     bool   // administrator of the forge, as far as the forge told
	CreatedAt time.Time
	RemovedAt time.Time // zero while the owner is not removed
}

// Owners is the part of Store that keeps owners.
type Owners interface {
	// PutOwner stores an owner, or refreshes username and administrator flag of the one with the same origin and user id.
	// A removed owner comes back without credentials and tokens.
	PutOwner(ctx context.Context, o Owner) (Owner, error)
	// Owner reads one owner, removed ones included; ErrUnknownOwner when there is none.
	Owner(ctx context.Context, id int64) (Owner, error)
	// Owners lists the owners that are not removed, by origin and username.
	Owners(ctx context.Context) ([]Owner, error)
	// RemoveOwner revokes all tokens of an owner and erases the owner's sealed credentials. It gives the number of tokens that it
	// revoked. What the owner saw of places is forgotten then, or, if that cannot be stored now, by Names.ForgetPlaces.
	RemoveOwner(ctx context.Context, id int64, c Cause) (revoked int, err error)
	// MoveOrigin gives all owners and subjects of the origin from the origin to, because the same forge has a new address, and
	// seals the owners' credentials anew by reseal, in one transaction.
	MoveOrigin(ctx context.Context, from, to string, reseal ResealFunc) (moved int, err error)
}
