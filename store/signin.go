package store

import (
	"context"
	"crypto/sha256"
	"time"
)

// SignInID names a sign-in: a hash of the cookie by which its browser shows it. The cookie itself is stored nowhere.
type SignInID [sha256.Size]byte

// FormID names a form that was sent: a hash of what it came with.
type FormID [sha256.Size]byte

// SignIn is somebody who is signed in to the console. Times are kept to the millisecond.
type SignIn struct {
	ID     SignInID
	UserID int64  // forge user id
	KeyID  string // sealing key
	// Sealed holds the forge credential. It opens only with the sealing key and the cookie together.
	Sealed []byte
	// MadeAt is when it began, UsedAt when it was last seen to be used, EndsAt when it ends in any case.
	MadeAt, UsedAt, EndsAt time.Time
}

// SignInBounds bound the sign-ins that are kept.
type SignInBounds struct {
	// Idle is for how long one may go unused.
	Idle time.Duration
	// Most is how many there may be in all, MostOfUser of one forge user.
	Most, MostOfUser int
}

// FormsKept is how many forms are remembered of one sign-in: the latest ones.
const FormsKept = 100

// SignIns is the part of Store that keeps which users are signed in to the console. Nothing here moves the change sequence.
// Removing an owner, revoking all that an owner has, and rotating the sealing key drop the sign-ins that they concern in the
// same transaction.
type SignIns interface {
	// AddSignIn stores a new one. It drops the oldest beyond the bounds, and some that are over. The key must be registered and
	// not retired, else ErrKeyRetired. A known id is ErrConflict.
	AddSignIn(ctx context.Context, s SignIn, b SignInBounds) error
	// SignIn reads one; ErrUnknownSignIn when there is none. Whether it is over is the caller's to see.
	SignIn(ctx context.Context, id SignInID) (SignIn, error)
	// TouchSignIn stores UsedAt, and the credential sealed anew with it, unless a later UsedAt is stored. Errors are
	// ErrUnknownSignIn and ErrKeyRetired.
	TouchSignIn(ctx context.Context, s SignIn) error
	// EndSignIn drops one, with the outcomes of its forms. One that is not there is no error.
	EndSignIn(ctx context.Context, id SignInID) error
	// ForgetSignIns drops those that are over at an instant, a small batch at a time, and tells how many.
	ForgetSignIns(ctx context.Context, at time.Time, idle time.Duration) (dropped int, err error)

	// BeginForm notes that a form is sent, once for all nodes. When it was sent before, tokenID is the token that it made, 0
	// until it has made one. ErrUnknownSignIn when the sign-in is not there.
	BeginForm(ctx context.Context, id SignInID, form FormID, at time.Time) (tokenID int64, before bool, err error)
	// FinishForm notes the token that a form made.
	FinishForm(ctx context.Context, id SignInID, form FormID, tokenID int64) error
	// DropForm lets a form be sent again.
	DropForm(ctx context.Context, id SignInID, form FormID) error
}
