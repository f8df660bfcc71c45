package console

import (
	"time"

	"patgate/admin/console/snippet"
)

// moment is a time as a page shows it: in words, and to the minute.
type moment struct {
	Words, Exact, Machine string
}

// instant gives a time in words. The zero time is never.
func (q *request) instant(t time.Time) moment {
	if t.IsZero() {
		return moment{Words: "never"}
	}
	t = t.UTC()
	m := moment{Exact: t.Format("2 January 2006, 15:04 UTC"), Machine: t.Format(time.RFC3339)}
	switch d := t.Sub(q.o.Now()); {
	case d > 0:
		m.Words = "in " + snippet.Span(d)
	case d > -time.Minute:
		m.Words = "just now"
	default:
		m.Words = snippet.Span(-d) + " ago"
	}
	return m
}
