package store

import (
	"context"
	"time"
)

// Mark is something that is to be said of an active token. The zero value is nothing.
type Mark uint8

// The marks.
const (
	MarkNone Mark = iota
	// MarkBroad: its grant reaches or holds more than any one job needs.
	MarkBroad
	// MarkMints: it can make credentials.
	MarkMints
	// MarkUnused: it was never used, or holds permissions that it did not use for long.
	MarkUnused
	// MarkNeverUsed: it was never used.
	MarkNeverUsed
	// MarkSoon: it expires soon.
	MarkSoon
	// MarkHeldBack: it was made or confirmed under an older route table.
	MarkHeldBack
	// MarkRests: the forge does not take the credential any more that it is bound to.
	MarkRests
)

const (
	// SoonWithin is how far off an expiry is that is said to be soon: GitLab's two weeks, and no more than a SoonShare-th of the
	// token's life, so that none is about to expire when it is made.
	SoonWithin = 14 * 24 * time.Hour
	// SoonShare is that share.
	SoonShare = 4
)

// Kept is what is kept of the judgement of a token.
type Kept struct {
	// Turn moves when the token must be judged anew.
	Turn int64
	// Under is by which words it was judged; 0: not since it was changed or first used.
	Under int64
	At    time.Time
	// UnusedFrom is from when on it has what it did not use, unless it is used before; zero when that is not known.
	UnusedFrom time.Time
	Reach      int64
}

// Judgement is what is found of a token, for the marks that are kept.
type Judgement struct {
	TokenID    int64
	Turn       int64 // of the token that was read: of one that was changed since, nothing is kept
	Under      int64 // not 0
	At         time.Time
	Broad      bool
	Mints      bool
	Reach      int64
	UnusedFrom time.Time
}

// Due says which tokens are to be judged anew. The zero value: those that were changed, or first used, since they were judged.
type Due struct {
	After int64 // only those with a higher id
	// Under, when it is not 0, is those that were judged under other words, too.
	Under int64
	// UnusedBy, when it is not zero, is the active ones of which, by then, it may be that they have what they do not use, and which
	// were judged before JudgedBefore.
	UnusedBy, JudgedBefore, Now time.Time
}

// Marks is the part of a Store that keeps what is to be said of tokens. Triggers note which tokens must be judged anew; nothing
// here moves the change sequence.
type Marks interface {
	// Due lists tokens that are to be judged, in the order of ids.
	Due(ctx context.Context, d Due, limit int) ([]Listed, error)
	// Judge keeps judgements. Those of tokens that were changed since are passed over.
	Judge(ctx context.Context, all []Judgement) error
}
