package token

import (
	"time"

	"patgate/policy"
)

// LongestReport is for how long a token may be in report mode, from the moment at which it first was.
const LongestReport = 14 * 24 * time.Hour

// clockSkew is how far the clocks of several nodes may be apart.
const clockSkew = time.Minute

// ReportEnd is the end of report mode, whatever is stored: never later than LongestReport after its first beginning. It is zero
// for a token that is not in report mode, and for one that must not be: made by a token, or without its owner's word.
func (r *Record) ReportEnd() time.Time {
	if !r.OwnersWord || r.ParentID != 0 || r.ReportFrom.IsZero() || r.ReportUntil.IsZero() {
		return time.Time{}
	}
	if last := r.ReportFrom.Add(LongestReport); last.Before(r.ReportUntil) {
		return last
	}
	return r.ReportUntil
}

// Reports tells whether the token is in report mode at an instant, by its record alone: what its grant denies then passes, when
// the owner may do it and the operator allows it. It does not say whether the token can be used.
func (r *Record) Reports(now time.Time) bool {
	return !now.Before(r.ReportFrom.Add(-clockSkew)) && now.Before(r.ReportEnd())
}

// ReportChange says, for the record of a change, that report mode has another end than before; it is empty when it has not.
func (r *Record) ReportChange(before time.Time) string {
	switch {
	case r.ReportUntil.Equal(before):
		return ""
	case r.ReportUntil.IsZero():
		return "report mode ended"
	}
	return "report mode until " + r.ReportUntil.UTC().Format(time.RFC3339)
}

// ReportMode is the report mode of a token in use. Nil: the token is not in it, and its grant is enforced. It is not changed
// after it was made.
type ReportMode struct {
	grant              *policy.Grant
	since, until, read time.Time
}

// NewReportMode makes the report mode of a record that was read at an instant; nil when it has none. grant holds all that
// passes. seen is when the token was last known to come: a clock behind that was set back, and nothing passes then.
func NewReportMode(r *Record, grant *policy.Grant, seen, read time.Time) *ReportMode {
	end := r.ReportEnd()
	if grant == nil || !read.Before(end) {
		return nil
	}
	since := r.ReportFrom
	if seen.After(since) {
		since = seen
	}
	return &ReportMode{grant: grant, since: since.Add(-clockSkew), until: end, read: read}
}

// Grant gives the grant of all that passes at an instant. It is nil when report mode is over, and when the clock cannot be
// trusted: it is behind what was seen, or shows less time than has passed since the record was read.
func (r *ReportMode) Grant(now time.Time) *policy.Grant {
	if r == nil || now.Before(r.since) || !now.Before(r.until) {
		return nil
	}
	// Both are of this process, and have a monotonic reading: setting the clock back does not change what is between them.
	if passed := now.Sub(r.read); passed < 0 || passed >= r.until.Sub(r.read) {
		return nil
	}
	return r.grant
}
