package terms

import (
	"strconv"
	"strings"
	"time"

	"patgate/token"
)

// Shortest is the shortest life of a token.
const Shortest = 5 * time.Minute

// RotationLife is what a rotation gives when nothing is said: GitLab's week.
const RotationLife = 7 * 24 * time.Hour

// Lifetimes bound how long tokens live.
type Lifetimes struct {
	Standard time.Duration // when nothing is said; 30 days
	Longest  time.Duration // 365 days
	Grace    time.Duration // the longest time for which a rotated token may still work; 7 days
}

func (l *Lifetimes) SetDefaults() {
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

// WriteSpan writes a length of time as ParseSpan reads it.
func WriteSpan(d time.Duration) string {
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

// Bound is the latest end that a caller can give, and why.
type Bound struct {
	at  time.Time
	why string
}

// LongestEnd is the bound of the configuration.
func (l *Lifetimes) LongestEnd(now time.Time) Bound {
	return Bound{now.Add(l.Longest), "the longest lifetime here is " + WriteSpan(l.Longest) + " (tokens.max_lifetime)"}
}

// Within gives the nearer of two bounds; a zero time is none.
func (b Bound) Within(at time.Time, why string) Bound {
	if !at.IsZero() && at.Before(b.at) {
		return Bound{at, why}
	}
	return b
}

// End reads an end and holds it to the bound. Without text it is standard from now, or the bound when that is nearer.
func (e *Invalid) End(field, text string, now time.Time, standard time.Duration, limit Bound) time.Time {
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
		e.Add(field, "is in the past")
	case life < Shortest:
		why := ""
		if limit.at.Sub(now) < Shortest {
			why = ", and " + limit.why
		}
		e.Add(field, "is too soon: a token lives at least %s%s", WriteSpan(Shortest), why)
	}
	return at
}

// Renewal reads how far a token may be renewed on its own word: not before it expires, and not beyond the bound.
func (e *Invalid) Renewal(text string, now, expires time.Time, limit Bound) time.Time {
	if text == "" {
		return expires
	}
	at, ok := ParseEnd(text, now)
	switch {
	case !ok:
		e.Add("renew_until", "%q is neither a date nor a duration like 15m, 12h or 30d", text)
	case at.After(limit.at):
		e.Add("renew_until", "is too late: %s", limit.why)
	case at.Before(expires):
		e.Add("renew_until", "is before expires_at,  %s", expires.Format(time.RFC3339))
	}
	return at
}

// ReportMode reads until when a token is in report mode: at most token.LongestReport after first, or after now when first is
// zero, and not beyond the token's end. Empty text is no report mode.
func (e *Invalid) ReportMode(text string, now, first, expires time.Time) time.Time {
	if text == "" {
		return time.Time{}
	}
	limit := Bound{now.Add(token.LongestReport), "report mode lasts " + WriteSpan(token.LongestReport) + " at most"}
	if !first.IsZero() {
		limit = Bound{first.Add(token.LongestReport), "report mode lasts " + WriteSpan(token.LongestReport) + " at most, " +
			"and that of this token began on " + first.UTC().Format(time.DateOnly) + ": make a new token"}
	}
	limit = limit.Within(expires, "the token expires on "+expires.UTC().Format(time.RFC3339))
	at, ok := ParseEnd(text, now)
	switch {
	case !ok:
		e.Add("report_until", "%q is neither a date nor a duration like 12h or 7d", text)
	case at.After(limit.at):
		e.Add("report_until", "is too late: %s", limit.why)
	case !at.After(now):
		e.Add("report_until", "is in the past")
	}
	return at
}

// Grace reads for how long the old secret still works, and gives until when; zero is not at all.
func (e *Invalid) Grace(text string, now time.Time, longest time.Duration) time.Time {
	if text == "" {
		return time.Time{}
	}
	d, ok := ParseSpan(text)
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		d, ok = time.Duration(seconds)*time.Second, true
	}
	switch {
	case !ok:
		e.Add("grace", "%q is not a duration: write 10m, 2h or 1d", text)
	case d > longest:
		e.Add("grace", "is too long: at most %s (tokens.max_grace)", WriteSpan(longest))
	case d > 0:
		return now.Add(d)
	}
	return time.Time{}
}
