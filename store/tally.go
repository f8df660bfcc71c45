package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// UnusedLong is for how long an active token must not have been used, and be older than that, to count as unused for long.
const UnusedLong = 60 * 24 * time.Hour

// Tally is how many tokens there are. All but Tokens, Paused and Revoked count active ones: of those that a list would have.
type Tally struct {
	Tokens, Active, Paused, Revoked int
	// Broad, Mints, Dangerous, Soon, Unused and NeverUsed are those of the marks of these names.
	Broad, Mints, Dangerous, Soon, Unused, NeverUsed int
	// Idle are those that are unused for long.
	Idle int
}

// Expired is how many are over, and not revoked.
func (t *Tally) Expired() int { return t.Tokens - t.Active - t.Paused - t.Revoked }

// OwnerTally is what an owner's tokens amount to.
type OwnerTally struct {
	Owner
	Tally
	// Reach is the highest blast radius of an active token.
	Reach int64
	// LastUsedAt is when one of them was last used, to the minute; zero when none ever was.
	LastUsedAt time.Time
}

// OwnerFilter says which owners are listed. The zero value is all that were not removed.
type OwnerFilter struct {
	Now     time.Time // what counts is judged by
	OwnerID int64     // that one alone; 0: all
	Origin  string    // of that forge alone; empty: of all
	Search  string    // part of the user name, whatever the case, or the whole user id
	// ReportsAreBroad counts those in report mode as broad, as in Filter.
	ReportsAreBroad bool
	Sort            OwnerSort
	Limit           int // 0 is no limit
	Offset          int
}

// OwnerSort is the order of owners. The zero value is the most active tokens first.
type OwnerSort uint8

// The orders. Equal ones are ordered by name.
const (
	OwnersByActive OwnerSort = iota
	OwnersByName
	OwnersByBroad
	OwnersByDangerous
	OwnersByIdle
	OwnersBySoon
	OwnersByReach
	OwnersByLastUse
)

var ownerSortNames = [...]string{"active", "name", "broad", "dangerous", "unused", "soon", "reach", "last_used"}

// String gives the order's name.
func (s OwnerSort) String() string {
	if int(s) < len(ownerSortNames) {
		return ownerSortNames[s]
	}
	return "sort"
}

// OwnerSortNames are the names that ParseOwnerSort reads.
func OwnerSortNames() []string { return slices.Clone(ownerSortNames[:]) }

// ParseOwnerSort reads an order's name; unknown text is an error.
func ParseOwnerSort(s string) (OwnerSort, error) {
	if at := slices.Index(ownerSortNames[:], s); at >= 0 {
		return OwnerSort(at), nil
	}
	return OwnersByActive, fmt.Errorf("unknown order %q: use %s", s, strings.Join(ownerSortNames[:], ", "))
}

// Tallies is the part of a Store that keeps how many tokens of each kind owners have. Nothing here moves the change sequence.
type Tallies interface {
	// Recount counts some tokens anew that are kept as something else than they are now, and tells whether there are more. Until
	// then each reader counts them itself, so figures are right at once, but slower.
	Recount(ctx context.Context, now time.Time) (more bool, err error)
	// Tally counts the tokens of the owner whom a filter names, or of everybody, whatever else it says.
	Tally(ctx context.Context, f OwnerFilter) (Tally, error)
	// OwnerTallies lists what owners' tokens amount to; total counts all owners that match, whatever Limit and Offset say.
	OwnerTallies(ctx context.Context, f OwnerFilter) (list []OwnerTally, total int, err error)
}
