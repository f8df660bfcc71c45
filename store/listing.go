package store

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"patgate/token"
	"patgate/token/limits"
)

// Listed is a token as lists and details show it.
type Listed struct {
	token.Record
	Owner       Owner
	LastUsedAt  time.Time // zero when it was never used
	Uses        int64
	RevokedBy   string
	PauseReason string
	PausedBy    string
	// TouchedAt is when it was made, resumed or edited last, which counts as a use for idleness.
	TouchedAt time.Time
	// WidenedAt is when it was last given more than it had; zero when it never was.
	WidenedAt time.Time
	// Children counts the tokens that were ever made below this one.
	Children int64
	// Credential and CredentialReason are the status of the forge credential that the token is bound to. While that is not
	// valid, the token cannot be used.
	Credential       CredentialStatus
	CredentialReason string
	// Addresses are those that the token was last used from, the latest first; at most AddressesKept.
	Addresses []string
	Kept      Kept
	// Names are the names of the places in its scopes, as its owner last saw them. Nil when they were not asked for.
	Names Named
	// LimitUse is what was used of its limits. Nil when that was not asked for, or they bound no sum.
	LimitUse *limits.Used
}

// State narrows a list to tokens in a state. The zero value is any state.
type State uint8

// The states, in GitLab's words where it has one.
const (
	StateAny State = iota
	// StateActive: valid now.
	StateActive
	// StateInactive: everything else.
	StateInactive
	// StateExpired: expired and not revoked.
	StateExpired
	// StateRevoked: revoked.
	StateRevoked
	// StatePaused: paused, neither revoked nor expired.
	StatePaused
)

var stateNames = [...]string{"any", "active", "inactive", "expired", "revoked", "paused"}

// String gives the state's name.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "state"
}

// StateNames are the names that ParseState reads.
func StateNames() []string { return slices.Clone(stateNames[:]) }

// ParseState reads a state's name; unknown text is an error.
func ParseState(s string) (State, error) {
	for i, name := range stateNames {
		if s == name {
			return State(i), nil
		}
	}
	return StateAny, fmt.Errorf("unknown state %q: use any, active, inactive, expired, revoked or paused", s)
}

// Sort is the order of a list: GitLab's values of `sort`. The zero value is newest first.
type Sort uint8

// The orders. Equal ones are ordered by id.
const (
	SortCreatedDesc Sort = iota
	SortCreatedAsc
	SortExpiresAsc
	SortExpiresDesc
	SortLastUsedDesc
	SortLastUsedAsc
	SortNameAsc
	SortNameDesc
	SortReachAsc
	SortReachDesc
)

var sortNames = [...]string{
	"created_desc", "created_asc", "expires_asc", "expires_desc", "last_used_desc", "last_used_asc", "name_asc", "name_desc",
	"reach_asc", "reach_desc",
}

// String gives the order's name.
func (s Sort) String() string {
	if int(s) < len(sortNames) {
		return sortNames[s]
	}
	return "sort"
}

// Ascending tells whether the order begins with the least.
func (s Sort) Ascending() bool { return strings.HasSuffix(s.String(), "_asc") }

// SortNames are the names that ParseSort reads.
func SortNames() []string { return slices.Clone(sortNames[:]) }

// ParseSort reads an order's name; unknown text is an error.
func ParseSort(s string) (Sort, error) {
	for i, name := range sortNames {
		if s == name {
			return Sort(i), nil
		}
	}
	return SortCreatedDesc, fmt.Errorf("unknown order %q: use created, expires, last_used, name or reach with _asc or _desc", s)
}

// Span is a stretch of time: what lies after After and before Before. A zero bound does not bound.
type Span struct{ After, Before time.Time }

// Filter says which tokens Tokens lists. The zero value lists all.
type Filter struct {
	OwnerID      int64 // 0 is every owner
	CredentialID int64 // 0 is every credential
	FamilyID     int64 // 0 is every family
	State        State
	Now          time.Time // what State is judged by
	Revoked      *bool     // nil is both
	Search       string    // part of the name or description, whatever the case
	// SearchPlaces has Search find what names a place too: by its id, and by any part of its path.
	SearchPlaces bool
	Naming       Naming
	WithNames    bool // gives Listed.Names
	// Holds is a permission that a scope must hold, and Reach where; with both, one scope must do both.
	Holds string
	Reach *Reach
	// Networked, when it is not nil, selects tokens with a limit of networks, or those without. From selects tokens whose limit
	// of networks has this address.
	Networked *bool
	From      netip.Addr
	// NeverUsed selects those that were never used, UnusedSince those that were made before it and not used since.
	NeverUsed   bool
	UnusedSince time.Time
	// Mark, when it is not 0, selects active tokens that have it, whatever State says. TableVersion is that of the route table,
	// for MarkHeldBack; with ReportsAreBroad, MarkBroad selects those in report mode too.
	Mark            Mark
	TableVersion    int
	ReportsAreBroad bool
	// Unobserved tells that it is not known what tokens use: then MarkUnused selects those that were never used.
	Unobserved bool
	// CountTo, when it is not 0, is how far to count: a higher result says that there are more.
	CountTo   int
	CountOnly bool // lists none
	Created   Span
	Expires   Span
	LastUsed  Span
	Sort      Sort
	// After, when it is not 0, selects tokens with a higher id, in the order of ids, and Sort does not count. FirstTokenID - 1
	// selects all. It is the way to go through many tokens: with an Offset all are sorted again for each page.
	After  int64
	Limit  int // 0 is no limit
	Offset int
}

// Reach is where tokens must reach. The zero value is nowhere.
type Reach struct {
	// Origin is the forge that the places are on: tokens for other forges name the same ids. Empty: all forges.
	Origin string
	// Places are a project or group, and the groups above it: tokens that name one of them reach it.
	Places []Place
	// May are accesses of scopes that name no places, such as all_memberships: the forge decides whether such a scope reaches it.
	May []string
	// Reports counts tokens in report mode among those that may: while that lasts they may do what their owner may.
	Reports bool
	// Anywhere asks for no place: each scope is in one that counts.
	Anywhere bool
}

// Empty tells whether no token reaches there.
func (r *Reach) Empty() bool { return len(r.Places)+len(r.May) == 0 && !r.Reports && !r.Anywhere }

// Walk goes through all tokens that a filter leaves, f.Limit at a time, in the order of ids. list gives a page.
func (f Filter) Walk(list func(Filter) ([]Listed, int, error), each func([]Listed) error) error {
	for f.After = FirstTokenID - 1; ; {
		page, _, err := list(f)
		if err != nil {
			return err
		}
		if err := each(page); err != nil || len(page) < f.Limit {
			return err
		}
		f.After = page[len(page)-1].ID
	}
}
