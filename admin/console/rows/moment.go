package rows

import (
	"time"

	"patgate/admin/console/snippet"
)

// Moment is a time as a page shows it: in words, and to the minute.
type Moment struct {
	Words, Exact, Machine string
}

// At gives a time in words. The zero time is never.
func At(t, now time.Time) Moment {
	if t.IsZero() {
		return Moment{Words: "never"}
	}
	t = t.UTC()
	m := Moment{Exact: t.Format("2 January 2006, 15:04 UTC"), Machine: t.Format(time.RFC3339)}
	switch d := t.Sub(now); {
	case d > 0:
		m.Words = "in " + snippet.Span(d)
	case d > -time.Minute:
		m.Words = "just now"
	default:
		m.Words = snippet.Span(-d) + " ago"
	}
	return m
}
