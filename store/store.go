// Package store keeps what must survive a restart: tokens with their grants, the forge users they act for, those users'
// sealed credentials, and when each token was last used. Store is the interface that a database implements
// (store/sqlite); storetest is the suite that every implementation passes; Sessions is the cache that the gateway
// reads tokens through.
package store

import (
	"context"
	"time"

	"patgate/learn"
	"patgate/token"
)

// FirstTokenID is the id of the first token that is made. The forge numbers its own tokens from 1, so that an id alone
// tells whose token it is.
const FirstTokenID int64 = 1_000_000_000_000

// Store keeps tokens, owners and sealed credentials. It is safe for concurrent use, also by several processes. What a
// method has changed when it returns without error is on disk and outlives a kill or a power failure, except for usage
// counts. Every change of an owner, a credential or a token moves the change sequence in the same transaction.
type Store interface {
	Owners
	Credentials
	Tokens
	Names
	Marks
	Tallies
	Subjects
	SignIns
	Trusts
	Limited

	// TokenByHash reads what one request needs, in one consistent read: the token, its owner and its credential, and
	// the change sequence that the read saw. It gives ErrUnknownToken when no token has this hash. Validity is the
	// caller's to check.
	TokenByHash(ctx context.Context, hash token.Hash) (Bound, error)
	// Changes tells what was changed after the sequence since, which is 0 or came from an earlier call.
	Changes(ctx context.Context, since int64) (Changes, error)
	// AddUses adds use counts and raises last-used times, in one transaction. Tokens that do not exist are passed over.
	// It does not move the change sequence.
	AddUses(ctx context.Context, uses []Use) error
	// AddDetails adds to what is known about where tokens were used from, in one transaction, with the same rules as AddUses.
	AddDetails(ctx context.Context, details []Detail) error
	// LastSeen is when a token was last used, denied, made or edited, as far as that is kept. Zero is never.
	LastSeen(ctx context.Context, id int64) (time.Time, error)
	// PermissionUses tells how often each permission of a token was used, by name. Denied requests do not count, nor do requests
	// that only report mode let pass.
	PermissionUses(ctx context.Context, id int64) ([]PermissionUse, error)

	// Backup writes a consistent copy of the whole store, sealed credentials included and keys not, to a new file at
	// path. It refuses to write over a file (ErrExists).
	Backup(ctx context.Context, path string) error
	// Check reads everything and reports; damage is ErrDamaged.
	Check(ctx context.Context) (Health, error)
	// Close releases the store. Calls after it fail.
	Close() error
}

// ClocksWithin is how far the clock of a node may be from that of the server that keeps the store.
const ClocksWithin = 2 * time.Second

// Faulty is a Store that looks after the place where it keeps what it knows.
type Faulty interface {
	// Faults tells what is wrong with that place now: ErrMoved, ErrClock, ErrNoRoom, ErrDamaged. It is quick. With ErrNoRoom a
	// Saving store may still store what takes rights away.
	Faults() []error
	// Retry finds out, by a small write that is not kept, whether there is room again after ErrNoRoom, and then ends that fault.
	// Without the fault it does nothing.
	Retry(ctx context.Context)
}

// Inspected is a Store that finds damage in what it keeps, a part at a time.
type Inspected interface {
	// Inspect reads the next part, without holding up others, and tells whether it was the last. Damage is a fault from the first
	// time that it is found on; it is read once more after some seconds.
	Inspect(ctx context.Context) (last bool)
	// Doubtful tells that parts are left to be read, or that it is time to look again for what is known to be wrong.
	Doubtful() bool
}

// Saving is a Store that keeps room for what takes rights away.
type Saving interface {
	// Reserve tells how many bytes of room are kept, and how many are wanted. Both are 0 where no room is kept.
	Reserve() (kept, wanted int64)
}

