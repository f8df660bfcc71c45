package token

import (
	"time"

	"patgate/policy"
)

// Validity is whether a token may be used. The zero value is invalid.
type Validity uint8

// The validities. Revoked outweighs expired, expired outweighs paused.
const (
	Invalid Validity = iota
	Valid
	Expired
	Revoked
	Paused
)

var validityNames = [...]string{"invalid", "active", "expired", "revoked", "paused"}

// String gives the state's name as lists show it.
func (v Validity) String() string {
	if int(v) < len(validityNames) {
		return validityNames[v]
	}
	return "invalid"
}

// Record is what is stored of a token; never its text. Zero times mean "not".
type Record struct {
	ID           int64
	Hash         Hash
	LastFour     string // last characters of the text, to tell tokens apart
	Name         string
	Description  string
	OwnerID      int64 // of the store's owner, not the forge's user id
	CredentialID int64 // the owner's credential that authorised it and that it is forwarded with
	ParentID     int64 // token that made it; 0 for none
	CreatedAt    time.Time
	ExpiresAt    time.Time // never zero for a token that may be used
	RevokedAt    time.Time
	RevokeReason string
	PausedAt     time.Time
	Scopes       []policy.ScopeSpec
	TableVersion int // of the route table it was made or last confirmed under
}

// Validity tells whether the token may be used at that time. The instant of expiry is too late. A record without an id,
// a hash or an expiry is invalid.
func (r *Record) Validity(now time.Time) Validity {
	switch {
	case r == nil || r.ID == 0 || r.Hash == (Hash{}) || r.ExpiresAt.IsZero():
		return Invalid
	case !r.RevokedAt.IsZero():
		return Revoked
	case !now.Before(r.ExpiresAt):
		return Expired
	case !r.PausedAt.IsZero():
		return Paused
	}
	return Valid
}
