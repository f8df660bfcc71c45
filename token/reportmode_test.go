package token

import (
	"testing"
	"time"

	"patgate/policy"
)

// reported is a record that was put into report mode for a time.
func reported(from time.Time, lasts time.Duration) *Record {
	return &Record{OwnersWord: true, ReportFrom: from, ReportUntil: from.Add(lasts)}
}

func TestReportEnd(t *testing.T) {
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	const week = 7 * 24 * time.Hour
	for _, c := range []struct {
		name   string
		change func(*Record)
		want   time.Time
	}{
		{"as it was said", func(*Record) {}, start.Add(week)},
		{"never longer than it may be", func(r *Record) { r.ReportUntil = start.Add(10 * week) }, start.Add(LongestReport)},
		{"not made on the owner's word", func(r *Record) { r.OwnersWord = false }, time.Time{}},
		{"made by a token", func(r *Record) { r.ParentID = 1 }, time.Time{}},
		{"without a beginning", func(r *Record) { r.ReportFrom = time.Time{} }, time.Time{}},
		{"ended", func(r *Record) { r.ReportUntil = time.Time{} }, time.Time{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := reported(start, week)
			c.change(r)
			if got := r.ReportEnd(); !got.Equal(c.want) {
				t.Errorf("ends %v, want %v", got, c.want)
			}
			if !c.want.IsZero() && (!r.Reports(start) || r.Reports(c.want) || r.Reports(start.Add(-time.Hour))) {
				t.Error("it is in report mode at another time")
			}
			if c.want.IsZero() && r.Reports(start) {
				t.Error("it is in report mode")
			}
		})
	}
}

// TestReportModeAndTheClock asks at every kind of instant, with clocks that were set back among them.
func TestReportModeAndTheClock(t *testing.T) {
	passes := &policy.Grant{Owner: 1}
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	end := start.Add(24 * time.Hour)
	r := reported(start, 24*time.Hour)
	for _, c := range []struct {
		name            string
		seen, read, now time.Time
		want            bool
	}{
		{"at its beginning", time.Time{}, start, start, true},
		{"by a node whose clock is a little behind", time.Time{}, start, start.Add(time.Second), true},
		{"at its last moment", time.Time{}, end.Add(-time.Minute), end.Add(-1), true},
		{"at its end, with what was read before", time.Time{}, end.Add(-time.Minute), end, false},
		{"after its end", time.Time{}, end.Add(-time.Minute), end.Add(time.Hour), false},
		{"read after its end", time.Time{}, end, end, false},
		{"a clock of another age", time.Time{}, time.Unix(0, 0), time.Unix(60, 0), false},
		{"a clock behind the beginning", time.Time{}, start.Add(-time.Hour), start.Add(-time.Hour), false},
		{"a clock that was set back since it was read", time.Time{}, start.Add(2 * time.Hour), start.Add(time.Hour), false},
		{"a clock that was set back behind what was seen", start.Add(5 * time.Hour), start.Add(time.Hour), start.Add(time.Hour), false},
		{"a clock that was set back from behind the end", end.Add(time.Hour), start.Add(time.Hour), start.Add(time.Hour), false},
		{"seen a moment ago by a node whose clock is ahead", start.Add(time.Hour + time.Second), start.Add(time.Hour), start.Add(time.Hour),
			true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := NewReportMode(r, passes, c.seen, c.read).Grant(c.now) != nil; got != c.want {
				t.Errorf("it passes: %v", got)
			}
		})
	}
	if NewReportMode(r, nil, time.Time{}, start).Grant(start) != nil || (*ReportMode)(nil).Grant(start) != nil {
		t.Error("something passes without a grant")
	}
}
