package limits

import (
	"errors"
	"net/netip"
	"time"
)

// Held is what a token in use is held to: its own limits, and those of every token that it comes from. Nil: it has none.
type Held struct{ Levels []Level }

// Level is a family with its limits. What is counted, is counted for all tokens of it and for those that come from them.
type Level struct {
	Family int64
	*Limits
}

// From tells whether a request may come from an address.
func (h *Held) From(a netip.Addr) bool {
	if h == nil {
		return true
	}
	for i := range h.Levels {
		if !h.Levels[i].From(a) {
			return false
		}
	}
	return true
}

// At tells whether the token works at an instant; else when it may next, which is zero when it never will.
func (h *Held) At(now time.Time) (open bool, next time.Time) {
	if h == nil {
		return true, next
	}
	open = true
	for i := range h.Levels {
		itself, at := h.Levels[i].At(now)
		if itself {
			continue
		}
		if open, next = false, later(next, at); at.IsZero() {
			return false, at
		}
	}
	return open, next
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Counts tells whether some level has a limit of a name.
func (h *Held) Counts(n Name) bool {
	if h == nil {
		return false
	}
	for i := range h.Levels {
		if h.Levels[i].Spec.Has(n) {
			return true
		}
	}
	return false
}

// MostUses is how often a family may be used.
type MostUses struct{ Family, Most int64 }

// Moved is how many bytes a family moved on a day, in days since 1970, UTC.
type Moved struct{ Family, Day, Bytes int64 }

// ErrUsedUp says that a token, or one that it comes from, has been used as often as it may be.
var ErrUsedUp = errors.New("the token is used up")