// Subjects is the part of Store that keeps what tokens and credentials of the forge's own were seen to do. An id from
// FirstTokenID on is a token's, one below it a subject's. Nothing here moves the change sequence.
type Subjects interface {
	// PutSubject stores a subject and gives it with its id. When a subject has the same hash, or the same user and id at the
	// forge, it updates that one. Beyond learn.MostSubjectsOfUser, a subject of the user's that was not seen for learn.QuietDays
	// makes room. When none can, and beyond learn.MostSubjects, the error is ErrFull.
	PutSubject(ctx context.Context, s learn.Subject) (learn.Subject, error)
	// Subject reads one; ErrUnknownSubject when there is none.
	Subject(ctx context.Context, id int64) (learn.Subject, error)
	// Subjects lists those of a forge user, or of everybody when userID is 0, those that were seen last first. total counts all.
	Subjects(ctx context.Context, origin string, userID int64, limit int) (list []learn.Subject, total int, err error)
	// SubjectsAfter lists those of everybody with a higher id than one, in the order of ids.
	SubjectsAfter(ctx context.Context, origin string, id int64, limit int) ([]learn.Subject, error)
	// Summaries says in few words what subjects and tokens were seen to do, by their ids.
	Summaries(ctx context.Context, ids []int64) (map[int64]learn.Summary, error)
	// SetObserving notes for how long what tokens do is kept after it was last seen, from an instant on; 0 is that nothing is.
	SetObserving(ctx context.Context, keep time.Duration, at time.Time) error
	// ObservingSince tells since when, as seen from an instant, what tokens do has been kept without a gap; zero when it is not.
	ObservingSince(ctx context.Context, now time.Time) (time.Time, error)
	// AddSeen adds to what was seen, in transactions of some hundred units. Subjects and tokens that do not exist are passed
	// over. lost is how many requests are not kept: their subject has too many units, or, with an error, they could not be
	// stored. damaged is how many units could not be read and begin anew.
	AddSeen(ctx context.Context, seen []learn.Seen) (lost, damaged int64, err error)
	// Observations gives what a subject or a token was seen to do since an instant, with what it was denied. Units that cannot be
	// read are passed over and counted as damaged.
	Observations(ctx context.Context, id int64, since time.Time) (list []learn.Observation, damaged int, err error)
	// ForgetSeen drops the units that were last seen before a day, the subjects that have none left, and their networks.
	ForgetSeen(ctx context.Context, before learn.Day) error
}

// Tokens is the part of Store that keeps tokens. Its changes are those of Rules.
type Tokens interface {
	// CreateToken stores a new token and gives it back with its id. Owner and credential must exist and belong together.
	CreateToken(ctx context.Context, r token.Record) (token.Record, error)
	// Token reads one token by its id; ErrUnknownToken when there is none.
	Token(ctx context.Context, id int64) (Listed, error)
	// Tokens lists tokens; total counts all that match, whatever Limit and Offset say, and is 0 where Filter.After is not.
	Tokens(ctx context.Context, f Filter) (list []Listed, total int, err error)
	Lineage
	Narrowings
	// RevokeToken revokes a token for good, and with it every token that was made below it and, unless it was rotated
	// already, whatever of its family still works. A token that is revoked already keeps its first reason; that is no error.
	RevokeToken(ctx context.Context, id int64, c Cause) (Listed, error)
	// PauseToken makes a token invalid until ResumeToken. A revoked token is ErrRevoked.
	PauseToken(ctx context.Context, id int64, c Cause) (Listed, error)
	// ResumeToken ends a pause. A revoked token is ErrRevoked; one that is not paused stays as it is.
	ResumeToken(ctx context.Context, id int64, c Cause) (Listed, error)
	// ConfirmToken raises the version of the route table that the token was confirmed under; a lower one than the
	// token's is ErrConflict, a revoked token ErrRevoked.
	ConfirmToken(ctx context.Context, id int64, tableVersion int, by string) (Listed, error)
}

// Bound is a token with what it is bound to, from one consistent read.
type Bound struct {
	Record     token.Record
	Owner      Owner
	Credential Credential
	Sequence   int64 // change sequence that the read saw
}

// Changes is what was changed since a sequence.
type Changes struct {
	Sequence int64        // the newest change
	All      bool         // more was changed than is listed: hold everything older than Sequence for stale
	Hashes   []token.Hash // the tokens that were changed, with doubles
}

// Use is how often a token was used since the last report.
type Use struct {
	TokenID int64
	Count   int64
	Last    time.Time
}

// Detail is from where a token was used since the last report.
type Detail struct {
	TokenID int64
	Address string // of the client
	Last    time.Time
}

// PermissionUse is how often a token used one permission.
type PermissionUse struct {
	Permission string
	Uses       int64
	LastUsedAt time.Time
}

// AddressesKept is how many addresses are kept for a token: the latest ones (GitLab keeps as many).
const AddressesKept = 5

// Health is what Check found.
type Health struct {
	Path          string `json:"path"`
	SchemaVersion int    `json:"schema_version"`
	Bytes         int64  `json:"bytes"`
	Owners        int    `json:"owners"`
	Credentials   int    `json:"credentials"` // that hold a sealed secret
	Tokens        int    `json:"tokens"`
	// Unmarked counts the tokens that have no kept marks yet: a gateway fills them in.
	Unmarked int   `json:"unmarked"`
	Sequence int64 `json:"sequence"`
}
