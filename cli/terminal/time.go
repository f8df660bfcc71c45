package terminal

import (
	"strconv"
	"time"
)

// Ago writes how far a past time lies back, in one unit; "never" for the zero time.
func Ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return span(now.Sub(t)) + " ago"
}

// span writes a length of time in its largest unit.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + "d"
}

// Stamp writes a time for people; "never" for the zero time.
func Stamp(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

// Until writes when a token expires: "in 5d", or how long it is over. A token that was just made for 5d has 5d, less a moment.
func Until(t, now time.Time) string {
	if left := t.Sub(now); left > 0 {
		if left > 5*time.Minute {
			left = left.Round(time.Minute)
		}
		return "in " + span(left)
	}
	return Ago(t, now)
}
