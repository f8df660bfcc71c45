package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Mark is a judgement of an active token, which people see as a badge. The zero value is none.
type Mark uint8

// The marks.
const (
	MarkNone Mark = iota
	// MarkBroad: its grant reaches or holds more than any one job needs.
	MarkBroad
	// MarkMints: it can make credentials.
	MarkMints
	// MarkDangerous: it holds what looks dangerous in lists: it deletes, pushes, merges, or does what no boundary contains.
	MarkDangerous
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
	// MarkReports: it is in report mode.
	MarkReports
)

var markNames = [...]string{
	"", "broad", "makes_credentials", "dangerous", "unused_permissions", "unused", "expiring_soon", "newer_routes_held_back",
	"credential_invalid", "report_mode",
}

// String gives the name of the badge.
func (m Mark) String() string {
	if int(m) < len(markNames) {
		return markNames[m]
	}
	return "badge"
}

// Judged tells whether it is found in what a judge of tokens keeps, so that a token lacks it until it is judged.
func (m Mark) Judged() bool {
	switch m {
	case MarkBroad, MarkMints, MarkDangerous, MarkUnused, MarkNeverUsed:
		return true
	}
	return false
}

// MarkNames are the names that ParseMark reads.
func MarkNames() []string { return slices.Clone(markNames[1:]) }

// ParseMark reads the name of a badge; unknown text is an error.
func ParseMark(s string) (Mark, error) {
	if at := slices.Index(MarkNames(), s); at >= 0 {
		return Mark(at + 1), nil
	}
	return MarkNone, fmt.Errorf("unknown badge %q: use %s", s, strings.Join(MarkNames(), ", "))
}

const (
	// SoonWithin is how near an expiry is soon: GitLab's two weeks, but no more than a SoonShare-th of the token's life, so that
	// no new token expires soon.
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
	Version    int   // of that table
	At         time.Time
	Broad      bool
	Mints      bool
	Dangerous  bool
	Reach      int64
	NeverUsed  bool
	UnusedFrom time.Time
}

// Due says which tokens to judge anew. The zero value: those that were changed since they were judged.
type Due struct {
	Before int64 // when it is not 0, only those with a lower id
	// Under, when it is not 0, selects tokens that were judged by other rules than these, either with a table that is not newer
	// than Version, or before JudgedBefore.
	Under   int64
	Version int
	// FirstUsed selects those that were used for the first time since they were judged.
	FirstUsed bool
	// UnusedBy, when it is not zero, selects active tokens that were judged before JudgedBefore and may by UnusedBy hold
	// permissions that they do not use.
	UnusedBy, JudgedBefore, Now time.Time
}

// Marks is the part of a Store that keeps judgements of tokens. Triggers note which tokens must be judged anew; nothing
// here moves the change sequence.
type Marks interface {
	// Due lists the tokens to judge, the newest first. next, when it is not 0, is the Due.Before for more of them. For tokens
	// whose scopes cannot be read it stores an empty judgement.
	Due(ctx context.Context, d Due, limit int) (list []Listed, next int64, err error)
	// Judge keeps judgements. It passes over tokens that were changed since, and tokens that were judged with a newer table
	// within a day.
	Judge(ctx context.Context, all []Judgement) error
	// Unjudged tells whether there are tokens that were not judged yet, or not since they were changed.
	Unjudged(ctx context.Context) (bool, error)
	// FillMarks makes room for what is kept of some tokens that were there before it was kept, and tells whether more are left.
	FillMarks(ctx context.Context) (more bool, err error)
	// MissMarks looks for tokens for which there is no room at all, so that FillMarks, or this itself, makes it.
	MissMarks(ctx context.Context) error
}
