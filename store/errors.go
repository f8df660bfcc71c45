package store

import (
	"errors"
	"fmt"

	"patgate/token/limits"
)

// NoRoomText says what ErrNoRoom means, and what to do, to users who may not read the log.
const NoRoomText = "patgate has no room to store this, so it was not done: a token that was to be revoked, paused or narrowed " +
	"was NOT (of several, some may have been), and works as before. Have the operator free space where the store is (the log " +
	"names the place), then try again."

// Errors of a store and of Sessions; test them with errors.Is. Any other error is a failure of the store itself.
var (
	// ErrUnknownToken: no token has this hash or id.
	ErrUnknownToken = errors.New("unknown token")
	// ErrExpired: the token's lifetime is over.
	ErrExpired = errors.New("token expired")
	// ErrRevoked: the token was revoked.
	ErrRevoked = errors.New("token revoked")
	// ErrRotated: another token took its place. It is ErrRevoked too.
	ErrRotated = fmt.Errorf("%w: it was rotated, and another took its place", ErrRevoked)
	// ErrPaused: the token is paused and may be resumed.
	ErrPaused = errors.New("token paused")
	// ErrCredentialInvalid: the forge no longer accepts the credential that the token is bound to.
	ErrCredentialInvalid = errors.New("the owner's forge credential is no longer valid")

	// ErrUnknownOwner: no owner has this id.
	ErrUnknownOwner = errors.New("unknown owner")
	// ErrUnknownCredential: no credential has this id.
	ErrUnknownCredential = errors.New("unknown credential")
	// ErrUnknownSubject: no subject has this id.
	ErrUnknownSubject = errors.New("unknown subject")
	// ErrUnknownSignIn: nobody is signed in by this id.
	ErrUnknownSignIn = errors.New("unknown sign-in")
	// ErrFull: there are as many as there may be.
	ErrFull = errors.New("too many are kept already")
	// ErrUsedUp: a token, or one that it comes from, has been used as often as it may be.
	ErrUsedUp = limits.ErrUsedUp
	// ErrConflict: the change contradicts what is stored.
	ErrConflict = errors.New("conflicting change")
	// ErrKeyRetired: the sealing key was rotated away, or never registered. Read the keys again.
	ErrKeyRetired = errors.New("sealing key retired")
	// ErrOriginChanged: the store's owners belong to another forge address than the configured one.
	ErrOriginChanged = errors.New("upstream origin changed")

	// ErrWentBack: the newest change has a lower number than one that was seen before.
	ErrWentBack = errors.New("the store's change sequence went back")

	// ErrUnreachable: the server that keeps the store did not answer, or takes nothing now. What it would have said is not known.
	ErrUnreachable = errors.New("the store cannot be reached")

	// ErrMoved: the file that is in use was removed, renamed or replaced. Nothing is read from it or written to it.
	ErrMoved = errors.New("the store's file was taken away")

	// ErrNoRoom: the file system or the server that keeps the store has no room left. The change was not made: a revocation that
	// fails in this way revokes nothing.
	ErrNoRoom = errors.New("there is no room where the store is")

	// ErrClock: the clocks of this machine and of the store's server are further apart than ClocksWithin. One of them is wrong,
	// so this node may be wrong about which tokens are expired.
	ErrClock = errors.New("the clocks are apart")

	// ErrLost: there was a store, and it is not there. No other one is made in its place.
	ErrLost = errors.New("the store is missing")

	// ErrDamaged: the file is no readable database. It is left as it is.
	ErrDamaged = errors.New("damaged store")
	// ErrPartly: the damage is in data that decides about no token, or that the store's server refuses to read. Calls that need
	// the data fail; tokens pass. It is ErrDamaged too.
	ErrPartly = fmt.Errorf("%w in a part", ErrDamaged)
	// ErrForeign: the file belongs to another program. It is left as it is.
	ErrForeign = errors.New("not a patgate store")
	// ErrNewer: a newer version of patgate wrote the file.
	ErrNewer = errors.New("store of a newer patgate")
	// ErrLocked: another process holds the file and did not let go in time.
	ErrLocked = errors.New("store locked")
	// ErrExists: the file to be written exists.
	ErrExists = errors.New("file exists")
	// ErrClosed: the store or the cache was closed.
	ErrClosed = errors.New("store closed")
)
