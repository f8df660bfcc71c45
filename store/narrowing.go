package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"patgate/policy"
)

// Narrowings is the part of Tokens that keeps what tokens might do before they were narrowed.
type Narrowings interface {
	// Narrowing gives what a token could do before it was last narrowed; the zero value when that is not kept.
	Narrowing(ctx context.Context, id int64) (Narrowing, error)
	// DropNarrowings forgets those from before an instant.
	DropNarrowings(ctx context.Context, before time.Time) error
}

// Narrowing is what a token might do before an edit took some of it away.
type Narrowing struct {
	Scopes       []policy.ScopeSpec
	TableVersion int
	At           time.Time
	By           string
}

// UndoWithin is for how long what a token might do before is kept.
const UndoWithin = 14 * 24 * time.Hour

// MostNarrowing bounds what is kept of one token, in bytes. What is longer cannot be undone.
const MostNarrowing = 64 << 10

// errTooLong says that a narrowing is longer than MostNarrowing.
var errTooLong = errors.New("it is too long to be kept")

// ScopesText gives the scopes as they are kept.
func (n *Narrowing) ScopesText() (string, error) {
	text, err := json.Marshal(n.Scopes)
	if err != nil {
		return "", fmt.Errorf("writing scopes: %w", err)
	}
	if len(text) > MostNarrowing {
		return "", errTooLong
	}
	return string(text), nil
}

// Kept tells whether a narrowing is short enough to be kept.
func (n *Narrowing) Kept() bool {
	_, err := n.ScopesText()
	return err == nil
}
