package tokens

import (
	"strconv"
	"strings"
	"time"
)

// Shortest is the shortest life of a token.
const Shortest = 5 * time.Minute

// rotationLife is what a rotation gives when nothing is said: GitLab's week.
const rotationLife = 7 * 24 * time.Hour

// Lifetimes bound how long tokens live.
type Lifetimes struct {
	Standard time.Duration // when nothing is said; 30 days
	Longest  time.Duration // 365 days
	Grace    time.Duration // the longest time for which a rotated token may still work; 7 days
}

func (l *Lifetimes) setDefaults() {
	const day = 24 * time.Hour
	if l.Longest == 0 {
		l.Longest = 365 * day
	}
	if l.Standard == 0 {
		l.Standard = min(30*day, l.Longest)
	}
	if l.Grace == 0 {
		l.Grace = 7 * day
	}
}

// ParseEnd reads when something ends: a duration from now (15m, 12h, 30d), a date, which ends at its first moment UTC as
// GitLab's do, or a time (RFC 3339).
func ParseEnd(text string, now time.Time) (time.Time, bool) {
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC().Truncate(time.Millisecond), true
		}
	}
	if d, ok := ParseSpan(text); ok {
		return now.Add(d), true
	}
	return time.Time{}, false
}

// ParseSpan reads a length of time that is not negative, with days: 90s, 15m, 12h, 30d.
func ParseSpan(text string) (time.Duration, bool) {
	if days, found := strings.CutSuffix(text, "d"); found {
		n, err := strconv.ParseUint(days, 10, 16)
		return time.Duration(n) * 24 * time.Hour, err == nil
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d >= 0
}

// writeSpan writes a length of time as ParseSpan reads it.
func writeSpan(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	s = strings.TrimSuffix(s, "0s")
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// bound is the latest end that a caller can give, and why.
type bound struct {
	at  time.Time
	why string
}

// longest is the bound of the configuration.
func (l *Lifetimes) longest(now time.Time) bound {
	return bound{now.Add(l.Longest), "the longest lifetime here is " + writeSpan(l.Longest) + " (tokens.max_lifetime)"}
}

// within gives the nearer of two bounds; a zero time is none.
func (b bound) within(at time.Time, why string) bound {
	if !at.IsZero() && at.Before(b.at) {
		return bound{at, why}
	}
	return b
}

// end reads an end and holds it to the bound. Without text it is standard from now, or the bound when that is nearer.
func (e *Invalid) end(field, text string, now time.Time, standard time.Duration, limit bound) time.Time {
	at := now.Add(standard)
	switch {
	case text != "":
		var ok bool
		if at, ok = ParseEnd(text, now); !ok {
			e.Add(field, "%q is neither a date like %s nor a duration like 15m, 12h or 30d", text,
				now.AddDate(0, 3, 0).Format(time.DateOnly))
			return at
		}
	case at.After(limit.at):
		at = limit.at
	}
	switch life := at.Sub(now); {
	case at.After(limit.at):
		e.Add(field, "is too late: %s", limit.why)
	case life <= 0 && text != "":
		e.Add(field, "lies in the past")
	case life < Shortest:
		why := ""
		if limit.at.Sub(now) < Shortest {
			why = ", and " + limit.why
		}
		e.Add(field, "is too soon: a token lives at least %s%s", writeSpan(Shortest), why)
	}
	return at
}
