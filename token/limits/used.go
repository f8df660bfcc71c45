package limits

import (
	"fmt"
	"strings"
	"time"
)

// Used says how much of the limits of a token is used up, as far as the store knows. It lacks what nodes have moved within the
// last seconds, and the limits of the token that made this one.
type Used struct {
	Uses       *int64 `json:"uses,omitempty"`
	UsesLeft   *int64 `json:"uses_left,omitempty"`
	BytesToday *int64 `json:"bytes_today,omitempty"` // since midnight UTC
	BytesLeft  *int64 `json:"bytes_left,omitempty"`
}

// DayOf gives the day of an instant, since 1970, UTC.
func DayOf(t time.Time) int64 { return t.Unix() / (24 * 60 * 60) }

// Sums tells whether anything is summed up in the store.
func (s *Spec) Sums() bool { return s.Has(MaxUses) || s.Has(BytesPerDay) }

// Used gives what uses and bytes of the day say about limits; nil where they bound neither.
func (s *Spec) Used(uses, bytes int64) *Used {
	if !s.Sums() {
		return nil
	}
	u := &Used{}
	if s.MaxUses > 0 {
		left := max(0, s.MaxUses-uses)
		u.Uses, u.UsesLeft = &uses, &left
	}
	if s.BytesPerDay > 0 {
		left := max(0, s.BytesPerDay-bytes)
		u.BytesToday, u.BytesLeft = &bytes, &left
	}
	return u
}

// Of says what was used of a limit; empty where that is not known.
func (u *Used) Of(n Name) string {
	switch {
	case u == nil:
	case n == MaxUses && u.Uses != nil && u.UsesLeft != nil:
		return fmt.Sprintf("%d used, %d left", *u.Uses, *u.UsesLeft)
	case n == BytesPerDay && u.BytesToday != nil && u.BytesLeft != nil:
		return fmt.Sprintf("%d today, %d left", *u.BytesToday, *u.BytesLeft)
	}
	return ""
}

// Told says what all limits are, one each, and what was used of them.
func (s *Spec) Told(u *Used) (all []string) {
	for _, n := range Names() {
		text := s.Text(n)
		if used := u.Of(n); used != "" {
			text += " (" + used + ")"
		}
		if text != "" {
			all = append(all, string(n)+": "+text)
		}
	}
	return all
}

// Short names the limits that there are.
func (s *Spec) Short() string {
	var all []string
	for _, n := range Names() {
		if s.Has(n) {
			all = append(all, string(n))
		}
	}
	return strings.Join(all, ", ")
}

// Change says, for people and for the record of a change, that limits are others than before; empty: they are not.
func Change(fresh, before *Spec) string {
	if fresh.Equal(before) {
		return ""
	}
	words := func(s *Spec) string {
		if text := s.String(); text != "" {
			return text
		}
		return "none"
	}
	return "limits: " + words(fresh) + ", were " + words(before)
}
