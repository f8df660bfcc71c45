package token

import (
	"time"

	"patgate/policy"
	"patgate/token/limits"
)

// MostRights is how many permissions the scopes of a token may name in all: so many rows say in stores who holds what.
const MostRights = 20_000

// Record is what is stored of a token. It never holds the token itself.
type Record struct {
	ID   int64
	Hash Hash
	// Name and Description are the owner's words. LastFour are the token's last characters, to tell it by.
	Name, Description, LastFour string
	// OwnerID and CredentialID are the store's ids of the owner and of the sealed credential that the token is bound to.
	OwnerID, CredentialID int64
	// BornAt is where limits begin to count the age: the making of the first in a line of tokens that made or rotated one another
	// themselves. Zero is CreatedAt.
	BornAt time.Time
	// CreatedAt and ExpiresAt are always set. RevokedAt and PausedAt are zero unless the token is revoked or paused.
	CreatedAt, ExpiresAt, RevokedAt, PausedAt time.Time
	// RevokeReason says why, in words that are shown to the owner.
	RevokeReason string
	// Scopes are what the token may do, by names: a grant is compiled from them.
	Scopes []policy.ScopeSpec
	// Limits are the conditions under which it may be used, and all of its family with it.
	Limits limits.Spec
	// TableVersion is the version of the route table that the token was made or last confirmed under.
	TableVersion int
	// ParentID is the id of the token that made this one; 0 when a credential of the forge did.
	ParentID int64
	// FamilyID is the id of the first token of a row of rotations; the token's own when there was none.
	FamilyID int64
	// RenewUntil is the latest expiry that a rotation on a token's own word may give; never before ExpiresAt.
	RenewUntil time.Time
	// RotatedTo is the id of the token that replaced this one; 0: it was not rotated.
	RotatedTo int64
	// ReportFrom is when the token was first in report mode, and ReportUntil when that ends: see ReportEnd. Both are zero for a
	// token that never was; ReportUntil also for one whose report mode was ended.
	ReportFrom, ReportUntil time.Time
	// OwnersWord: the token was made on its owner's own word, with a forge credential that came with the request.
	OwnersWord bool
	// Managed says which file of policy as code the token is kept by; nil for one that was made by hand.
	Managed *Managed
	// Revision moves with every change of what the token may do, and with its rotation.
	Revision int64
}

// Birth gives what limits count the age of a token from.
func (r *Record) Birth() time.Time {
	if r.BornAt.IsZero() || r.BornAt.After(r.CreatedAt) {
		return r.CreatedAt
	}
	return r.BornAt
}

// Elder gives the earlier birth of two tokens.
func (r *Record) Elder(other *Record) time.Time {
	if r.Birth().Before(other.Birth()) {
		return r.Birth()
	}
	return other.Birth()
}

// Validity is whether a token can be used. The zero value is unknown, which cannot.
type Validity uint8

const (
	// Unknown: the record says too little, such as the zero Record.
	Unknown Validity = iota
	// Valid: the token can be used.
	Valid
	// Expired: its time is over; the instant of expiry itself is.
	Expired
	// Revoked: for good.
	Revoked
	// Paused: until somebody resumes it.
	Paused
)

var validityNames = [...]string{"unknown", "valid", "expired", "revoked", "paused"}

// String gives the state's constant name for logs and answers.
func (v Validity) String() string {
	if int(v) < len(validityNames) {
		return validityNames[v]
	}
	return "validity"
}

// Validity tells whether the token can be used at an instant. Revoked comes before expired, and expired before paused.
// Times of revoking and pausing count from the moment they are recorded, also when they lie ahead of the caller's clock.
// A record without an expiry is Unknown: every token has one.
func (r *Record) Validity(now time.Time) Validity {
	switch {
	case r == nil || r.ExpiresAt.IsZero():
		return Unknown
	case !r.RevokedAt.IsZero():
		return Revoked
	case !now.Before(r.ExpiresAt):
		return Expired
	case !r.PausedAt.IsZero():
		return Paused
	}
	return Valid
}
