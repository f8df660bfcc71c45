package learning

import (
	"testing"
	"time"

	"patgate/learn"
	"patgate/token"
)

// TestWhatPassedIsProposedForAWeek: what passed in report mode is part of proposals until a week after its end.
func TestWhatPassedIsProposedForAWeek(t *testing.T) {
	end := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	r := token.Record{OwnersWord: true, ReportFrom: end.Add(-48 * time.Hour), ReportUntil: end}
	for days, want := range map[int]bool{-1: true, 0: true, 7: true, 8: false, 300: false} {
		if got := reported(&r, learn.DayOf(end.AddDate(0, 0, days))); got != want {
			t.Errorf("%d days after its end: %v", days, got)
		}
	}
	if r.ReportUntil = (time.Time{}); reported(&r, learn.DayOf(end)) {
		t.Error("it was ended, and what passed is proposed")
	}
	if reported(&token.Record{ReportFrom: r.ReportFrom, ReportUntil: end}, learn.DayOf(end)) {
		t.Error("it never was in report mode")
	}
}
